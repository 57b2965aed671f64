"""A made-up batch of pictures, readouts and boxes, with every special case in it, for tests of filter scores."""

from __future__ import annotations

import numpy as np
import torch
from kernels_reference import images_for, readout_for, untrained

from o2b_helpers.models.backbones.registry import architecture

N_CLASSES = 5
LAYERS = architecture("toynet").target_layers


def setting(runs=2, images=5, boxes=17, seed=0, link="linear"):
    network = untrained("toynet")
    pictures, readout = images_for(network, images), readout_for(network, runs, link=link)
    readout.weight[..., 27:36] = 0.0  # a filter of the last layer (9 features each) whose w is exactly 0 in every run
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(-5, 101, (boxes, 2, 2)), axis=1).reshape(boxes, 4)
    corners[0] = corners[1]  # the same box twice
    corners[2] = [0, 0, 96, 96]
    corners[3] = [-30, 2, -1, 50]  # cropped away
    owner = rng.integers(0, images - 1, boxes)  # the last image has no box
    owner[1], classes = owner[0], rng.integers(0, N_CLASSES - 1, boxes)  # the last class has none
    return network, pictures, readout, torch.tensor(corners), torch.tensor(owner), torch.tensor(classes)
