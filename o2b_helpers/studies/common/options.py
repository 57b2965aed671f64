"""Blocks of options that several studies read: a network, and how chance is measured."""

from __future__ import annotations

import re
from pathlib import Path

from o2b_helpers.core.options import SHA256, Block, option


class Model(Block):
    """One backbone: an architecture with its weights."""

    architecture: str = option("toynet", "name of a known architecture, or of one that `definition` registers")
    weights: str = option(
        "toyworld", "imagenet, places365, toyworld, untrained, or a path to a state dict or safetensors file"
    )
    name: str | None = option(None, "how results call it (column architecture); default: the architecture's name")
    definition: str | None = option(None, "Python file of yours that registers the architecture")
    sha256: str | None = option(None, "digest that the weights file must have", pattern=SHA256)
    layers: list[str] | None = option(
        None, "target layers (module paths); default: the architecture's own", source="paper 2.2.3"
    )
    layer_models: bool = option(True, "train a model at every target layer", source="paper 2.2.3")
    object2brain: bool = option(True, "run filter sensitivity, lesions and Object2Brain on it", source="paper 3.2")

    @property
    def label(self) -> str:
        """Name in the results' column ``architecture``."""
        return self.name or self.architecture

    @property
    def weights_label(self) -> str:
        """Name in the results' column ``weights``: the known name, or the file's stem."""
        return Path(self.weights).stem if self.weights_is_a_file else self.weights

    @property
    def weights_is_a_file(self) -> bool:
        """Whether ``weights`` is a path rather than a known name."""
        return bool(re.search(r"[/\\.$]", self.weights))


class Significance(Block):
    """How much chance alone would give: permutations, and intervals."""

    permutations: int = option(
        10_000, "how often the stimuli are exchanged within their condition", unit="permutations", ge=99
    )
    bootstrap: int = option(1000, "how often stimuli and runs are drawn again for an interval", unit="samples", ge=99)
    confidence: float = option(0.95, "share of the samples inside an interval", gt=0, lt=1)
    seed: int = option(0, "seed of permutations and samples", ge=0)
