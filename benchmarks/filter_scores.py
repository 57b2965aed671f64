"""Filter scores against pytorch-grad-cam: one forward and backward per layer, scale_cam_image per filter."""

from __future__ import annotations

import numpy as np
import torch
from common import network, pictures, row, seconds, whole_module
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.image import scale_cam_image

from o2b_helpers.kernels.filter_scores import filter_scores

IMAGES, BOXES = 2, 6


def _peer(cam: GradCAM, images: torch.Tensor, boxes: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Homogeneity scores (filter,) summed over boxes, for one layer and one run."""
    size = images.shape[-1]
    cam.outputs = cam.activations_and_grads(images)
    cam.model.zero_grad()
    cam.outputs[:, 0].sum().backward()
    maps = cam.activations_and_grads.activations[0].numpy()
    weights = cam.get_cam_weights(images, None, None, maps, cam.activations_and_grads.gradients[0].numpy())
    total = np.zeros(maps.shape[1])
    for image in range(len(images)):
        for channel in range(maps.shape[1]):
            one = np.maximum(1e8 * weights[image, channel] * maps[image, channel], 0)[None]
            scaled = scale_cam_image(one, (size, size))[0]
            for x0, y0, x1, y1 in boxes[owner == image]:
                inside = scaled[y0:y1, x0:x1]
                total[channel] += inside.mean() ** 2 / inside.max() if inside.max() > 0 else 0
    return total


def lines(name: str) -> list[str]:
    backbone, weight, bias = network(name)
    images = pictures(backbone, IMAGES)
    rng, size = np.random.default_rng(3), images.shape[-1]
    corner = rng.integers(0, size // 2, (IMAGES * BOXES, 2))
    boxes = np.concatenate([corner, corner + rng.integers(8, size // 2, (IMAGES * BOXES, 2))], axis=1)
    owner = np.repeat(np.arange(IMAGES), BOXES)
    tensors = torch.as_tensor(boxes, dtype=torch.float64), torch.as_tensor(owner), torch.zeros(len(owner)).long()
    layers = list(backbone.target_layers)

    def ours():
        return filter_scores(backbone, images, weight, bias, *tensors, 1, layers).score_sum[0, :, 0]

    module = whole_module(backbone, weight[:1], bias[:1])

    def peer():
        parts = []
        for layer in layers:
            with GradCAM(module, [module.get_submodule(layer)]) as cam:
                parts.append(_peer(cam, images, boxes, owner))
        return np.concatenate(parts)

    difference = float(np.abs(ours() - peer()).max() / (IMAGES * BOXES))
    setting = f"{name}, {IMAGES} images x {BOXES} boxes; ours 5 runs, peer 1"
    return [row("filter_scores", setting, seconds(ours), "pytorch-grad-cam", seconds(peer, 1), difference)]
