"""What is worth knowing of a result besides its tables: counts, what was left out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Store the facts of a result in its folder; what is undefined (NaN) becomes null, as JSON has no other word."""
    text = json.dumps(without_nan(facts), indent=1, default=str, allow_nan=False)
    (folder / "facts.json").write_text(text, encoding="utf-8")


def without_nan(value: Any) -> Any:
    """Put None in the place of every number that is not finite: JSON knows none, and a browser refuses it.

    Examples
    --------
    >>> without_nan({"rho": [0.5, float("nan")], "runs": (1, 2)})
    {'rho': [0.5, None], 'runs': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {key: without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(entry) for entry in value]
    number = value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value
    return None if isinstance(number, float) and not math.isfinite(number) else number


def read_facts(folder: Path) -> dict[str, Any]:
    """Read what :func:`write_facts` stored."""
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))


def beside(common: Mapping[str, Any], of_models: Mapping[str, Any]) -> dict[str, Any]:
    """Put the facts of each model beside those of the whole step; no model takes the place of another fact.

    A model whose name is a fact's gets `` (model)`` behind it: no model's name can have brackets.

    Examples
    --------
    >>> beside({"method": "exact lesions"}, {"toynet": {"filters": 8}, "method": {"filters": 4}})
    {'method': 'exact lesions', 'toynet': {'filters': 8}, 'method (model)': {'filters': 4}}
    """
    taken = {*common, "warnings"}
    return {**common, **{f"{name} (model)" if name in taken else name: own for name, own in of_models.items()}}


def facts_of_models(facts: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Go through the models whose own facts hold this key: name and facts.

    Examples
    --------
    >>> list(facts_of_models({"runs": 2, "toynet": {"filters": 8}}, "filters"))
    [('toynet', {'filters': 8})]
    """
    for name, own in facts.items():
        if isinstance(own, Mapping) and key in own:
            yield name, own


def warnings_of(facts: Mapping[str, Any]) -> list[str]:
    """Return the sentences that a reader of a result must see before anything else.

    A step puts them into its facts under ``warnings``: what was left out, what was kept against advice, what is
    unlikely to be meant. The console, the notebook, the doctor and the top of the report show them.

    Examples
    --------
    >>> warnings_of({"warnings": ["2 stimuli were left out."]}), warnings_of({"images": 12})
    (['2 stimuli were left out.'], [])
    """
    return list(facts.get("warnings", []))


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """Write a number with the right form of what is counted.

    Examples
    --------
    >>> counted(1, "box", "boxes"), counted(1200, "box", "boxes")
    ('1 box', '1,200 boxes')
    """
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def carried_on(facts: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Add to a result's facts what an earlier result, in whose folder it stands, says of every result made from it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_facts(Path(folder), {"said_of_every_result": ["1 stimulus was trained on."]})
    ...     warnings_of(carried_on({"runs": 5}, Path(folder)))
    ['1 stimulus was trained on.']
    """
    sentences = read_facts(folder).get("said_of_every_result", [])
    if not sentences:
        return dict(facts)
    return {**facts, "said_of_every_result": sentences, "warnings": [*warnings_of(facts), *sentences]}
