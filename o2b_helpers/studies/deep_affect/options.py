"""The options of the study ``deep_affect``: extractors, corpora, folds, and the networks that learn ratings."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import field_validator, model_validator

from o2b_helpers.core.options import SHA256, Block, option
from o2b_helpers.studies.alignment.options import Corpus

TARGETS = ("valence", "arousal")
WHOLE, FACES = "whole", "faces"
PAPERS_RATE, STANDARDISED_RATE = 4e-4, 0.02
MOST_GROUPS = 5  # 31 sets of features
PAPER = "paper (deep_affect)"
_SCENE = ["Canoe", "Rose", "Maple", "Skyscraper", "Bus"]  # classes of the toy world that make its scene
_OBJECT = ["Crutch", "Band-aid", "Racket", "Backpack", "Couch", "Lamp"]
_PEOPLE = ["Man", "Woman", "Boy"]


class Extractor(Block):
    """A ready network whose outputs are features."""

    name: str = option("objects", "how results call it")
    group: str = option(
        "object", "which group its features belong to: object, scene, face, or any other name; several may share one"
    )
    architecture: str = option(
        "toynet",
        "name of a known architecture, face_expression, places365_squeezenet, or one that `definition` registers",
    )
    weights: str = option("toyworld", "imagenet, places365, toyworld, or a path to a state dict or safetensors file")
    definition: str | None = option(None, "Python file of yours that registers the architecture")
    sha256: str | None = option(None, "digest that the weights file must have", pattern=SHA256)
    output: Literal["probabilities", "sigmoid", "logits", "penultimate"] = option(
        "probabilities",
        "which features: softmax of the last layer, sigmoid of it (for networks that name several classes in a "
        "picture), its values as they are, or what it reads",
        source=PAPER,
    )
    classes: str | None = option(
        None, "what the outputs are called: `toyworld`, or a JSON list or a text file with one name a line"
    )
    keep: list[str] | None = option(None, "the outputs that are features; default: all", min_length=1)
    crop: Literal["whole", "faces"] | list[str] = option(
        WHOLE,
        "what the network sees: the whole picture, its faces (class `Human face` of the detector), or the boxes of the "
        "named classes; features of several boxes are averaged by area, and a feature more says that there is none",
        source=PAPER,
    )
    margin: float = option(0.1, "share of its sides by which a box is grown before it is cut out", ge=0, le=2)
    fit: Literal["crop", "stretch"] = option(
        "crop", "keep the aspect of a whole picture and cut its middle out, or stretch all of it to a square"
    )

    @property
    def box_classes(self) -> list[str]:
        """The detector's classes whose boxes are cut out; none for the whole picture."""
        if self.crop == WHOLE:
            return []
        return ["Human face"] if self.crop == FACES else list(self.crop)

    @property
    def nothing(self) -> str:
        """What the feature is called that says that no box was there."""
        return "no face" if self.crop == FACES else f"no {' or '.join(self.box_classes)}"

    @model_validator(mode="after")
    def _names_say_what_they_name(self) -> Extractor:
        for what, name in (("name", self.name), ("group", self.group)):
            if not re.fullmatch(r"[\w. -]+", name) or name != name.strip():
                raise ValueError(f"{what} {name!r} must be letters, digits, blanks and _ . - only")
        if self.keep is not None and (self.classes is None or self.output == "penultimate"):
            raise ValueError("keep names outputs: it needs classes, and another output than penultimate")
        if isinstance(self.crop, list) and (not self.crop or len(set(self.crop)) < len(self.crop)):
            raise ValueError("crop: name at least one class, and each once")
        return self


class AffectCorpus(Corpus):
    """A further corpus, with valence and arousal."""

    name: str = option("second", "how results call it")
    arousal_column: str = option("arousal", "column with the arousal rating")
    arousal_range: tuple[float, float] | None = option(
        None, "lowest and highest possible arousal; default: those of valence (findingemo: 0 to 6)"
    )


