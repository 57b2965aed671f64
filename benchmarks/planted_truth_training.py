"""Train the networks of planted_truth_networks.py where they are not stored: some minutes each, once."""

from __future__ import annotations

from pathlib import Path

import torch
from planted_truth_networks import BigNet, MonoNet
from safetensors.torch import save_file
from torch import nn

from o2b_helpers.toyworld.made_by.train_backbone import train

SEED = 12
IMAGES = 8000
NETWORKS = {"mononet": (MonoNet, 24), "bignet": (BigNet, 8)}  # name -> class and epochs


def trained_network(name: str, folder: Path) -> Path:
    """Return the file of a network's weights, trained first if it is not there."""
    file = folder / f"{name}.safetensors"
    if not file.exists():
        build, epochs = NETWORKS[name]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            model: nn.Module = build()
        if isinstance(model, MonoNet):
            # After every step, so that no filter is read for another class at any time.
            model.register_forward_pre_hook(lambda module, _: module.bound_to_own_filters())
        model = train(model, IMAGES, epochs)
        if isinstance(model, MonoNet):
            model.bound_to_own_filters()
        folder.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, part)
        part.replace(file)
    return file
