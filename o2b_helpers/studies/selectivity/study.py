"""The study ``selectivity``: filters that answer to unpleasant, neutral and pleasant pictures."""

from __future__ import annotations

from o2b_helpers.core.study import Step, Study
from o2b_helpers.studies.alignment.study import INPUTS
from o2b_helpers.studies.selectivity import filter_selectivity, image_sets
from o2b_helpers.studies.selectivity.options import OPTIONS
from o2b_helpers.studies.selectivity.section import SECTION
from o2b_helpers.studies.selectivity.tables import (
    EXAMPLE_FILTERS,
    FILTER_RESPONSES,
    FILTER_SELECTIVITY,
    IMAGE_SETS,
    IMAGE_SPLITS,
    LAYER_SELECTIVITY,
    SELECTIVE_OVERLAP,
    SELECTIVE_SHARES,
)

IMAGE_SETS_STEP = Step(
    "image_sets",
    notebook="12_selectivity",
    needs=(INPUTS,),
    part=image_sets.part,
    compute=image_sets.compute,
    tables=(IMAGE_SETS, IMAGE_SPLITS),
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
)

STUDY = Study(
    "selectivity",
    title="Emotion-selective filters",
    options=OPTIONS,
    steps=(IMAGE_SETS_STEP, SELECTIVITY_STEP),
    section=SECTION,
    by_default=False,
)
