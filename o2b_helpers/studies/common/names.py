"""The order and the long names of valence types, sources and conditions: the paper's first."""

from __future__ import annotations

from collections.abc import Iterable

from o2b_helpers.report.style import safe

FIRST = {
    "valence_type": ["IV", "PV", "SV"],
    "source": ["true", "LLR", "MLR", "HLR"],
    "condition": ["congruent", "incongruent"],
}
LONG_NAMES = {"IV": "image valence", "PV": "people valence", "SV": "scene valence"}


def ordered(names: Iterable[str], kind: str) -> list[str]:
    """Order the names of a kind: the paper's first and in the paper's order, others as they appear."""
    seen = list(dict.fromkeys(names))
    first = [name for name in FIRST[kind] if name in seen]
    return first + [name for name in seen if name not in first]


def long_name(valence_type: str, length: int = 28) -> str:
    """Spell a valence type out where it is one of the paper's."""
    spelled = LONG_NAMES.get(valence_type)
    return f"{safe(valence_type)} ({spelled})" if spelled else safe(valence_type, length)
