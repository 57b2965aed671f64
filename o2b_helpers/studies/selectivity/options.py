"""The options of the study ``selectivity``: two image sets, three emotions, layers, and what is held against chance."""

from __future__ import annotations

import math
from typing import Any, Literal

from pydantic import field_validator, model_validator

from o2b_helpers.core.options import Block, option
from o2b_helpers.inputs.corpora.rating_scale import HIGHEST, LOWEST
from o2b_helpers.studies.alignment.options import Corpus
from o2b_helpers.studies.common.options import Model

EMOTIONS = ("unpleasant", "neutral", "pleasant")  # from low to high valence
HALVES = "halves"


class Selectivity(Block):
    """Which filters answer to unpleasant, neutral and pleasant pictures, in two image sets."""

    second: Corpus | None = option(
        None,
        "the second image set: `halves` (the default, null), which splits the corpus at random into two, or another "
        "corpus, with the options of `analysis.corpus`",
        source="paper (selectivity)",
        given_only=True,
    )
    emotions_from: Literal["thresholds", "column"] = option(
        "thresholds", "what tells a picture's emotion: two thresholds of valence, or a column of the corpus table"
    )
    thresholds: tuple[float, float] = option(
        (4.3, 6.0),
        "pictures below the first are unpleasant, those above the second pleasant; valence is mapped to 1..9 first",
        source="paper (selectivity)",
        unit="1..9",
    )
    margin: float = option(
        0.0, "pictures closer to a threshold than this are left out (emotions_from: thresholds)", unit="1..9", ge=0
    )
    column: str = option("emotion", "column with the emotion of each picture (emotions_from: column)")
    column_values: dict[Literal["unpleasant", "neutral", "pleasant"], str] = option(
        {}, "what the column says for unpleasant, neutral and pleasant, where it has other words for them"
    )
    colours: Literal["grey", "as_is"] = option(
        "grey", "show the network grey pictures, or pictures as they are", source="paper (selectivity)"
    )
    models: list[str] | None = option(
        None,
        "models that are studied, by their names; default: those with `object2brain: true` that were trained",
        min_length=1,
    )
    layers: Literal["relu", "target"] | list[str] = option(
        "relu",
        "which layers: `relu`, every one at which the network can be cut and whose maps come from a ReLU behind a "
        "convolution; `target`, the target layers; or a list of module paths",
        source="paper (selectivity)",
    )
    pooled: bool = option(
        False, "divide the three variances in d' by 3, their number, and not by 2, as the paper prints it"
    )
    lowest_share: float = option(
        0.2,
        "share of each layer's filters, those with the lowest index, that count as not selective",
        source="paper (selectivity)",
        unit="0..1",
        ge=0,
        lt=1,
    )
    untrained_seeds: int = option(
        5, "networks with drawn weights that each network is held against", unit="networks", ge=1
    )
    splits: int = option(
        3, "how often each set is split into training (50 %), validation and test pictures (25 % each)", ge=1,
        source="paper (selectivity)", unit="splits",
    )  # fmt: skip
    strongest: int = option(
        100,
        "pictures with the strongest response whose valence is shown for example filters",
        source="paper (selectivity)",
        unit="images",
        ge=1,
    )
    categories_from: Literal["none", "column", "detections"] = option(
        "none",
        "what says which kind of object a picture shows, so that emotion and category can be told apart: nothing, a "
        "column of the corpus table, or the surest detection of notebook 05, which then runs, too",
    )
    category_column: str = option("category", "column with the category (categories_from: column)")
    seed: int = option(0, "seed of the halves and of the splits", ge=0)

    @field_validator("second", mode="before")
    @classmethod
    def _halves_by_name(cls, second: Any) -> Any:
        return None if second == HALVES else second

    @field_validator("layers")
    @classmethod
    def _layers_are_named_once(cls, layers: str | list[str]) -> str | list[str]:
        if isinstance(layers, list) and (not layers or len(set(layers)) < len(layers)):
            raise ValueError("name at least one layer, and each once")
        return layers

    @field_validator("column_values")
    @classmethod
    def _values_differ(cls, values: dict[str, str]) -> dict[str, str]:
        if len(set(values.values())) < len(values):
            raise ValueError("one value of the column stands for several emotions")
        return values

    @model_validator(mode="after")
    def _thresholds_do_not_cross(self) -> Selectivity:
        low, high = self.thresholds
        if not LOWEST <= low < high <= HIGHEST:
            raise ValueError(
                f"thresholds [{low:g}, {high:g}] cross or leave the scale: the first must be below the second, and "
                f"both from {LOWEST:g} to {HIGHEST:g}"
            )
        if low + self.margin >= high - self.margin:
            raise ValueError(
                f"a margin of {self.margin:g} leaves no neutral picture between the thresholds {low:g} and {high:g}"
            )
        return self


