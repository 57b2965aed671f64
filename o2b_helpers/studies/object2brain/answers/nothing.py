"""Why a run has no weight of a class or category to tell of, in words."""

from __future__ import annotations

from o2b_helpers.core.facts import facts_of_models
from o2b_helpers.report.provenance import facts_of
from o2b_helpers.report.results import Results
from o2b_helpers.studies.object2brain.tables import OBJECT_WEIGHTS_MEAN

NO_MODEL = (
    "In this run no model was studied for objects: no model of the profile asks for it (analysis.models, object2brain)."
)


def nothing_weighed(results: Results, what: str) -> str:
    """Say why no class (or category) has a weight.

    Parameters
    ----------
    results : Results
        Needs object_weights_mean.csv; its provenance tells whether a model was studied at all.
    what : {"class", "category"}
        Of which there is no weight.
    """
    if len(results.table(OBJECT_WEIGHTS_MEAN)):
        return (
            f"No {what} of objects has a defined weight other than 0: where predictions are the same for every "
            "stimulus, no effect of a filter is defined."
        )
    studied = list(facts_of_models(facts_of(results.provenance, "object2brain"), "classes"))
    if studied:
        return f"No {what} of objects has a weight: no object lies inside what the networks see."
    return NO_MODEL