class Learned(Block):
    """The feed-forward networks that learn ratings from features."""

    hidden: list[int] = option(
        [3000, 1000, 500], "units of each hidden layer", source=PAPER, unit="units", min_length=1
    )
    dropout: float = option(0.5, "share of hidden units that are off in a step", source=PAPER, ge=0, lt=1)
    batch_size: int = option(25, "pictures in a step", source=PAPER, unit="images", ge=1)
    learning_rate: float | None = option(
        None,
        "rate at the start (SGD); default: the paper's 4e-4 for features as they are, 0.02 for standardised ones "
        "(ours, by the validation loss of OASIS)",
        source=PAPER,
        gt=0,
    )
    momentum: float = option(0.9, "share of the last step's direction that is kept", source=PAPER, ge=0, lt=1)
    rate_factor: float = option(0.1, "what the rate is multiplied by", source=PAPER, gt=0, lt=1)
    rate_patience: int = option(
        4, "after so many epochs without a better loss the rate falls", source=PAPER, unit="epochs", ge=1
    )
    least_rate: float = option(6e-6, "the rate does not fall below", source=PAPER, gt=0)
    stop_patience: int = option(6, "stop after so many epochs without a better loss", source=PAPER, unit="epochs", ge=1)
    epochs: int = option(1000, "at most so many epochs", unit="epochs", ge=1)
    drive: Literal["validation", "test"] = option(
        "validation",
        "which pictures drive rate and stop and choose the epoch: some that are taken out of the training pictures, or "
        "the test fold, which makes the test error a little too low",
    )
    validation_share: float = option(
        0.2, "share of the training pictures that drive rate and stop (drive: validation)", gt=0, lt=1
    )
    standardise: bool = option(
        True,
        "standardise features over the pictures that are learnt from, cut them at 5 standard deviations, divide them "
        "by the root of their number, and learn ratings less the middle of their scale; the paper learns from "
        "probabilities and ratings as they are, from which a few hundred pictures teach a network nothing",
    )
    seeds: int = option(1, "networks for each fold and set of features, each from first weights of its own", ge=1)

    @property
    def first_rate(self) -> float:
        """The rate at the start."""
        return self.learning_rate or (STANDARDISED_RATE if self.standardise else PAPERS_RATE)

    @model_validator(mode="after")
    def _rates_fit(self) -> Learned:
        if self.least_rate > self.first_rate:
            raise ValueError(f"least_rate {self.least_rate:g} is above the rate at the start, {self.first_rate:g}")
        return self


class Affect(Block):
    """How much of arousal and valence is in objects, scenes and faces."""

    extractors: list[Extractor] = option(
        [
            Extractor(name="objects", group="object", output="sigmoid", classes="toyworld", keep=_OBJECT),
            Extractor(name="scenes", group="scene", output="sigmoid", classes="toyworld", keep=_SCENE),
            Extractor(name="people", group="face", output="sigmoid", classes="toyworld", keep=_PEOPLE),
        ],
        "ready networks and what they see; default: the toy world's, with people in the place of faces",
        source=PAPER,
        min_length=1,
    )
    arousal_column: str = option("arousal", "column of `analysis.corpus` with the arousal rating")
    arousal_range: tuple[float, float] | None = option(
        None, "lowest and highest possible arousal; default: those of valence (findingemo: 0 to 6)"
    )
    corpora: list[AffectCorpus] = option(
        [],
        "further corpora: a list, each with a `name`, `arousal_column`, `arousal_range`, and the options of "
        "`analysis.corpus`",
        source=PAPER,
        given_only=True,
    )
    held_out: str | None = option(
        None, "name of the corpus that is never learnt from and tests all folds", source=PAPER
    )
    folds: int = option(5, "folds, the same for every model", source=PAPER, unit="folds", ge=2)
    networks: Learned = option(Learned(), "feed-forward networks")
    seed: int = option(0, "seed of the folds and of the networks' first weights", ge=0)

    @field_validator("arousal_range")
    @classmethod
    def _range_goes_upwards(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and not bounds[0] < bounds[1]:
            raise ValueError("arousal_range must be [lowest, highest]")
        return bounds

    @property
    def groups(self) -> list[str]:
        """The groups of features, in the order of the extractors."""
        return list(dict.fromkeys(extractor.group for extractor in self.extractors))

    @model_validator(mode="after")
    def _extractors_are_told_apart(self) -> Affect:
        names = [extractor.name for extractor in self.extractors]
        if len({name.casefold() for name in names}) < len(names):
            raise ValueError(f"extractors: each needs a name of its own, there are {', '.join(names)}")
        if len(self.groups) > MOST_GROUPS:
            raise ValueError(
                f"extractors: {len(self.groups)} groups; at most {MOST_GROUPS}, as every set of them is learnt"
            )
        return self


class DeepAffectOptions(Block):
    """What the study adds to ``analysis:``."""

    affect: Affect = option(Affect(), "arousal and valence from objects, scenes and faces")

    @property
    def affect_corpora(self) -> dict[str, Corpus | AffectCorpus]:
        """The corpora by name; the profile's own is declared by ``alignment`` and called by its kind."""
        own: Corpus | None = getattr(self, "corpus", None)
        first: dict[str, Corpus | AffectCorpus] = {} if own is None else {own.kind: own}
        return first | {corpus.name: corpus for corpus in self.affect.corpora}

    @model_validator(mode="after")
    def _corpora_are_told_apart(self) -> DeepAffectOptions:
        own: Corpus | None = getattr(self, "corpus", None)
        names: list[str] = [] if own is None else [own.kind]
        names += [corpus.name for corpus in self.affect.corpora]
        if len(set(names)) < len(names):
            raise ValueError(f"affect.corpora: each needs a name of its own, there are {', '.join(names)}")
        held_out = self.affect.held_out
        if held_out is not None and (held_out not in names or len(names) < 2):
            raise ValueError(
                f"affect.held_out: {held_out!r} must be one of several corpora, there is {', '.join(names)} "
                "(further ones: affect.corpora)"
            )
        return self


OPTIONS = DeepAffectOptions
