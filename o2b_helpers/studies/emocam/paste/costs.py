"""What the step ``paste`` takes; nothing is loaded for it."""

from __future__ import annotations

from o2b_helpers.core.cost import Need
from o2b_helpers.core.params import Params
from o2b_helpers.core.store import Store
from o2b_helpers.inputs.images.decoding import DECODED_PIXEL
from o2b_helpers.models.backbones.meta import pass_bytes
from o2b_helpers.studies.alignment import inputs
from o2b_helpers.studies.common.costs import (
    DOUBLE,
    Folders,
    largest_pixels,
    network_shapes,
    reading_bytes,
    with_network,
)
from o2b_helpers.studies.emocam.costs import PASSES_KEPT
from o2b_helpers.studies.emocam.emotion_models import load_emotion_model
from o2b_helpers.studies.emocam.paste import plan
from o2b_helpers.studies.emocam.paste.counts import SAMPLES_AT_A_TIME
from o2b_helpers.studies.emocam.paste.pasting import SAVED

RESIZED_AS_DOUBLES = 2  # parts of a picture that are resized anew, along one axis and the other


def paste_cost(params: Params, folders: Folders, store: Store) -> list[Need]:
    """Return what copies of one picture, a pass with gradients, and the labels of all pictures take."""
    data, options, needs = inputs.load(params, folders["inputs"]), params.analysis.paste, []
    copies = len(plan.positions(params)) + 2 * len(options.box_classes)
    for model in params.analysis.emocam_models:
        backbone = network_shapes(params, model)
        table = plan.chosen_pictures(params, data, load_emotion_model(folders["emotion_models"], model))
        many = min(params.execution.batch_size, copies)
        one_picture = largest_pixels(table, 1) * (DECODED_PIXEL + RESIZED_AS_DOUBLES * 3 * DOUBLE)
        kept = DOUBLE * SAVED * len(table) * copies * len(options.objects) * len(plan.kinds(params))
        passing = pass_bytes(backbone, many) * (PASSES_KEPT if options.cam else 1)
        # copies are asked in batches, but made all at a time
        working = passing + reading_bytes(backbone, 2 * copies) + one_picture + 2 * kept
        samples = 2 * DOUBLE * (SAMPLES_AT_A_TIME * len(table) + params.analysis.significance.bootstrap * copies)
        needs.append(with_network(params, backbone, f"objects pasted for {model.label}", working + samples, disk=kept))
    return needs
