"""Check that a network's stages are the network: nothing is left out, added or done twice."""

from __future__ import annotations

import torch
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.registry import Architecture
from o2b_helpers.models.backbones.stages import Stages

TOLERANCE = 1e-6  # largest difference, relative to the largest value


@torch.no_grad()
def check_split(module: nn.Module, stages: Stages, definition: Architecture) -> dict[str, tuple[int, ...]]:
    """Compare the composed stages with the whole network on one random image.

    Checked are: the features against what enters the network's own last layer, the last layer's output against the
    network's, and for every target layer that going on from its maps gives the features.

    Parameters
    ----------
    module : nn.Module
        The network, frozen.
    stages : list of (str, nn.Module)
        Its stages.
    definition : Architecture
        Names, target layers and last layer.

    Returns
    -------
    dict of str to tuple of int
        The shape of one image's result behind each stage, without the image dimension.

    Raises
    ------
    ModelError
        A stage fails, the composition differs from the network, or a target layer is no stage, gives no maps or
        gives negative values.
    """
    names = [name for name, _ in stages]
    unknown = [layer for layer in definition.target_layers if layer not in names]
    if unknown or not definition.target_layers or len(set(names)) < len(names):
        _refuse(
            definition,
            f"target layers {unknown}" if unknown else f"stages {names}",
            "different names for all stages, and target layers among them: " + ", ".join(names),
        )
    size = definition.preprocessing.crop
    image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    results = {}
    tensor = image
    for name, stage in stages:
        try:
            tensor = stage(tensor)
        except RuntimeError as error:
            _refuse(definition, f"{name}: {error}", f"stages that accept what the one before them gives ({name})")
        results[name] = tensor
    _check_whole(module, image, tensor, definition)
    for layer in definition.target_layers:
        maps = results[layer]
        if maps.ndim != 4 or maps.min() < 0:
            _refuse(
                definition,
                f"{layer}: shape {tuple(maps.shape)}, smallest value {float(maps.min()):.4g}",
                "target layers whose maps (image, channel, height, width) are not negative, e.g. behind a ReLU",
            )
        again = maps
        for _, stage in stages[names.index(layer) + 1 :]:
            again = stage(again)
        _compare(again, tensor, definition, f"going on from {layer}")
    return {name: tuple(result.shape[1:]) for name, result in results.items()}


def _check_whole(module: nn.Module, image: torch.Tensor, features: torch.Tensor, definition: Architecture) -> None:
    """Compare the features with what the network's own last layer reads, and what it gives with the output."""
    if features.ndim != 2:
        _refuse(definition, f"shape {tuple(features.shape)}", "features (image, feature) behind the last stage")
    if not definition.last_layer:
        _compare(features, module(image), definition, "the composed stages")
        return
    last, read = module.get_submodule(definition.last_layer), []
    hook = last.register_forward_pre_hook(lambda _, arguments: read.append(arguments[0].clone()))
    try:
        output = module(image)
    finally:
        hook.remove()
    if len(read) != 1:
        reached = f"{definition.last_layer} is reached {len(read)} times"
        _refuse(definition, reached, "a last layer that is reached once")
    # a last layer that is a convolution reads maps; a head reads their mean
    entering = read[0].mean(dim=(2, 3)) if read[0].ndim == 4 else read[0]
    _compare(features, entering, definition, "the composed stages")
    if isinstance(last, nn.Linear):
        _compare(last(features), output, definition, "the composed stages with the last layer")


def _compare(result: torch.Tensor, wanted: torch.Tensor, definition: Architecture, what: str) -> None:
    if result.shape != wanted.shape:
        _refuse(definition, f"{what}: shape {tuple(result.shape)}", f"shape {tuple(wanted.shape)}")
    difference = float((result - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30))
    if not difference <= TOLERANCE:
        _refuse(definition, f"{what}: relative difference {difference:.2g}", f"at most {TOLERANCE:g}")


def _refuse(definition: Architecture, value: str, expected: str) -> None:
    raise ModelError(
        f"{definition.name} cannot be split at its layers as its definition says",
        value=value,
        expected=expected,
        remedy="correct the stages, target layers or last layer where the architecture is registered",
    )
