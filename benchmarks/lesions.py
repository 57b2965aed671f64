"""Lesions against one hooked full forward pass per filter, all heads at once (a sample of filters, extrapolated)."""

from __future__ import annotations

import torch
from common import network, pictures, row, seconds, whole_module

from o2b_helpers.kernels.lesions import lesion_predictions

IMAGES, SAMPLE = 8, 4


def lines(name: str) -> list[str]:
    backbone, weight, bias = network(name)
    images = pictures(backbone, IMAGES)
    module = whole_module(backbone, weight, bias)
    ours_s = naive_s = difference = 0.0
    for layer in backbone.target_layers:
        found = lesion_predictions(backbone, images, weight, bias, layer)
        ours_s += seconds(lambda layer=layer: lesion_predictions(backbone, images, weight, bias, layer), 1)
        for channel in range(SAMPLE):

            def zero(_, __, maps, channel=channel):
                maps = maps.clone()
                maps[:, channel] = 0
                return maps

            hook = module.get_submodule(layer).register_forward_hook(zero)
            with torch.no_grad():
                wanted = module(images).T
                naive_s += seconds(lambda: module(images), 1) * found.shape[1] / SAMPLE
            hook.remove()
            difference = max(difference, float((found[:, channel] - wanted).abs().max()))
    setting = f"{name}, {IMAGES} images, all filters, 5 heads"
    return [row("lesions", setting, ours_s, "full forward (sampled)", naive_s, difference)]
