"""Mediation of all layers against captum's LayerIntegratedGradients, and against our own exact lesions; and sham boxes.

The classes of 48 photographs are detected and hidden in turn. Ours shares out every change among all filters of all
cuts, for all heads; the peer takes 64 points of the path, a call for each head, on a few pairs, scaled up. `floor` is
one pass forwards and backwards for each piece of a path. Needs the photographs and the detector of the real data.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np
import pandas as pd
import torch
from captum.attr import LayerIntegratedGradients
from common import (
    REAL_DATA,
    Row,
    heads,
    network,
    picture_files,
    pictures,
    readout,
    scaled_sum,
    timed,
    whole_module,
)
from PIL import Image

from o2b_helpers.kernels.cams.filter_cams import recorded_pass
from o2b_helpers.kernels.lesions.single_filters import lesion_predictions
from o2b_helpers.kernels.mediation.mediated_changes import mediated_changes
from o2b_helpers.kernels.regions.occlusion import fill_from_surroundings
from o2b_helpers.models.backbones.registry import architecture
from o2b_helpers.models.detectors.detector import load_detector
from o2b_helpers.studies.object2brain.hidden.occlusion import area_in_input

IMAGES, RUNS, STEPS, SAMPLE, SHAMS = 48, 5, 64, 2, 199


def rows(name: str) -> list[Row]:
    backbone, images, valence = network(name), pictures(name, IMAGES), readout(network(name), RUNS)
    stimuli, masks = hidden_pairs(name)
    filled = torch.cat(
        [fill_from_surroundings(images[stimuli[some]], masks[some]) for some in np.array_split(range(len(masks)), 16)]
    )
    layers = backbone.target_layers
    shares = mediated_changes(backbone, images, filled, stimuli, valence, layers)
    ours = timed({"ours": partial(mediated_changes, backbone, images, filled, stimuli, valence, layers)}, 1, False)[
        "ours"
    ]
    lesions = [
        timed({"all": partial(lesion_predictions, backbone, images, valence, at)}, 1, True)["all"] for at in layers
    ]
    module = whole_module(backbone, *(part[:1] for part in heads(backbone, RUNS)))
    own = images[stimuli[:SAMPLE]]
    peer = [
        (timed({"peer": partial(captum, module, layer, own, filled[:SAMPLE])}, 1, False)["peer"], 1.0)
        for layer in layers
    ]
    scale = RUNS * len(stimuli) / SAMPLE
    pieces = sum(shares.pieces.values()) * len(stimuli) / 32
    floor = [
        (timed({"pass": partial(there_and_back, backbone, filled[:32], valence, layer)}, 2)["pass"],
         shares.pieces[layer] * len(stimuli) / 32)
        for layer in layers
    ]  # fmt: skip
    sweep = sum(lesion.median for lesion in lesions)
    residual = np.concatenate([values.ravel() for values in shares.residual.values()])
    note = f"{ours.median / sweep:.2f} times the exact lesions of all filters ({sweep:.1f} s); pieces "
    note += ", ".join(f"{layer} {count}" for layer, count in shares.pieces.items())
    note += f"; residual: median {np.median(residual):.1e}, largest {residual.max():.1e}; peer sampled"
    setting = f"{IMAGES} stimuli (photographs), {len(stimuli)} classes hidden, all filters of all cuts"
    more = {"lesions_s": sweep, "ratio_lesions": ours.median / sweep, "passes": pieces}
    result = [
        Row("mediation", name, setting, RUNS, ours, f"captum LayerIntegratedGradients, {STEPS} points, a call per head",
            scaled_sum(peer) * scale, None, scaled_sum(floor), None, note, more)
    ]  # fmt: skip
    draw = np.random.default_rng(5)
    areas = masks[draw.integers(len(masks), size=64)]
    some = timed({"shams": partial(hide_and_predict, backbone, valence, images[:1], areas)}, 2)["shams"]
    setting = f"sham boxes: {SHAMS} of {len(stimuli)} classes in {IMAGES} stimuli; 64 hidden, scaled"
    passes = timed({"features": partial(features, backbone, images[:1].expand(64, -1, -1, -1))}, 2)["features"]
    times = SHAMS * len(stimuli) / 64
    result.append(
        Row("mediation", name, setting, RUNS, some * times, floor=passes * times, note="floor: the passes alone")
    )
    return result


@lru_cache(maxsize=1)
def hidden_pairs(name: str) -> tuple[np.ndarray, torch.Tensor]:
    """Detect the classes of the photographs: which picture, and what of the network's input the class covers."""
    files, geometry = picture_files(IMAGES, REAL_DATA), architecture(name).preprocessing
    detector = load_detector(REAL_DATA / "weights" / "yolov8n-oiv7.pt", None)
    boxes = detector.detect([str(file) for file in files], images=[str(n) for n in range(len(files))])
    stimuli, masks = [], []
    for (number, _), own in boxes.astype({"image": int}).groupby(["image", "class"], sort=True):
        mask = area_in_input(geometry, pd.DataFrame(own), *Image.open(files[number]).size)
        if mask.any():
            stimuli.append(number)
            masks.append(mask)
    return np.array(stimuli), torch.stack(masks)


def captum(module: torch.nn.Module, layer: str, images: torch.Tensor, filled: torch.Tensor) -> None:
    """The peer's way for some pairs and one head."""
    peer = LayerIntegratedGradients(module, module.get_submodule(layer))
    peer.attribute(images, filled, target=0, n_steps=STEPS, method="riemann_middle", internal_batch_size=32)


def there_and_back(backbone, images: torch.Tensor, valence, layer: str) -> None:
    """One pass from a layer's maps to the features, and back for every head."""
    maps, flat, tail = recorded_pass(backbone, images, [layer])
    rows, _ = valence.gradients(tail.features, 0)
    for row, direction in enumerate(tail.back(rows), 1):
        torch.autograd.grad(flat, maps[layer], direction.contiguous(), retain_graph=row < len(rows))


@torch.no_grad()
def hide_and_predict(backbone, valence, image: torch.Tensor, areas: torch.Tensor) -> None:
    """Hide areas in one picture and predict."""
    valence.outputs(backbone.features(fill_from_surroundings(image.expand(len(areas), -1, -1, -1), areas)))


@torch.no_grad()
def features(backbone, images: torch.Tensor) -> None:
    """The passes alone."""
    backbone.features(images)
