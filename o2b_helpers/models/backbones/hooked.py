"""A frozen network that is not split into stages: its maps are read by hooks, and every change runs it as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack

import torch
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.registry import Architecture, architecture
from o2b_helpers.models.backbones.stages import Stages

FEATURES = "features read by the last layer"


class HookedBackbone(Backbone):
    """A network whose definition names target layers but no stages; slow, and as exact as a split one.

    `stages` lists the target layers in the order in which an image passes them, and what the last layer reads.
    """

    splits = False

    def run(
        self, images: torch.Tensor, layers: Iterable[str], *, until: str | None = None
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Compute the maps at several layers and the features in one pass, as `Backbone.run` does."""
        wanted = dict.fromkeys([*layers, *([until] if until else [])])
        maps, features = self._pass(images, {layer: None for layer in wanted})
        last = features if until is None else maps[until]
        return {layer: maps[layer] for layer in layers}, last

    def trunk(self, images: torch.Tensor, layer: str) -> torch.Tensor:
        """Compute the feature maps (image, channel, height, width) at a layer."""
        return self._pass(images, {layer: None})[0][layer]

    def run_from(self, images: torch.Tensor, layers: Iterable[str]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Compute maps and features; gradients reach the first of the layers and end there."""
        layers = list(layers)
        first = min(layers, key=self._position)

        def end_here(maps: torch.Tensor) -> torch.Tensor:
            return maps.detach().requires_grad_()

        return self._pass(images, {layer: end_here if layer == first else None for layer in layers})

    def changed_features(
        self, images: torch.Tensor, layer: str, change: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """Compute the features (image, feature) of a full forward pass in which the maps of a layer are changed."""
        return self._pass(images, {layer: change})[1]

    def resume(
        self, maps: torch.Tensor, layer: str, layers: Iterable[str]
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Refuse: what stands behind a layer is not known by itself.

        Raises
        ------
        ModelError
            Always.
        """
        raise ModelError(
            f"{self.name} cannot be resumed at a layer",
            value=layer,
            expected="an architecture that is registered with stages",
            remedy="name its stages where it is registered",
        )

    def _pass(
        self, images: torch.Tensor, watched: dict[str, Callable | None]
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        maps: dict[str, torch.Tensor] = {}
        read: list[torch.Tensor] = []

        def keep(layer: str, change: Callable | None) -> Callable:
            def hook(_: nn.Module, __: tuple, result: torch.Tensor) -> torch.Tensor:
                maps[layer] = result if change is None else change(result)
                return maps[layer].clone()  # whatever follows may overwrite its input

            return hook

        with ExitStack() as hooks:
            for layer, change in watched.items():
                self._position(layer)  # refuses a layer that is not known
                if layer != FEATURES:
                    hook = self.module.get_submodule(layer).register_forward_hook(keep(layer, change))
                    hooks.callback(hook.remove)
            last = self.module.get_submodule(architecture(self.name).last_layer)
            hooks.callback(last.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0])).remove)
            self.module(images)
        features = read[0].mean((2, 3)) if read[0].ndim == 4 else read[0].flatten(1)
        return maps | ({FEATURES: features} if FEATURES in watched else {}), features


def hooked_stages(module: nn.Module, definition: Architecture) -> tuple[Stages, dict[str, tuple[int, ...]]]:
    """Run one random image and list the target layers in the order in which it passes them, with their shapes.

    Parameters
    ----------
    module : nn.Module
        The network, frozen; on torch's "meta" device values are not looked at.
    definition : Architecture
        Target layers, last layer and size of the input.

    Returns
    -------
    stages : list of (str, nn.Module)
        Target layers, and a last entry for what the last layer reads.
    shapes : dict of str to tuple of int
        Of one image.

    Raises
    ------
    ModelError
        No last layer is named, a layer is not there or passed other than once, or gives no maps or negative values.
    """
    names, last_layer, size = list(definition.target_layers), definition.last_layer, definition.preprocessing.crop
    shapes, order, read = {}, [], []

    def refuse(value: str, expected: str) -> None:
        raise ModelError(
            "A network cannot be studied as its definition says",
            value=value,
            expected=expected,
            remedy="correct target_layers or last_layer where the architecture is registered",
        )

    known = dict(module.named_modules())
    missing = [name for name in [*names, last_layer] if not name or name not in known]
    if missing or not names:
        refuse(f"layers {missing or names}", "target layers and a last layer that are modules of the network")

    def watch(name: str) -> Callable:
        def hook(_: nn.Module, __: tuple, maps: torch.Tensor) -> None:
            if maps.ndim != 4 or (not maps.is_meta and float(maps.min()) < 0):
                refuse(f"{name}: shape {tuple(maps.shape)}", "maps (image, channel, height, width), 0 or more")
            order.append(name)
            shapes[name] = tuple(maps.shape[1:])

        return hook

    with ExitStack() as hooks, torch.no_grad():
        for name in names:
            hooks.callback(known[name].register_forward_hook(watch(name)).remove)
        last = known[last_layer].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
        hooks.callback(last.remove)
        image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
        module(image.to(next(module.parameters()).device))
    if sorted(order) != sorted(names) or len(read) != 1:
        refuse(f"passed: {order}, last layer {len(read)} times", "every target layer and the last one passed once")
    shapes[FEATURES] = (read[0].shape[1] if read[0].ndim == 4 else read[0][0].numel(),)
    return [(name, known[name]) for name in order] + [(FEATURES, nn.Identity())], shapes