class EmotionGains(Block):
    """Whether the network needs its emotion-selective filters: they are lesioned and strengthened."""

    epochs: int = option(
        10, "passes through the training pictures when a readout learns to tell an emotion from the rest",
        source="paper (selectivity)", unit="epochs", ge=1,
    )  # fmt: skip
    learning_rate: float = option(1e-3, "learning rate of these readouts (Adam)", source="paper (selectivity)", gt=0)
    batch_size: int = option(
        128, "training pictures for each step, on average", source="paper (selectivity)", unit="images", ge=1
    )
    highest_alpha: float = option(
        5.0, "largest strength: maps are multiplied by 1 + alpha; -1, the lesion, is always among them",
        source="paper (selectivity)", gt=0,
    )  # fmt: skip
    alpha_step: float = option(0.1, "step between strengths, from 0 on", source="paper (selectivity)", gt=0)
    control_alpha_step: float | None = option(
        None, "the same for the sets that are drawn for comparison, a multiple of it; null takes the same step", gt=0
    )
    draws: int = option(
        100, "sets of other filters that each selective set is held against: random, with alike responses, not "
        "selective", unit="draws", ge=1,
    )  # fmt: skip
    alignment_alphas: list[float] = option(
        [1.0, 2.0, 5.0], "strengths at which the effect on the alignment is worked out, each above 0; -1, the lesion, "
        "is always among them", min_length=1,
    )  # fmt: skip
    most_pictures: int | None = option(
        None, "at most so many validation and test pictures of each split are judged, the same share of every emotion; "
        "null takes all", unit="images", ge=24,
    )  # fmt: skip
    seed: int = option(0, "seed of the readouts' first weights, of the draws and of the pictures", ge=0)

    @field_validator("alignment_alphas")
    @classmethod
    def _strengths_rise(cls, alphas: list[float]) -> list[float]:
        if min(alphas) <= 0 or not math.isfinite(sum(alphas)) or sorted(set(alphas)) != alphas:
            raise ValueError("name each strength once, all above 0 and finite, the smallest first")
        return alphas

    @model_validator(mode="after")
    def _steps_fit(self) -> EmotionGains:
        for name, value, of in (
            ("highest_alpha", self.highest_alpha, self.alpha_step),
            ("control_alpha_step", self.control_alpha_step, self.alpha_step),
            ("highest_alpha", self.highest_alpha, self.control_alpha_step or self.alpha_step),
        ):
            if value is not None and abs(value / of - round(value / of)) > 1e-6 or (value is not None and value < of):
                raise ValueError(f"{name}: {value:g} is no multiple of the step {of:g}")
        return self


class SelectivityOptions(Block):
    """What the study adds to ``analysis:``."""

    selectivity: Selectivity = option(Selectivity(), "emotion-selective filters")
    emotion_gains: EmotionGains = option(EmotionGains(), "lesions and gains of emotion-selective filters")

    @property
    def selectivity_models(self) -> list[Model]:
        """The models that are studied; the profile's networks are declared by ``alignment``."""
        models: list[Model] = getattr(self, "models", [])
        wanted = self.selectivity.models
        if wanted is not None:
            return [model for model in models if model.label in wanted]
        return [model for model in models if model.object2brain and model.weights != "untrained"]

    @model_validator(mode="after")
    def _models_of_selectivity_are_known_by_one_name(self) -> SelectivityOptions:
        names = [model.label for model in getattr(self, "models", [])]
        for name in self.selectivity.models or ():
            if names and names.count(name) != 1:
                known = ", ".join(dict.fromkeys(names))
                what = "is no model" if name not in names else "is the name of several models"
                raise ValueError(f"selectivity.models: {name!r} {what}; there are {known} (option `name` of a model)")
        return self


OPTIONS = SelectivityOptions
