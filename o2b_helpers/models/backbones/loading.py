"""Load a network: build it, put its weights in, freeze it, and check that it can be cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from o2b_helpers.core.progress import say
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.fitting import fit_weights
from o2b_helpers.models.backbones.hooked import HookedBackbone, hooked_stages
from o2b_helpers.models.backbones.registry import Architecture, building
from o2b_helpers.models.backbones.registry import architecture as find_architecture
from o2b_helpers.models.backbones.splitting import check_split
from o2b_helpers.models.backbones.stages import Stages
from o2b_helpers.models.backbones.weights_files import find_weights, read_state_dict


def load_backbone(
    architecture: str,
    weights: str,
    *,
    sha256: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    weights_folder: Path | str | None = None,
) -> Backbone:
    """Load a network, freeze it and check that it splits at every target layer.

    Parameters
    ----------
    architecture : str
        Name of a known architecture, see `architecture_names`.
    weights : str
        ``"imagenet"`` (torchvision's IMAGENET1K_V1), ``"places365"`` (the official checkpoint), ``"toyworld"``
        (toynet), ``"untrained"`` (random, from `seed`), or the path of a state dict or .safetensors file.
    sha256 : str, optional
        Digest that the file of weights must have.
    seed : int
        For ``"untrained"`` only.
    device : str
        As torch names it.
    weights_folder : Path, optional
        Where published weights are kept.

    Returns
    -------
    Backbone
        In eval mode, without gradients for its parameters, with no ReLU that overwrites its input.

    Raises
    ------
    ModelError
        Anything about the weights or the architecture is not as it must be.

    Examples
    --------
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> backbone.target_layers, backbone.n_features
    (('features.1', 'features.4', 'features.7', 'features.9'), 432)
    """
    definition = find_architecture(architecture)
    if weights == "untrained":
        module = build_module(definition, seed)
        name, digest = "untrained", weights_digest(architecture, weights, seed=seed)
    else:
        file = find_weights(definition, str(weights), sha256, weights_folder)
        module = build_module(definition, seed)  # its random weights are all overwritten, or this fails
        state = read_state_dict(file.path, definition, module.state_dict().keys())
        fit_weights(module, state, definition, file.path.name)
        if definition.complete is not None:
            definition.complete(module, file.path)
        name = weights if weights in definition.weights else file.path.name
        digest = file.sha256
    kind: type[Backbone] = Backbone
    stages = freeze(module, definition)
    if stages:
        shapes = check_split(module, stages, definition)
    else:
        kind = HookedBackbone
        stages, shapes = hooked_stages(module, definition)
        say(f"  {definition.name} is not split into stages: every lesion runs the whole network")
    backbone = kind(
        definition.name, name, digest, module, definition.preprocessing, definition.target_layers, stages, shapes
    )
    return backbone.to(device)


def weights_digest(
    architecture: str,
    weights: str,
    *,
    sha256: str | None = None,
    seed: int = 0,
    weights_folder: Path | str | None = None,
) -> str:
    """Name the weights that `load_backbone` would load, without building the network.

    Returns
    -------
    str
        sha256 of the file; for ``"untrained"`` architecture, seed and the version of torch that draws the numbers.

    Examples
    --------
    >>> weights_digest("toynet", "toyworld") == load_backbone("toynet", "toyworld").digest
    True
    """
    definition = find_architecture(architecture)
    if weights == "untrained":
        return f"untrained {definition.name} seed {seed} torch {torch.__version__}"
    return find_weights(definition, str(weights), sha256, weights_folder).sha256


def build_module(definition: Architecture, seed: int) -> nn.Module:
    """Build the network with weights drawn from the seed, and leave torch's own random numbers as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with building(definition.name):
            return definition.build()


def freeze(module: nn.Module, definition: Architecture) -> Stages:
    """Set eval mode, switch gradients and in-place steps off, and list the stages, where there are any."""
    stages = definition.stages(module) if definition.stages else []
    child: Any
    for part in [module, *(stage for _, stage in stages)]:
        part.eval().requires_grad_(False)
        for child in part.modules():
            if getattr(child, "inplace", False):  # an in-place ReLU would overwrite the maps that are read before it
                child.inplace, child.overwrites_input = False, True
    return stages
