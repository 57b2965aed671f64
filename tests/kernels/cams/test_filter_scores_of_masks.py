"""Filter scores of objects with masks: the same sums, over the masks' pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from filter_score_setting import LAYERS, N_CLASSES, setting
from kernels_reference import score_of, whole_network

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels.cams.filter_scores import filter_scores


def masks_for(count, seed=0):
    """A mask for two of three boxes; one has no pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    masks = []
    for number in range(count):
        middle, radius = rng.uniform(20, 76, 2), rng.uniform(5, 40)
        mask = np.hypot(y - middle[0], x - middle[1]) < radius
        masks.append(mask & (rng.random((96, 96)) < 0.9) if number % 3 else None)
    masks[7] = np.zeros((96, 96), dtype=bool)
    return masks


def plain(network, pictures, readout, regions, owner, classes, score):
    """One filter, one run, one region at a time, on maps that are really resized."""
    module = whole_network(network, readout)
    maps, hooks = {}, []
    for layer in LAYERS:
        stage = module.get_submodule(layer)
        hooks.append(stage.register_forward_hook(lambda _, __, values, layer=layer: maps.__setitem__(layer, values)))
    outputs = module(pictures)
    tables = []
    for run in range(readout.n_runs):
        gradients = torch.autograd.grad(outputs[:, run].sum(), [maps[layer] for layer in LAYERS], retain_graph=True)
        rows = []
        for layer, gradient in zip(LAYERS, gradients, strict=True):
            values, weights = maps[layer].detach().double().numpy(), gradient.double().mean((2, 3)).numpy()
            cams = np.maximum(weights[:, :, None, None] * values, 0)
            for channel in range(cams.shape[1]):
                row = np.zeros(N_CLASSES)
                for region, image, c in zip(regions, owner.tolist(), classes.tolist(), strict=True):
                    if region.any():
                        cam = cams[image, channel]
                        span = cam.max() - cam.min()
                        cam = (cam - cam.min()) / span if span > 0 else np.zeros_like(cam)
                        pixels = cv2.resize(cam, (96, 96))[region]
                        row[c] += score_of(float(pixels.mean()), float(pixels.max()), score)
                rows.append(row)
        tables.append(rows)
    return np.array(tables)


@pytest.mark.parametrize("score", ["homogeneity", "ratio"])
def test_equals_plain_scores_of_masks(score):
    network, pictures, readout, corners, owner, classes = setting()
    masks = masks_for(len(corners))
    regions = []
    for (x0, y0, x1, y1), mask in zip(np.clip(corners.numpy(), 0, 96), masks, strict=True):
        box = np.zeros((96, 96), dtype=bool)
        if x1 > x0 and y1 > y0:
            box[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
        regions.append(box if mask is None else mask)
    arguments = (network, pictures, readout, corners, owner, classes, N_CLASSES, LAYERS)
    scores = filter_scores(*arguments, score=score, masks=masks, batch_size=2)
    wanted = plain(network, pictures, readout, regions, owner, classes, score)
    assert np.abs(scores.score_sum - wanted).max() < 1e-5 * max(1.0, wanted.max())
    unseen = [not region.any() for region in regions]
    assert scores.dropped == sum(unseen) == 2
    assert (scores.box_count == np.bincount(classes[~torch.tensor(unseen)], minlength=N_CLASSES)).all()


@pytest.mark.parametrize("cam_scale", ["filter", "layer"])
def test_without_masks_nothing_changes(cam_scale):
    network, *rest = setting()
    arguments = (network, *rest, N_CLASSES, LAYERS)
    scores = filter_scores(*arguments, cam_scale=cam_scale)
    unmasked = filter_scores(*arguments, cam_scale=cam_scale, masks=[None] * len(rest[-1]))
    assert np.array_equal(scores.score_sum, unmasked.score_sum) and np.array_equal(scores.box_count, unmasked.box_count)


def test_a_mask_for_each_box_is_needed():
    arguments = (*setting(), N_CLASSES, LAYERS)
    with pytest.raises(InputError, match="Boxes and masks do not fit"):
        filter_scores(*arguments, masks=[None])
