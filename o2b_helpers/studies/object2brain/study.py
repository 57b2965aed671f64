"""The study ``object2brain``: which objects drive the agreement, through which filters."""

from __future__ import annotations

from o2b_helpers.core.study import Step, Study
from o2b_helpers.studies.alignment.study import CONTROLS, HUMAN_TARGETS, INPUTS, VALENCE_MODELS
from o2b_helpers.studies.object2brain import costs, filter_lesions, filter_sensitivity, objects, summaries
from o2b_helpers.studies.object2brain.doctor import findings
from o2b_helpers.studies.object2brain.explorer import step as explorer
from o2b_helpers.studies.object2brain.figures import (
    category_overlap,
    category_weights_by_architecture,
    category_weights_by_layer,
    presence_of_objects,
)
from o2b_helpers.studies.object2brain.hidden import mediation, occlusion, shams
from o2b_helpers.studies.object2brain.options import OPTIONS
from o2b_helpers.studies.object2brain.section import SECTION
from o2b_helpers.studies.object2brain.semantic import step as semantic
from o2b_helpers.studies.object2brain.semantic.tables import SEMANTIC_CONTROL, SEMANTIC_HELD_OUT, SEMANTIC_PREDICTIONS
from o2b_helpers.studies.object2brain.tables import (
    CATEGORY_OVERLAP,
    CATEGORY_WEIGHTS,
    DETECTIONS,
    FILTER_SCORES,
    LESION_EFFECTS,
    LESION_PREDICTIONS,
    MEDIATION,
    OBJECT_WEIGHTS,
    OBJECT_WEIGHTS_BY_ESTIMATOR,
    OBJECT_WEIGHTS_MEAN,
    OCCLUDED_PREDICTIONS,
    PATCH_TEST,
    PLANTED_TRUTH,
    SHAM_PREDICTIONS,
)
from o2b_helpers.studies.object2brain.weights import class_weights, planted_truth

OBJECTS = Step(
    "objects",
    notebook="05_objects",
    needs=(INPUTS,),
    part=objects.part,
    compute=objects.compute,
    tables=(DETECTIONS, CATEGORY_OVERLAP),
    cost=costs.objects_cost,
    summary=summaries.objects_summary,
)
FILTER_SENSITIVITY = Step(
    "filter_sensitivity",
    notebook="06_filter_sensitivity",
    needs=(INPUTS, VALENCE_MODELS, OBJECTS),
    part=filter_sensitivity.part,
    compute=filter_sensitivity.compute,
    tables=(FILTER_SCORES,),
    cost=costs.filter_sensitivity_cost,
    summary=summaries.filter_sensitivity_summary,
)
FILTER_LESIONS = Step(
    "filter_lesions",
    notebook="07_filter_lesions",
    needs=(INPUTS, HUMAN_TARGETS, VALENCE_MODELS),
    part=filter_lesions.part,
    compute=filter_lesions.compute,
    tables=(LESION_EFFECTS, LESION_PREDICTIONS),
    cost=costs.filter_lesions_cost,
    summary=summaries.filter_lesions_summary,
)
OCCLUSION = Step(
    "occlusion",
    notebook="08_object2brain",
    needs=(INPUTS, VALENCE_MODELS, OBJECTS),
    part=occlusion.part,
    compute=occlusion.compute,
    tables=(OCCLUDED_PREDICTIONS,),
    cost=costs.occlusion_cost,
    summary=summaries.occlusion_summary,
)
SHAMS = Step(
    "shams",
    notebook="08_object2brain",
    needs=(INPUTS, VALENCE_MODELS, OBJECTS),
    part=shams.part,
    compute=shams.compute,
    tables=(SHAM_PREDICTIONS,),
    cost=costs.shams_cost,
    summary=summaries.shams_summary,
)
MEDIATED = Step(
    "mediation",
    notebook="08_object2brain",
    needs=(INPUTS, HUMAN_TARGETS, VALENCE_MODELS, OBJECTS),
    part=mediation.part,
    compute=mediation.compute,
    tables=(MEDIATION, PATCH_TEST),
    cost=costs.mediation_cost,
    summary=summaries.mediation_summary,
)
TRUTH = Step(
    "planted_truth",
    notebook="08_object2brain",
    needs=(INPUTS, HUMAN_TARGETS, VALENCE_MODELS),
    part=planted_truth.part,
    compute=planted_truth.compute,
    tables=(PLANTED_TRUTH,),
)
CONTROL = Step(
    "semantic_control",
    notebook="08_object2brain",
    needs=(INPUTS, HUMAN_TARGETS, VALENCE_MODELS, CONTROLS, OBJECTS),
    part=semantic.part,
    compute=semantic.compute,
    tables=(SEMANTIC_PREDICTIONS, SEMANTIC_HELD_OUT, SEMANTIC_CONTROL),
    cost=costs.semantic_control_cost,
    summary=summaries.semantic_control_summary,
)
CLASS_WEIGHTS = Step(
    "object2brain",
    notebook="08_object2brain",
    needs=(HUMAN_TARGETS, OBJECTS, FILTER_SENSITIVITY, FILTER_LESIONS, OCCLUSION, SHAMS, MEDIATED, TRUTH),
    part=class_weights.part,
    compute=class_weights.compute,
    tables=(OBJECT_WEIGHTS, OBJECT_WEIGHTS_MEAN, OBJECT_WEIGHTS_BY_ESTIMATOR, CATEGORY_WEIGHTS),
    cost=costs.class_weights_cost,
    summary=summaries.class_weights_summary,
)
EXPLORER = Step(
    "explorer",
    notebook="09_explorer",
    needs=(CLASS_WEIGHTS,),
    part=explorer.part,
    compute=explorer.compute,
    summary=summaries.explorer_summary,
)

STUDY = Study(
    "object2brain",
    title="Objects that drive the agreement",
    options=OPTIONS,
    steps=(
        OBJECTS,
        FILTER_SENSITIVITY,
        FILTER_LESIONS,
        OCCLUSION,
        SHAMS,
        MEDIATED,
        TRUTH,
        CONTROL,
        CLASS_WEIGHTS,
        EXPLORER,
    ),
    figures=(
        category_weights_by_layer.FIGURE,
        category_weights_by_architecture.FIGURE,
        category_overlap.FIGURE,
        presence_of_objects.FIGURE,
    ),
    section=SECTION,
    doctor=findings,
)
