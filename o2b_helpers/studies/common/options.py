"""Blocks of options that several studies read: a network, how its heads learn, and how chance is measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import field_serializer

from o2b_helpers.core.options import SHA256, Block, option

FULL_RULES, FULL_UNDER_LAYER_RULES, LAYER_RULES = SETS_OF_RULES = ("full", "full_under_layer_rules", "layer")


class Training(Block):
    """How one kind of head is trained."""

    epochs: int = option(250, "at most this many epochs", source="paper 2.2.2", unit="epochs", ge=1)
    patience: int = option(
        8, "stop after so many epochs without a better test loss", source="paper 2.2.2", unit="epochs", ge=1
    )
    output: Literal["linear", "sigmoid"] = option("linear", "output unit")
    class_weighted: bool = option(False, "weight the loss by inverse class frequency, mean 1", source="paper 2.2.2")
    learning_rates: list[float] | None = option(
        None, "starting rates of these heads alone; default: those of all heads", min_length=1
    )


class LayerTraining(Training):
    """How the head of a layer model is trained."""

    epochs: int = option(75, "at most this many epochs", source="paper 2.2.3", unit="epochs", ge=1)
    patience: int = option(
        6, "stop after so many epochs without a better test loss", source="paper 2.2.3", unit="epochs", ge=1
    )
    output: Literal["linear", "sigmoid"] = option("sigmoid", "output unit", source="paper 2.2.3")
    class_weighted: bool = option(True, "weight the loss by inverse class frequency, mean 1", source="paper 2.2.3")


class FullUnderLayerRules(LayerTraining):
    """How the head of a full model that is compared with layer models, and used by Object2Brain, is trained."""

    output: Literal["linear", "sigmoid"] = option("linear", "output unit")


class Learner(Block):
    """How a head takes its steps, whatever it learns."""

    learning_rates: list[float] = option([1e-3, 1e-2, 1e-1], "starting rates; each is tried in every run", min_length=1)
    batch_size: int = option(64, "images in a training step", unit="images", ge=1)
    optimiser: Literal["adam", "sgd"] = option("adam", "what takes the steps, as torch has it")
    momentum: float = option(0.0, "share of the last step's direction that is kept (optimiser: sgd)", ge=0, lt=1)
    weight_decay: float = option(0.0, "share of a head's weights and bias that is added to their gradient", ge=0)
    decay: Literal["inverse_root", "none"] = option(
        "inverse_root", "how the rate decays: rate / sqrt(1 + epoch / 3), or not at all"
    )
    standardise: bool = option(
        True,
        "learn from features standardised over each run's training images and divided by the root of their number, or "
        "from raw ones; stored heads are for raw features either way",
    )


class Learning(Learner):
    """How valence heads learn."""

    full: Training = option(Training(), "full models of all networks (figure 1): the last layer replaced")
    full_under_layer_rules: FullUnderLayerRules = option(
        FullUnderLayerRules(),
        "full models trained as layer models are (figure 2 and Object2Brain), of networks with layer models or "
        "Object2Brain",
    )
    layer: LayerTraining = option(LayerTraining(), "layer models: one head on a flattened target layer")


class Model(Block):
    """One backbone: an architecture with its weights."""

    architecture: str = option("toynet", "name of a known architecture, or of one that `definition` registers")
    weights: str = option(
        "toyworld", "imagenet, places365, emonet, toyworld, untrained, or a path to a state dict or safetensors file"
    )
    name: str | None = option(None, "how results call it (column architecture); default: the architecture's name")
    definition: str | None = option(None, "Python file of yours that registers the architecture")
    sha256: str | None = option(None, "digest that the weights file must have", pattern=SHA256)
    layers: list[str] | None = option(
        None, "target layers (module paths); default: the architecture's own", source="paper 2.2.3"
    )
    layer_models: bool = option(True, "train a model at every target layer", source="paper 2.2.3")
    object2brain: bool = option(True, "run filter sensitivity, lesions and Object2Brain on it", source="paper 3.2")
    heads: Learning = option(
        Learning(),
        "options of `analysis.heads` that differ for this model, e.g. {layer: {learning_rates: [0.001]}}; runs, splits "
        "and labels are the same for all models",
        given_only=True,
    )

    @field_serializer("heads")
    def _what_differs(self, heads: Learning) -> dict[str, Any]:
        return heads.model_dump(exclude_unset=True)

    @property
    def sets_of_rules(self) -> tuple[str, ...]:
        """The sets of rules by which its heads are trained: names of blocks of ``heads``."""
        wanted = {FULL_RULES: True, LAYER_RULES: self.layer_models}
        wanted[FULL_UNDER_LAYER_RULES] = self.layer_models or self.object2brain
        return tuple(name for name in SETS_OF_RULES if wanted[name])

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
