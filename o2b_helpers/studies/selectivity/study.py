"""The study ``selectivity``: filters that answer to unpleasant, neutral and pleasant pictures."""

from __future__ import annotations

from o2b_helpers.core.params import Params
from o2b_helpers.core.study import Step, Study
from o2b_helpers.studies.alignment.study import HUMAN_TARGETS, INPUTS, VALENCE_MODELS
from o2b_helpers.studies.alignment.study import STUDY as ALIGNMENT
from o2b_helpers.studies.object2brain.study import OBJECTS
from o2b_helpers.studies.selectivity import costs, filter_selectivity, image_sets, summaries
from o2b_helpers.studies.selectivity.controls import step as controls
from o2b_helpers.studies.selectivity.controls.categories import reads_detections
from o2b_helpers.studies.selectivity.doctor import findings
from o2b_helpers.studies.selectivity.explored.filter_facts import filter_facts
from o2b_helpers.studies.selectivity.figures import (
    lesions_and_gains,
    selective_overlap,
    selectivity_by_layer,
    tuning_curves,
)
from o2b_helpers.studies.selectivity.gain_alignment import step as gain_alignment
from o2b_helpers.studies.selectivity.gain_alignment.costs import gain_alignment_cost
from o2b_helpers.studies.selectivity.gain_alignment.tables import GAIN_ALIGNMENT
from o2b_helpers.studies.selectivity.gains import costs as gains_costs
from o2b_helpers.studies.selectivity.gains import readouts
from o2b_helpers.studies.selectivity.gains import step as gains
from o2b_helpers.studies.selectivity.gains.tables import (
    EMOTION_READOUTS,
    GAIN_CURVES,
    GAIN_EFFECTS,
    LESION_SPECIFICITY,
)
from o2b_helpers.studies.selectivity.gains.tables import NAME as GAINS
from o2b_helpers.studies.selectivity.options import OPTIONS
from o2b_helpers.studies.selectivity.section import SECTION
from o2b_helpers.studies.selectivity.tables import (
    EXAMPLE_FILTERS,
    FILTER_CATEGORIES,
    FILTER_RESPONSES,
    FILTER_SELECTIVITY,
    IMAGE_SETS,
    IMAGE_SPLITS,
    LAYER_SELECTIVITY,
    LOW_LEVEL_EMOTIONS,
    SELECTIVE_OVERLAP,
    SELECTIVE_SHARES,
)


def _alignment_is_run(params: Params) -> bool:
    """Say whether the profile runs the study `alignment`; else nobody said that its targets are there and meant."""
    return ALIGNMENT in params.chosen_studies


IMAGE_SETS_STEP = Step(
    "image_sets",
    notebook="12_selectivity",
    needs=(INPUTS,),
    part=image_sets.part,
    compute=image_sets.compute,
    tables=(IMAGE_SETS, IMAGE_SPLITS),
    summary=summaries.image_sets_summary,
)
SELECTIVITY_STEP = Step(
    "selectivity",
    notebook="12_selectivity",
    needs=(INPUTS, IMAGE_SETS_STEP),
    part=filter_selectivity.part,
    compute=filter_selectivity.compute,
    tables=(
        FILTER_SELECTIVITY,
        LAYER_SELECTIVITY,
        SELECTIVE_OVERLAP,
        SELECTIVE_SHARES,
        EXAMPLE_FILTERS,
        FILTER_RESPONSES,
    ),
    cost=costs.selectivity_cost,
    summary=summaries.selectivity_summary,
)
EMOTION_CONTROLS = Step(
    controls.NAME,
    notebook="12_selectivity",
    needs=(INPUTS, IMAGE_SETS_STEP, SELECTIVITY_STEP),
    needs_where=((OBJECTS, reads_detections),),
    part=controls.part,
    compute=controls.compute,
    tables=(LOW_LEVEL_EMOTIONS, FILTER_CATEGORIES),
    summary=summaries.emotion_controls_summary,
)
EMOTION_READOUTS_STEP = Step(
    readouts.NAME,
    notebook="13_lesion_and_attention",
    needs=(INPUTS, IMAGE_SETS_STEP),
    part=readouts.part,
    compute=readouts.compute,
    tables=(EMOTION_READOUTS,),
    cost=gains_costs.readouts_cost,
    summary=summaries.emotion_readouts_summary,
)
LESION_AND_ATTENTION = Step(
    GAINS,
    notebook="13_lesion_and_attention",
    needs=(INPUTS, IMAGE_SETS_STEP, SELECTIVITY_STEP, EMOTION_READOUTS_STEP),
    part=gains.part,
    compute=gains.compute,
    tables=(GAIN_EFFECTS, GAIN_CURVES, LESION_SPECIFICITY),
    cost=gains_costs.gains_cost,
    summary=summaries.lesion_and_attention_summary,
)
GAINS_AND_ALIGNMENT = Step(
    gain_alignment.NAME,
    notebook="13_lesion_and_attention",
    needs=(INPUTS, IMAGE_SETS_STEP, SELECTIVITY_STEP),
    needs_where=((HUMAN_TARGETS, _alignment_is_run), (VALENCE_MODELS, _alignment_is_run)),
    part=gain_alignment.part,
    compute=gain_alignment.compute,
    tables=(GAIN_ALIGNMENT,),
    cost=gain_alignment_cost,
    summary=summaries.gains_and_alignment_summary,
)

STUDY = Study(
    "selectivity",
    title="Emotion-selective filters",
    options=OPTIONS,
    steps=(
        IMAGE_SETS_STEP,
        SELECTIVITY_STEP,
        EMOTION_CONTROLS,
        EMOTION_READOUTS_STEP,
        LESION_AND_ATTENTION,
        GAINS_AND_ALIGNMENT,
    ),
    figures=(selectivity_by_layer.FIGURE, selective_overlap.FIGURE, tuning_curves.FIGURE, lesions_and_gains.FIGURE),
    section=SECTION,
    doctor=findings,
    filter_facts=filter_facts,
    by_default=False,
)
