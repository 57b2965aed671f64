"""The study ``deep_affect``: how much of arousal and valence is in objects, scenes and faces."""

from __future__ import annotations

from o2b_helpers.core.study import Step, Study
from o2b_helpers.studies.alignment.study import INPUTS
from o2b_helpers.studies.deep_affect import (
    affect_features,
    affect_inputs,
    affect_models,
    affect_scores,
    costs,
    summaries,
)
from o2b_helpers.studies.deep_affect.figures import contributions
from o2b_helpers.studies.deep_affect.options import OPTIONS
from o2b_helpers.studies.deep_affect.section import SECTION
from o2b_helpers.studies.deep_affect.tables import (
    AFFECT_CEILINGS,
    AFFECT_CONTRIBUTIONS,
    AFFECT_DUPLICATES,
    AFFECT_EXTRACTORS,
    AFFECT_FEATURES,
    AFFECT_FOLDS,
    AFFECT_PICTURES,
    AFFECT_PREDICTIONS,
    AFFECT_SCORES,
    AFFECT_TESTS,
    AFFECT_TRAINING,
)

MODELS_NOTEBOOK, SCORES_NOTEBOOK = "14_affect_models", "15_affect_contributions"

AFFECT_INPUTS = Step(
    affect_inputs.NAME,
    notebook=MODELS_NOTEBOOK,
    needs=(INPUTS,),
    part=affect_inputs.part,
    compute=affect_inputs.compute,
    tables=(AFFECT_PICTURES, AFFECT_DUPLICATES),
    summary=summaries.affect_inputs_summary,
)
AFFECT_FEATURES_STEP = Step(
    affect_features.NAME,
    notebook=MODELS_NOTEBOOK,
    needs=(INPUTS, AFFECT_INPUTS),
    part=affect_features.part,
    compute=affect_features.compute,
    tables=(AFFECT_EXTRACTORS, AFFECT_FEATURES),
    cost=costs.features_cost,
    summary=summaries.affect_features_summary,
)
AFFECT_MODELS = Step(
    affect_models.NAME,
    notebook=MODELS_NOTEBOOK,
    needs=(INPUTS, AFFECT_INPUTS, AFFECT_FEATURES_STEP),
    part=affect_models.part,
    compute=affect_models.compute,
    tables=(AFFECT_PREDICTIONS, AFFECT_TRAINING),
    cost=costs.models_cost,
    summary=summaries.affect_models_summary,
)
AFFECT_SCORES_STEP = Step(
    affect_scores.NAME,
    notebook=SCORES_NOTEBOOK,
    needs=(INPUTS, AFFECT_INPUTS, AFFECT_MODELS),
    part=affect_scores.part,
    compute=affect_scores.compute,
    tables=(AFFECT_FOLDS, AFFECT_SCORES, AFFECT_TESTS, AFFECT_CONTRIBUTIONS, AFFECT_CEILINGS),
    summary=summaries.affect_scores_summary,
)

STUDY = Study(
    "deep_affect",
    title="Arousal and valence from objects, scenes and faces",
    options=OPTIONS,
    steps=(AFFECT_INPUTS, AFFECT_FEATURES_STEP, AFFECT_MODELS, AFFECT_SCORES_STEP),
    figures=(contributions.FIGURE,),
    section=SECTION,
    by_default=False,
)
