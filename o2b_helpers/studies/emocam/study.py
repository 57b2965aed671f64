"""The study ``emocam``: which objects a network looks at when it names an emotion."""

from __future__ import annotations

from o2b_helpers.core.study import Step, Study
from o2b_helpers.studies.alignment.study import INPUTS
from o2b_helpers.studies.emocam import associations, cam_methods, costs, emotion_models, summaries
from o2b_helpers.studies.emocam.doctor import findings
from o2b_helpers.studies.emocam.figures import associations as figure_6
from o2b_helpers.studies.emocam.figures import cam_methods as figure_9
from o2b_helpers.studies.emocam.figures import confusion as figure_7
from o2b_helpers.studies.emocam.figures import pasted_objects as figure_10
from o2b_helpers.studies.emocam.options import OPTIONS
from o2b_helpers.studies.emocam.paste import costs as paste_costs
from o2b_helpers.studies.emocam.paste import step as paste
from o2b_helpers.studies.emocam.section import SECTION
from o2b_helpers.studies.emocam.tables import (
    CAM_METHOD_AGREEMENT,
    CAM_METHOD_ASSOCIATIONS,
    CAM_METHOD_PICTURES,
    CAM_METHODS,
    EMOTION_ASSOCIATIONS,
    EMOTION_BOXES,
    EMOTION_CAMS,
    EMOTION_CONFUSION,
    EMOTION_HEADS,
    EMOTION_MODELS,
    EMOTION_PREDICTIONS,
    PLANTED_EMOTIONS,
)
from o2b_helpers.studies.object2brain.study import OBJECTS

EMOTION_HEADS_STEP = Step(
    "emotion_models",
    notebook="10_associations",
    needs=(INPUTS,),
    part=emotion_models.part,
    compute=emotion_models.compute,
    tables=(EMOTION_MODELS, EMOTION_CONFUSION, EMOTION_PREDICTIONS, EMOTION_HEADS),
    cost=costs.emotion_models_cost,
    summary=summaries.emotion_models_summary,
)
ASSOCIATIONS = Step(
    "associations",
    notebook="10_associations",
    needs=(INPUTS, OBJECTS, EMOTION_HEADS_STEP),
    part=associations.part,
    compute=associations.compute,
    tables=(EMOTION_ASSOCIATIONS, EMOTION_BOXES, EMOTION_CAMS, PLANTED_EMOTIONS),
    cost=costs.associations_cost,
    summary=summaries.associations_summary,
)
CAM_METHODS_STEP = Step(
    "cam_methods",
    notebook="10_associations",
    needs=(INPUTS, OBJECTS, EMOTION_HEADS_STEP),
    part=cam_methods.part,
    compute=cam_methods.compute,
    tables=(CAM_METHODS, CAM_METHOD_ASSOCIATIONS, CAM_METHOD_AGREEMENT, CAM_METHOD_PICTURES),
    cost=costs.cam_methods_cost,
    summary=summaries.cam_methods_summary,
)
PASTE = Step(
    "paste",
    notebook="11_pasted_objects",
    needs=(INPUTS, OBJECTS, EMOTION_HEADS_STEP),
    part=paste.part,
    compute=paste.compute,
    tables=paste.TABLES,
    cost=paste_costs.paste_cost,
    summary=summaries.paste_summary,
)

STUDY = Study(
    "emocam",
    title="Objects behind named emotions",
    options=OPTIONS,
    steps=(EMOTION_HEADS_STEP, ASSOCIATIONS, CAM_METHODS_STEP, PASTE),
    figures=(figure_6.FIGURE, figure_7.FIGURE, figure_9.FIGURE, figure_10.FIGURE),
    section=SECTION,
    doctor=findings,
    by_default=False,
)
