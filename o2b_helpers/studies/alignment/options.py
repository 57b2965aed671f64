"""The options of the study ``alignment``: pictures, people, networks and readouts."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from o2b_helpers.core.files.names import as_disks_compare
from o2b_helpers.core.options import Block, option
from o2b_helpers.studies.common.options import Learning, Model, Significance
from o2b_helpers.toyworld.backgrounds import PAINTED, Style


class Corpus(Block):
    """The training images and their valence ratings."""

    kind: Literal["toyworld", "findingemo", "oasis", "table"] = option(
        "toyworld", "which corpus: the built-in toy world, FindingEmo, OASIS, or any table of images and ratings"
    )
    folder: str | None = option(None, "folder with the images (OASIS: the folder that holds OASIS.csv and images/)")
    table: str | None = option(
        None, "CSV, TSV, Excel workbook (file.xlsx or file.xlsx#sheet) or Parquet with one row per image (kind: table)"
    )
    image_column: str = option("image", "column with the image's file name (kind: table)")
    valence_column: str = option("valence", "column with the valence rating (kind: table)")
    valence_range: tuple[float, float] | None = option(
        None, "lowest and highest possible rating; kind: table needs it, as labels depend on the neutral point"
    )
    neutral: float | None = option(
        None, "rating that is neither pleasant nor unpleasant (kind: table); default: the middle"
    )
    missing: list[float | str] = option(
        [],
        "codes for a rating that nobody gave, e.g. [-99, 'n/a'], or '' for an empty cell (kind: table); such images "
        "are left out, with a warning",
    )
    images: int = option(800, "number of images to draw (kind: toyworld)", unit="images", ge=20)
    world_seed: int = option(1, "seed of the drawn images, annotators and subjects (kind: toyworld)", ge=0)
    style: Style = option(PAINTED, "how the images are drawn (kind: toyworld); stimuli are always painted")
    max_pixels: int = option(100_000_000, "larger images are left out, unread", unit="pixels", ge=1, le=100_000_000)
    min_images: int = option(20, "stop if fewer images than this can be read", unit="images", ge=4)

    @model_validator(mode="after")
    def _the_scale_is_stated(self) -> Corpus:
        if self.kind == "table" and self.valence_range is None:
            raise ValueError(
                "valence_range is needed with kind: table, e.g. [1, 9]: its middle, or `neutral`, decides which "
                "pictures count as pleasant and which as unpleasant"
            )
        return self


class Selection(Block):
    """Corpus images taken out of training to serve as the stimuli of one condition."""

    column: str = option("category", "column of the corpus table to select by")
    value: str = option("", "value that the column must have")
    count: int = option(24, "number of images", unit="stimuli", ge=4)


class Stimuli(Block):
    """The pictures that people rated (and saw in the scanner)."""

    kind: Literal["toyworld", "table", "corpus"] = option(
        "toyworld", "the toy world's 48, a table with image and condition, or images taken out of the corpus"
    )
    folder: str | None = option(None, "folder with the stimuli (kind: table)")
    table: str | None = option(None, "table with image, condition[, stimulus] (kind: table; the same kinds of file)")
    select: dict[str, Selection] = option({}, "condition -> which corpus images (kind: corpus)")
    also_in_corpus: Literal["leave_out", "keep"] = option(
        "leave_out",
        "what to do with corpus images that show a stimulus, pixel by pixel: leave them out of training, or train on "
        "them all the same, which every result then says",
    )


class Human(Block):
    """What people said and what their brains showed, turned into correlation targets."""

    kind: Literal["toyworld", "measurements", "targets", "corpus"] = option(
        "toyworld", "simulated people, ratings and ROI signals, ready targets, or the corpus' own mean ratings"
    )
    targets: str | None = option(None, "ready targets: stimulus, target, valence_type, source, condition, value")
    people: list[str] = option(
        [],
        "sources of ready targets that are people's own ratings (kind: targets); the report answers from these whether "
        "models agree with people",
    )
    ratings: str | None = option(None, "ratings: stimulus, annotator, valence_type, rating")
    signals: str | None = option(None, "ROI signals: subject, stimulus, roi, value")
    regions: str | None = option(None, "table roi, region (region groups such as LLR, MLR, HLR)")
    rating_range: tuple[float, float] = option((1.0, 7.0), "lowest and highest possible rating", source="paper 2.1")
    value_range: tuple[float, float] | None = option(
        None, "lowest and highest possible ready target or mean rating; default: only unlikely values are named"
    )
    signal_range: tuple[float, float] | None = option(
        None, "lowest and highest possible ROI signal; default: only unlikely values are named"
    )
    missing: list[float | str] = option(
        [],
        "codes for a value that was not measured, e.g. [-99, 'n/a'], or '' for an empty cell; such values are left "
        "out, with a warning",
    )
    penalties: list[float] = option(
        [0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0], "ridge penalties to choose from", min_length=1
    )
    outer: Literal["balanced", "leave_one_out"] = option(
        "balanced",
        "stimuli held out by the ridge models: folds balanced over the labels, or one at a time (biased downwards)",
    )
    folds: int = option(6, "number of balanced folds", unit="folds", ge=2)
    repeats: int = option(10, "how often balanced folds are drawn; predictions are averaged", unit="draws", ge=1)
    splits: int = option(
        1000, "random halves of annotators and subjects that noise ceilings come from", unit="splits", ge=20
    )

    @model_validator(mode="after")
    def _ranges_go_upwards(self) -> Human:
        for name in ("rating_range", "value_range", "signal_range"):
            bounds = getattr(self, name)
            if bounds is not None and not bounds[0] < bounds[1]:
                raise ValueError(f"{name} must be [lowest, highest]")
        return self

    @model_validator(mode="after")
    def _people_are_declared_for_ready_targets(self) -> Human:
        if self.people and self.kind != "targets":
            raise ValueError(
                f"people is for kind: targets; with kind: {self.kind} the package knows whose ratings they are"
            )
        return self


class Heads(Learning):
    """Valence heads on frozen backbones."""

    runs: int = option(5, "training runs, each with its own split", source="paper 2.2.2", unit="runs", ge=1)
    seed: int = option(0, "seed of the splits and of the order of the images", ge=0)
    test_share: float = option(0.2, "share of the images held out in every run", source="paper 2.2", gt=0, lt=1)
    label: Literal["binary", "rating"] = option(
        "binary",
        "train on 0/1 (below/above neutral; neutral dropped) or on the rating scaled to 0..1",
        source="paper 2.2",
    )
    select: Literal["test", "validation"] = option(
        "test",
        "which images choose epoch and rate: those held out, which makes their error a little too low, or a share of "
        "the training images, so that nothing is chosen on those held out",
        source="paper 2.2.2",
    )
    validation_share: float = option(
        0.2, "share of the training images that choose epoch and rate (select: validation)", gt=0, lt=1
    )

    @model_validator(mode="after")
    def _momentum_is_for_sgd(self) -> Heads:
        if self.momentum and self.optimiser != "sgd":
            raise ValueError(f"momentum is for optimiser: sgd; {self.optimiser} has its own")
        return self


class Controls(Block):
    """What the full models are held against."""

    untrained_seeds: int = option(
        10,
        "networks with drawn weights for each architecture that has trained ones; each has a head trained by the rules "
        "of the full models, in one run; 0 switches them off",
        unit="networks",
        ge=0,
    )
    penalties: list[float] = option(
        [0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0],
        "ridge penalties of the low-level control, and of object2brain's semantic one; the one with the smallest "
        "leave-one-out error is taken",
        min_length=1,
    )


class AlignmentOptions(Block):
    """What the study adds to ``analysis:``."""

    corpus: Corpus = option(Corpus(), "training images")
    stimuli: Stimuli = option(Stimuli(), "stimuli")
    human: Human = option(Human(), "correlation targets")
    models: list[Model] = option([Model()], "backbones", min_length=1)
    heads: Heads = option(Heads(), "valence heads")
    controls: Controls = option(Controls(), "controls of the full models")
    significance: Significance = option(Significance(), "permutations and intervals")
    seed: int = option(0, "seed of untrained weights and of selections", ge=0)

    @property
    def object2brain_models(self) -> list[Model]:
        """The models whose filters are cut and lesioned: those with ``object2brain: true``."""
        return [model for model in self.models if model.object2brain]

    def heads_of(self, model: Model) -> Heads:
        """Return how a model's heads are trained: ``heads``, and on top of it the model's own ``heads``."""
        return Heads.model_validate(_merged(self.heads.model_dump(), model.heads.model_dump(exclude_unset=True)))

    @model_validator(mode="after")
    def _heads_of_all_models_can_be_trained(self) -> AlignmentOptions:
        for model in self.models:
            try:
                heads = self.heads_of(model)
            except ValidationError as error:
                raise ValueError(f"models: heads of {model.label}: {error.errors()[0]['msg']}") from None
            weighted = [name for name in model.sets_of_rules if getattr(heads, name).class_weighted]
            if heads.label == "rating" and weighted:
                raise ValueError(
                    "a rating has no class to weigh the loss by: with heads.label: rating, set class_weighted to false "
                    f"in heads.{' and heads.'.join(weighted)} ({model.label} is trained so)"
                )
        return self

    @model_validator(mode="after")
    def _names_are_keys(self) -> AlignmentOptions:
        for model in self.models:
            if not re.fullmatch(r"[\w.+ -]+", model.label):  # it becomes part of file names
                raise ValueError(f"models: name {model.label!r} must be letters, digits, blanks and _ . + - only")
        pairs = [str((m.label, m.weights_label)) for m in self.models]
        names = [m.label for m in self.object2brain_models]
        for group, what in ((pairs, "name and weights"), (names, "name among the models with object2brain: true")):
            seen: dict[str, str] = {}
            for name in group:
                form = as_disks_compare(name)
                if form in seen:
                    also = "" if seen[form] == name else f" ({seen[form]} and {name} are one name on some disks)"
                    what_to_do = f"give every model its own {what} (option `name`)"
                    raise ValueError(f"models: {name} appears twice{also}; {what_to_do}")
                seen[form] = name
        return self


def _merged(tree: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return a tree of options with some of them replaced, block by block."""
    blocks = {name: _merged(tree[name], value) for name, value in own.items() if isinstance(value, dict)}
    return {**tree, **own, **blocks}


OPTIONS = AlignmentOptions
