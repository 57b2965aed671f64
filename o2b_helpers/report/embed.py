"""Put figures and scripts into one HTML page that needs no network and takes every name as text."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from o2b_helpers.core.facts import without_nan

# Characters that could end the script element or open a comment inside it, and the two line ends that JSON
# allows and older JavaScript does not.
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class Script:
    """An inline script and the hash by which the page's own policy lets it run."""

    text: str

    @property
    def hash(self) -> str:
        """Return the source expression of a content security policy, ``'sha256-...'``."""
        return f"'sha256-{base64.b64encode(hashlib.sha256(self.text.encode('utf-8')).digest()).decode()}'"


def figure_json(figure: go.Figure) -> str:
    """Write a figure as JSON that is safe inside a ``script`` element."""
    return _escaped(figure.to_json())


def data_json(data: Any) -> str:
    """Write plain data as JSON that is safe inside a ``script`` element; null where a number is undefined."""
    return _escaped(json.dumps(without_nan(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def _escaped(text: str) -> str:
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def scripts(*more: str, figures: bool = True) -> list[Script]:
    """Return the scripts of a page.

    Parameters
    ----------
    more : str
        Scripts of the folder ``report/scripts`` besides ``page.js``, e.g. ``tables.js``, in the order they run.
    figures : bool
        Whether the page draws figures; only then it carries plotly.js.

    Returns
    -------
    list of Script
    """
    library = [Script("\n" + get_plotlyjs().replace("</script", "<\\/script") + "\n")] if figures else []
    folder = resources.files("o2b_helpers.report") / "scripts"
    return library + [Script("\n" + (folder / name).read_text(encoding="utf-8")) for name in ("page.js", *more)]


def policy(page_scripts: list[Script]) -> str:
    """Write the page's content security policy: nothing is fetched, no script runs but the page's own."""
    hashes = " ".join(script.hash for script in page_scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
