"""Which sources of the targets are people's own ratings: the profile says so, no name is taken as a sign of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from o2b_helpers.report.results import Results
from o2b_helpers.report.style import isolated
from o2b_helpers.studies.common.tables import TARGETS

LABELS, MEAN_RATING = "true", "rating"  # what the package calls the targets that it makes of ratings itself
MEASURED = ("toyworld", "measurements")  # kinds of human data from which it makes labels, and predictions of regions
ASKED_OF = {
    "IV": "what people say of the whole picture",
    "PV": "what people say of the people in the picture",
    "SV": "what people say of the scene",
}
NOT_DECLARED = (
    "The profile does not say which sources of the targets are people’s own ratings. To say so, set "
    "analysis.human.people to their names."
)


def people_sources(human: Mapping[str, Any]) -> list[str]:
    """Return the sources that are people's own ratings, by the options ``analysis.human``; none where nobody says so.

    Examples
    --------
    >>> people_sources({"kind": "measurements"}), people_sources({"kind": "corpus"})
    (['true'], ['rating'])
    >>> people_sources({"kind": "targets"}), people_sources({"kind": "targets", "people": ["means"]})
    ([], ['means'])
    """
    kind = human.get("kind")
    if kind in MEASURED:
        return [LABELS]
    return [MEAN_RATING] if kind == "corpus" else [str(name) for name in human.get("people") or ()]


def people_of(results: Results) -> list[str]:
    """Return the sources of a run's targets that are people's own ratings, in the order in which they are declared."""
    known = set(results.table(TARGETS)["source"])
    return [name for name in people_sources(_human(results)) if name in known]


def is_measured(results: Results) -> bool:
    """Say whether labels and predictions of regions were made by the package from measurements."""
    return _human(results).get("kind") in MEASURED


def source_in_words(results: Results, source: str) -> str:
    """Name a source as a sentence needs it."""
    if source not in people_of(results):
        return f"the source “{isolated(source)}”"
    own = {"corpus": "people’s ratings", "targets": f"people’s ratings (“{isolated(source)}”)"}
    return own.get(str(_human(results).get("kind")), "people’s own judgements")


def asked_in_words(valence_type: str) -> str:
    """Say what people were asked for a valence type."""
    return ASKED_OF.get(valence_type, f"people’s ratings of “{isolated(valence_type)}”")


def _human(results: Results) -> Mapping[str, Any]:
    analysis = results.provenance.get("analysis")
    human = analysis.get("human") if isinstance(analysis, Mapping) else None
    return human if isinstance(human, Mapping) else {}
