"""A frozen network that can be cut at its layers: the same object for every architecture."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.core.progress import say
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.stages import Stages
from o2b_helpers.models.fast.folding import folded_twin

FOLDED_TOLERANCE = 1e-5  # largest difference, relative to the stage's largest value


@dataclass
class Backbone:
    """A frozen network in eval mode, as an ordered list of stages.

    Parameters
    ----------
    name : str
        The architecture.
    weights : str
        Name or file name of the weights.
    digest : str
        sha256 of the file of weights; for untrained networks a word that names seed and version.
    module : nn.Module
        The whole network with its own last layer.
    preprocessing : Preprocessing
        From a picture to the network's input.
    target_layers : tuple of str
        Layers whose filters are studied, first to last.
    stages : list of (str, nn.Module)
        Composed they map images (image, 3, height, width) to features (image, feature).
    shapes : dict of str to tuple of int
        What each stage gives for one image of the preprocessing's size: (channel, height, width) or (feature,).
    device : str
        Where the network is.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> maps, features = backbone.run(torch.zeros(2, 3, 96, 96), ["features.4"])
    >>> maps["features.4"].shape, features.shape
    (torch.Size([2, 24, 24, 24]), torch.Size([2, 432]))
    >>> torch.allclose(backbone.tail(maps["features.4"], "features.4"), features)
    True
    """

    name: str
    weights: str
    digest: str
    module: nn.Module
    preprocessing: Preprocessing
    target_layers: tuple[str, ...]
    stages: Stages
    shapes: dict[str, tuple[int, ...]]
    device: str = "cpu"
    splits: ClassVar[bool] = True  # whether it can be resumed at a layer
    _folded: dict[str, nn.Module] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def n_features(self) -> int:
        """Number of penultimate features."""
        return self.shapes[self.stages[-1][0]][0]

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Compute the penultimate features.

        Parameters
        ----------
        images : Tensor (image, 3, height, width)
            Normalised images on the network's device.

        Returns
        -------
        Tensor (image, feature)
        """
        return self.run(images, ())[1]

    def trunk(self, images: torch.Tensor, layer: str) -> torch.Tensor:
        """Compute the feature maps (image, channel, height, width) at a layer, and nothing behind it."""
        end = self._position(layer) + 1
        for _, stage in self.stages[:end]:
            images = stage(images)
        return images

    def tail(self, maps: torch.Tensor, layer: str) -> torch.Tensor:
        """Go on from the maps (image, channel, height, width) at a layer to the features (image, feature)."""
        return self.resume(maps, layer, ())[1]

    def run(
        self, images: torch.Tensor, layers: Iterable[str], *, until: str | None = None
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Compute the maps at several layers and the features in one pass.

        Parameters
        ----------
        images : Tensor (image, 3, height, width)
            Normalised images on the network's device.
        layers : iterable of str
            Layers whose maps are wanted.
        until : str, optional
            Stop behind this layer; its maps are then the second result, in place of the features.

        Returns
        -------
        maps : dict of str to Tensor (image, channel, height, width)
            By layer.
        features : Tensor (image, feature)
        """
        return self._compose(images, 0, layers, until)

    def resume(
        self, maps: torch.Tensor, layer: str, layers: Iterable[str]
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Go on from the maps at one layer, as `run` does: the maps of later layers and the features.

        Nothing is detached: where `maps` requires a gradient, so do the results. `layer` itself may be among `layers`.
        """
        given = {layer: maps} if layer in (layers := tuple(layers)) else {}
        later, features = self._compose(maps, self._position(layer) + 1, [name for name in layers if name != layer])
        return {**given, **later}, features

    def stages_behind(self, layer: str) -> list[nn.Module]:
        """List the stages that take the maps at a layer to the features."""
        return [stage for _, stage in self.stages[self._position(layer) + 1 :]]

    def folded_stages_behind(self, layer: str) -> list[nn.Module]:
        """List folded twins of these stages, see `o2b_helpers.models.fast.folding`.

        Made once, they hold weights of their own. A twin whose results for random maps differ from its stage's by more
        than rounding is not used; a line says so.
        """
        behind = self.stages[self._position(layer) + 1 :]
        if any(name not in self._folded for name, _ in behind):
            generator = torch.Generator().manual_seed(0)
            values = torch.rand(1, *self.shape(layer), generator=generator).to(self.device)
            for name, stage in behind:
                with torch.no_grad():
                    wanted = stage(values)
                    if name not in self._folded:
                        self._folded[name] = self._twin(name, stage, values, wanted)
                values = wanted
        return [self._folded[name] for name, _ in behind]

    def _twin(self, name: str, stage: nn.Module, values: torch.Tensor, wanted: torch.Tensor) -> nn.Module:
        twin = folded_twin(stage)
        if self.device == "meta":  # shapes only: there are no values to compare
            return twin
        values_of_twin = twin(values.clone(memory_format=torch.preserve_format))
        if values_of_twin.shape == wanted.shape and float(
            (values_of_twin - wanted).abs().max()
        ) <= FOLDED_TOLERANCE * float(wanted.abs().max()):
            return twin
        say(f"  {self.name}: {name} is computed as it stands, as its shortened form differs by more than rounding")
        return stage

    def shape(self, layer: str) -> tuple[int, ...]:
        """Shape (channel, height, width) of a layer's maps for an image of the preprocessing's size."""
        self._position(layer)
        return self.shapes[layer]

    def to(self, device: str | torch.device) -> Backbone:
        """Move the network to a device, in place, and return it."""
        self.module.to(device)
        for _, stage in self.stages:
            stage.to(device)
        self._folded.clear()
        self.device = str(device)
        return self

    def _compose(
        self, tensor: torch.Tensor, start: int, layers: Iterable[str], until: str | None = None
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        wanted = {self._position(layer) for layer in layers}
        if wanted and min(wanted) < start:
            early = self.stages[min(wanted)][0]
            raise ModelError(
                "A layer lies before the one to go on from",
                value=early,
                expected=f"a layer behind {self.stages[start - 1][0]}",
                remedy="start from the first of the layers",
            )
        maps = {}
        for position in range(start, len(self.stages) if until is None else self._position(until) + 1):
            name, stage = self.stages[position]
            tensor = stage(tensor)
            if position in wanted:
                maps[name] = tensor
        return maps, tensor

    def _position(self, layer: str) -> int:
        names = [name for name, _ in self.stages]
        if layer in names:
            return names.index(layer)
        close = difflib.get_close_matches(layer, names, n=1)
        raise ModelError(
            f"{self.name} has no such layer" + (f" (did you mean {close[0]}?)" if close else ""),
            value=layer,
            expected="one of " + ", ".join(names),
            remedy="correct the layer; the target layers are " + ", ".join(self.target_layers),
        )
