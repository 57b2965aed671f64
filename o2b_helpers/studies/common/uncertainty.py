"""How sure a figure's numbers are: which marks are filled, and the words for it."""

from __future__ import annotations

from typing import Any

from o2b_helpers.core.errors import InputError
from o2b_helpers.report.results import Results
from o2b_helpers.studies.common.select import P_SIGNIFICANT

MARKS = {
    "q": f"q &lt; {P_SIGNIFICANT}, corrected for the number of tests in the table",
    "p": f"p &lt; {P_SIGNIFICANT}, not corrected for the number of tests",
}


def mark_words(mark: str) -> str:
    """Say what a filled mark means, for a subtitle.

    Raises
    ------
    InputError
        Anything but ``q`` and ``p``.
    """
    if mark not in MARKS:
        raise InputError(
            "Unknown way to mark significance",
            value=repr(mark),
            expected="'q' (corrected for the number of tests) or 'p' (uncorrected, as in the paper)",
            remedy="name one of these",
        )
    return MARKS[mark]


def interval_words(results: Results) -> str:
    """Name the interval, with the share of the samples inside where the results say it."""
    content: Any = results.provenance
    for name in ("analysis", "significance", "confidence"):
        content = content.get(name) if isinstance(content, dict) else None
    return "interval" if content is None else f"{100 * content:g} % interval"
