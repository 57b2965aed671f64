"""Gains of sets of filters against a full forward pass, and against a pass resumed at the layer, for each of them.

The paper's lesions and attention: at every layer 51 strengths of one selective and 100 random sets of filters, for 200
pictures. Ours is timed on some sets and pictures with all strengths, the others on a few batches; all are scaled up.
Peer and naive passes serve all readouts, too, so that the ratios are those of the passes alone. Where each readout is a
network of its own, as each of the paper's three models is, peer and naive take as many times as long.
"""

from __future__ import annotations

import threading
import time
from functools import partial

import numpy as np
import psutil
import torch
from common import (
    Row,
    Timing,
    kind_of_pictures,
    matrix_product_rate,
    network,
    pictures,
    readout,
    scaled_sum,
    timed,
    whole_module,
)
from lesions import tail_operations
from torch import nn

from o2b_helpers.kernels.lesions.set_gains import set_gains
from o2b_helpers.models.backbones.backbone import Backbone

SETS, PICTURES, RUNS, BATCH = 101, 200, 9, 16
ALPHAS = np.round(np.arange(51) * 0.1, 1)
SAMPLES = {"vgg16": (1, 1, 6)}  # sets, pictures and strengths that ours is timed on
SAMPLE = (2, 4, 51)
SHARE = 0.2  # of a layer's filters in a set
BLOCK_BYTES = 256 * 2**20
LAYERS = {"vgg16": ("features.3", "features.8", "features.15", "features.22", "features.29")}  # of the paper's 13


def rows(name: str) -> list[Row]:
    backbone, batch = network(name), pictures(name, BATCH)
    sets, images, strengths = SAMPLES.get(name, SAMPLE)
    head, rng, rate = readout(backbone, RUNS), np.random.default_rng(0), matrix_product_rate()
    module = whole_module(backbone, torch.as_tensor(head.weight[:, 0]), torch.as_tensor(head.bias[:, 0]))
    with torch.no_grad():
        features = backbone.features(batch)
    ours, resumed, full, needed, difference, memory = [], [], [], 0.0, 0.0, 0.0
    layers = LAYERS.get(name, backbone.target_layers)
    for layer in layers:
        with torch.no_grad():
            maps = backbone.trunk(batch, layer)
        members = rng.random((sets, maps.shape[1])) < SHARE
        alphas = ALPHAS[np.linspace(0, len(ALPHAS) - 1, strengths).round().astype(int)]
        given = (batch[:images], maps[:images], features[:images], head, layer, members, alphas)
        call = partial(set_gains, backbone, *given, block_bytes=BLOCK_BYTES)
        set_gains(backbone, *given[:5], members[:1], alphas[:2], block_bytes=BLOCK_BYTES)  # makes the folded twins
        memory = max(memory, peak_mib(call))
        factor = 1 + float(alphas[-1]) * torch.as_tensor(members[0]).float()[:, None, None]
        passes = {
            "ours": call,
            "resumed": partial(resume, backbone, maps, layer, factor),
            "full": partial(hooked, module, layer, batch, factor),
        }
        took = timed(passes, 3 if name != "vgg16" else 2, name != "vgg16")
        copies = SETS * len(ALPHAS) * PICTURES
        ours.append((took["ours"], copies / (sets * strengths * images)))
        resumed.append((took["resumed"], copies / BATCH))
        full.append((took["full"], copies / BATCH))
        needed += copies * tail_operations(backbone, maps[:1], layer)[1]
        wanted = hooked(module, layer, batch[:images], factor).T
        difference = max(difference, float((call()[:, 0, -1] - wanted).abs().max() / wanted.abs().max()))
    total = scaled_sum(ours)
    floor = Timing(*[needed / rate] * 3)
    share = 100 * needed / total.median / rate
    note = f"{needed / 1e12:.0f} TFLOP needed: {share:.0f} % of the {rate / 1e9:.0f} GFLOP/s of a matrix product"
    note += f"; {memory:.0f} MiB more memory at most, of {BLOCK_BYTES >> 20} MiB; everything sampled; peer and naive "
    note += "passes serve all readouts (where each is a network of its own, they take that many times as long)"
    return [
        Row(
            "set_gains",
            name,
            f"{len(layers)} layers x {SETS} sets x {len(ALPHAS)} gains x {PICTURES} stimuli ({kind_of_pictures()})",
            RUNS,
            total,
            f"resumed at the layer for each, batches of {BATCH}",
            scaled_sum(resumed),
            scaled_sum(full),
            floor,
            difference,
            note,
            {"needed_tflop": needed / 1e12, "peak_gflops": rate / 1e9, "memory_mib": memory},
        )
    ]


@torch.no_grad()
def resume(backbone: Backbone, maps: torch.Tensor, layer: str, factor: torch.Tensor) -> torch.Tensor:
    """One pass for a batch of pictures from the layer on."""
    return backbone.tail(maps * factor, layer)


@torch.no_grad()
def hooked(module: nn.Module, layer: str, images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """One full forward pass for a batch of pictures in which a hook multiplies the maps."""
    hook = module.get_submodule(layer).register_forward_hook(lambda _, __, maps: maps * factor)
    try:
        return module(images)
    finally:
        hook.remove()


def peak_mib(call) -> float:
    """How far the process grows beyond what it held before, looked at every few milliseconds."""
    process, done = psutil.Process(), threading.Event()
    before = most = process.memory_info().rss

    def look() -> None:
        nonlocal most
        while not done.is_set():
            most = max(most, process.memory_info().rss)
            time.sleep(0.003)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        call()
    finally:
        done.set()
        watcher.join()
    return (most - before) / 2**20
