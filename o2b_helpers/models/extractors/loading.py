"""Load a network for its outputs: logits, probabilities or penultimate features of pictures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.fitting import fit_weights
from o2b_helpers.models.backbones.loading import build_module, freeze
from o2b_helpers.models.backbones.registry import Architecture
from o2b_helpers.models.backbones.registry import architecture as find_architecture
from o2b_helpers.models.backbones.registry import architecture_names as backbone_names
from o2b_helpers.models.backbones.weights_files import find_weights, read_state_dict
from o2b_helpers.models.extractors.face_expression import FACE_EXPRESSION
from o2b_helpers.models.extractors.places_squeezenet import PLACES_SQUEEZENET

OWN = {architecture.name: architecture for architecture in (FACE_EXPRESSION, PLACES_SQUEEZENET)}
PROBABILITIES, SIGMOID, LOGITS, PENULTIMATE = OUTPUTS = ("probabilities", "sigmoid", "logits", "penultimate")


@dataclass(frozen=True)
class Extractor:
    """A frozen network whose outputs are features.

    Attributes
    ----------
    name : str
        Its architecture.
    module : nn.Module
        From normalised pictures to logits (image, class).
    preprocessing : Preprocessing
        What it expects to see.
    last_layer : str
        Module path of the layer that reads the penultimate features.
    digest : str
        sha256 of the file of weights.
    device : str
        Where it is.
    """

    name: str
    module: nn.Module = field(repr=False)
    preprocessing: Preprocessing
    last_layer: str
    digest: str
    device: str = "cpu"

    def outputs(self, images: torch.Tensor, kind: str) -> torch.Tensor:
        """Return features of pictures.

        Parameters
        ----------
        images : Tensor (image, 3, height, width)
            Normalised.
        kind : {"probabilities", "sigmoid", "logits", "penultimate"}
            ``probabilities``: softmax of the logits (they add up to 1); ``sigmoid``: each class by itself, for networks
            that name several classes in a picture; ``penultimate``: what the last layer reads, maps averaged over
            their positions.

        Returns
        -------
        Tensor (image, feature), float32, on the CPU

        Raises
        ------
        ModelError
            Outputs that are not finite, or not (image, class).
        """
        read: list[torch.Tensor] = []
        last = self.module.get_submodule(self.last_layer) if kind == PENULTIMATE else nn.Identity()
        hook = last.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
        try:
            with torch.no_grad():
                values = self.module(images.to(self.device))
        finally:
            hook.remove()
        if kind == PENULTIMATE:
            values = read[0].mean((2, 3)) if read[0].ndim == 4 else read[0].flatten(1)
        elif kind == PROBABILITIES:
            values = torch.softmax(values, 1)
        elif kind == SIGMOID:
            values = torch.sigmoid(values)
        if values.ndim != 2 or not torch.isfinite(values).all():
            raise ModelError(
                f"The outputs of {self.name} are no features",
                value=f"shape {tuple(values.shape)}, {int((~torch.isfinite(values)).sum())} not finite",
                expected="finite numbers (image, class)",
                remedy="take other weights",
            )
        return values.float().cpu()


def extractor_names() -> list[str]:
    """List the architectures that can be loaded: those of this folder, and all backbones."""
    return [*OWN, *backbone_names()]


def definition_of(name: str) -> Architecture:
    """Find an architecture by name; ModelError, with the closest name, where there is none."""
    return OWN[name] if name in OWN else find_architecture(name)


def load_extractor(
    architecture: str,
    weights: str,
    *,
    sha256: str | None = None,
    device: str = "cpu",
    weights_folder: Path | str | None = None,
) -> Extractor:
    """Load a ready network with its last layer.

    Parameters
    ----------
    architecture : str
        See `extractor_names`.
    weights : str
        Name of published weights, or the path of a file.
    sha256 : str, optional
        Digest that the file must have.
    device : str
        As torch names it.
    weights_folder : Path, optional
        Where published weights are kept.

    Returns
    -------
    Extractor
        In eval mode; its last layer has as many outputs as the file.

    Raises
    ------
    ModelError
        The architecture is unknown, has no last layer, or its weights do not fit.

    Examples
    --------
    >>> extractor = load_extractor("toynet", "toyworld")
    >>> extractor.outputs(torch.zeros(2, 3, 96, 96), "sigmoid").shape
    torch.Size([2, 14])
    """
    definition = definition_of(architecture)
    if not definition.last_layer:
        raise ModelError(
            f"{architecture} names no classes",
            value="no last layer",
            expected="an architecture with a last layer",
            remedy=f"take one of {', '.join(extractor_names())}",
        )
    file = find_weights(definition, weights, sha256, weights_folder)
    module = build_module(definition, seed=0)
    state = read_state_dict(file.path, definition, module.state_dict().keys())
    fit_weights(module, state, definition, file.path.name)
    if definition.complete is not None:
        definition.complete(module, file.path)
    freeze(module, replace(definition, stages=None))
    return Extractor(
        architecture, module.to(device), definition.preprocessing, definition.last_layer, file.sha256, device
    )
