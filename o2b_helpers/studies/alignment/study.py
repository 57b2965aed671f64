"""The study ``alignment``: images and ratings, valence models, and their agreement with people and brains."""

from __future__ import annotations

from o2b_helpers.core.study import Step, Study
from o2b_helpers.studies.alignment import (
    alignment_by_architecture,
    alignment_by_layer,
    costs,
    human_targets,
    inputs,
    summaries,
    valence_models,
)
from o2b_helpers.studies.alignment.contrasts import step as contrasts
from o2b_helpers.studies.alignment.controls import step as controls
from o2b_helpers.studies.alignment.doctor import findings
from o2b_helpers.studies.alignment.figures import alignment_by_architecture as figure_1
from o2b_helpers.studies.alignment.figures import alignment_by_layer as figure_2
from o2b_helpers.studies.alignment.options import OPTIONS
from o2b_helpers.studies.alignment.section import SECTION
from o2b_helpers.studies.alignment.tables import (
    ALIGNMENT,
    ALIGNMENT_CONTROLS,
    ALIGNMENT_SUMMARY,
    CEILINGS,
    CONTRASTS,
    CONTROL_ALIGNMENT,
    CONTROL_PREDICTIONS,
    HEADS,
    LAYER_ALIGNMENT,
    LAYER_ALIGNMENT_SUMMARY,
    LAYER_PREDICTIONS,
    PREDICTIONS,
)
from o2b_helpers.studies.common.tables import TARGETS

INPUTS = Step(
    "inputs",
    notebook="00_inputs",
    part=inputs.part,
    compute=inputs.compute,
    summary=summaries.inputs_summary,
)
HUMAN_TARGETS = Step(
    "human_targets",
    notebook="01_human_targets",
    needs=(INPUTS,),
    part=human_targets.part,
    compute=human_targets.compute,
    tables=(TARGETS, CEILINGS),
    summary=summaries.human_targets_summary,
)
VALENCE_MODELS = Step(
    "valence_models",
    notebook="02_valence_models",
    needs=(INPUTS,),
    part=valence_models.part,
    compute=valence_models.compute,
    tables=(PREDICTIONS, LAYER_PREDICTIONS, HEADS),
    cost=costs.valence_models_cost,
    summary=summaries.valence_models_summary,
)
BY_ARCHITECTURE = Step(
    "alignment_by_architecture",
    notebook="03_alignment_by_architecture",
    needs=(HUMAN_TARGETS, VALENCE_MODELS),
    part=alignment_by_architecture.part,
    compute=alignment_by_architecture.compute,
    tables=(ALIGNMENT, ALIGNMENT_SUMMARY),
    summary=summaries.alignment_summary,
)
CONTRASTS_OF_ALIGNMENT = Step(
    "alignment_contrasts",
    notebook="03_alignment_by_architecture",
    needs=(HUMAN_TARGETS, VALENCE_MODELS),
    part=contrasts.part,
    compute=contrasts.compute,
    tables=(CONTRASTS,),
    summary=summaries.contrasts_summary,
)
CONTROLS = Step(
    "alignment_controls",
    notebook="03_alignment_by_architecture",
    needs=(INPUTS, HUMAN_TARGETS, VALENCE_MODELS),
    part=controls.part,
    compute=controls.compute,
    tables=(CONTROL_PREDICTIONS, CONTROL_ALIGNMENT, ALIGNMENT_CONTROLS),
    cost=costs.controls_cost,
    summary=summaries.controls_summary,
)
BY_LAYER = Step(
    "alignment_by_layer",
    notebook="04_alignment_by_layer",
    needs=(HUMAN_TARGETS, VALENCE_MODELS),
    part=alignment_by_layer.part,
    compute=alignment_by_layer.compute,
    tables=(LAYER_ALIGNMENT, LAYER_ALIGNMENT_SUMMARY),
    summary=summaries.alignment_summary,
)

STUDY = Study(
    "alignment",
    title="Agreement of networks with people and their brains",
    options=OPTIONS,
    steps=(INPUTS, HUMAN_TARGETS, VALENCE_MODELS, BY_ARCHITECTURE, CONTRASTS_OF_ALIGNMENT, CONTROLS, BY_LAYER),
    figures=(figure_1.FIGURE, figure_2.FIGURE),
    section=SECTION,
    doctor=findings,
)
