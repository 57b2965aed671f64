"""Filter scores against pytorch-grad-cam: a forward and backward pass per layer and run, scale_cam_image per filter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from common import Row, heads, kind_of_pictures, network, pictures, random_boxes, timed, whole_module
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import scale_cam_image

from o2b_helpers.kernels.cams.filter_scores import BATCH_SIZE, filter_scores
from o2b_helpers.models.heads.readout import Readout

IMAGES, BOXES, RUNS = 64, 6, (1, 5)
SAMPLED_IMAGES = {"vgg16": 4, "vgg19": 4}  # for the peers; 8 of any other network
TOLERANCE = 1e-4
ABOVE_EPSILON = 1e8  # the peer adds 1e-7 to the divisor; weights this large make that vanish


class Peer:
    """pytorch-grad-cam on some images, with the first run's head."""

    def __init__(self, module, layers, images: torch.Tensor, boxes: np.ndarray, owner: np.ndarray):
        self.module, self.layers, self.images, self.boxes, self.owner = module, layers, images, boxes, owner

    def maps(self, cam: GradCAM) -> tuple[np.ndarray, np.ndarray]:
        """One forward and one backward pass: the maps and weights of a layer."""
        cam.outputs = cam.activations_and_grads(self.images)
        cam.model.zero_grad()
        cam.outputs[:, 0].sum().backward()
        maps = cam.activations_and_grads.activations[0].numpy()
        gradients = cam.activations_and_grads.gradients[0].numpy()
        return maps, cam.get_cam_weights(self.images, None, None, maps, gradients)

    def scores(self, maps: np.ndarray, weights: np.ndarray, channel: int) -> list[float]:
        """Homogeneity of every box for one filter, from its resized map."""
        size, result = self.images.shape[-1], []
        for image in range(len(self.images)):
            item = np.maximum(ABOVE_EPSILON * weights[image, channel] * maps[image, channel], 0)[None]
            scaled = scale_cam_image(item, (size, size))[0]
            for x0, y0, x1, y1 in self.boxes[self.owner == image]:
                inside = scaled[y0:y1, x0:x1]
                result.append(inside.mean() ** 2 / inside.max() if inside.max() > 0 else 0.0)
        return result

    def one_pass_per_layer(self) -> np.ndarray:
        """Scores (filter, box): the fair way to use the library."""
        result = []
        for layer in self.layers:
            with GradCAM(self.module, [self.module.get_submodule(layer)]) as cam:
                maps, weights = self.maps(cam)
                result += [self.scores(maps, weights, channel) for channel in range(maps.shape[1])]
        return np.array(result)

    def one_filter(self, layer: str) -> list[float]:
        """One filter as the library is meant to be called: a forward and a backward pass for each."""
        with GradCAM(self.module, [self.module.get_submodule(layer)]) as cam:
            return self.scores(*self.maps(cam), 0)


def _floor(backbone, images: torch.Tensor, weight: torch.Tensor) -> None:
    """One forward pass, and one backward pass per run down to the first target layer, in our memory layout."""
    first = backbone.target_layers[0]
    for start in range(0, len(images), BATCH_SIZE):
        with torch.no_grad():
            maps = backbone.trunk(images[start : start + BATCH_SIZE], first)
        maps = maps.detach().requires_grad_()
        features = backbone.tail(maps, first)
        for run, head in enumerate(weight, 1):
            torch.autograd.grad((features @ head).sum(), maps, retain_graph=run < len(weight))


def rows(architecture: str) -> list[Row]:
    backbone = network(architecture)
    weight, bias = heads(backbone, max(RUNS))
    images, layers = pictures(architecture, IMAGES), list(backbone.target_layers)
    boxes, owner = random_boxes(IMAGES, BOXES, images.shape[-1])
    corners, image = torch.as_tensor(boxes), torch.as_tensor(owner)

    def ours(runs: int, count: int = IMAGES):
        some = slice(count * BOXES)
        readout, classes = Readout.valence(weight[:runs], bias[:runs]), torch.arange(count * BOXES)
        own = corners[some], image[some], classes
        return filter_scores(backbone, images[:count], readout, *own, len(classes), layers).score_sum

    sampled = SAMPLED_IMAGES.get(architecture, 8)
    peer = Peer(whole_module(backbone, weight[:1], bias[:1]), layers, images[:sampled], boxes, owner[: sampled * BOXES])
    peer.boxes = boxes[: sampled * BOXES]
    same_layout = images.contiguous(memory_format=torch.channels_last)
    work: dict[str, Callable] = {}
    for runs in RUNS:
        work[f"ours {runs}"] = lambda runs=runs: ours(runs)
        work[f"floor {runs}"] = lambda runs=runs: _floor(backbone, same_layout, weight[:runs])
    work["peer"] = peer.one_pass_per_layer
    work |= {layer: lambda layer=layer: peer.one_filter(layer) for layer in layers}
    time = timed(work, repeats=3, warm_up=not architecture.startswith("vgg"))
    channels = [backbone.shape(layer)[0] for layer in layers]
    naive = sum(
        (time[layer] * n for layer, n in zip(layers[1:], channels[1:], strict=True)), time[layers[0]] * channels[0]
    )
    result = ours(1, sampled)[0]
    apart = int((np.abs(result - peer.one_pass_per_layer()) > TOLERANCE).sum())
    peer.images = same_layout[:sampled]
    difference = np.abs(result - peer.one_pass_per_layer()).max()
    return [
        Row(
            "filter_scores",
            architecture,
            f"{IMAGES} {kind_of_pictures()} x {BOXES} boxes",
            runs,
            time[f"ours {runs}"],
            "pytorch-grad-cam",
            time["peer"] * (runs * IMAGES / sampled),
            naive * (runs * IMAGES / sampled),
            time[f"floor {runs}"],
            float(difference),
            f"peer: {sampled} images and 1 run, scaled; naive: one filter of each layer, scaled; largest difference: "
            f"in the same memory layout; in the peer's own {apart} of {result.size} scores are more than {TOLERANCE} "
            "apart, as rounding decides on the sign of a weight near 0",
        )
        for runs in RUNS
    ]
