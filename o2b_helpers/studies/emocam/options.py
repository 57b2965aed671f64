"""The options of the study ``emocam``: emotion labels, emotion heads, and associations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal

from pydantic import field_validator, model_validator

from o2b_helpers.core.options import Block, option
from o2b_helpers.kernels.cam_methods.names import METHODS, PEERS, PREFIX
from o2b_helpers.studies.common.options import Learner, Model
from o2b_helpers.toyworld.pasted_objects import OBJECTS

THRESHOLDS = {"mean": 0.3, "homogeneity": 0.3, "share": 1.0}


def known_cam(name: str) -> str:
    """Refuse a CAM method that nobody knows; whether its library is there is looked at where it runs."""
    if name not in METHODS and name not in {f"{PREFIX}{peer}" for peer in PEERS}:
        raise ValueError(
            f"{name!r} is no CAM method; there are {', '.join(METHODS)}, and {PREFIX} before {', '.join(PEERS)}"
        )
    return name


class Emotions(Block):
    """Which emotion each picture of the corpus is labelled with."""

    labels_from: Literal["column", "quadrants"] = option(
        "column",
        "a column of the corpus table, or the quadrants of valence and arousal, cut at their medians: excited, calm, "
        "tense, sad",
    )
    column: str = option("emotion", "column with the emotion of each picture (labels_from: column)")
    labels: list[str] = option(
        [], "the labels to learn; pictures with others are left out of this study; default: all (labels_from: column)"
    )
    min_pictures: int = option(10, "stop if a label has fewer pictures than this", unit="images", ge=2)


class EmotionHeads(Learner):
    """Softmax heads on frozen backbones that name the emotion of a picture."""

    models: list[str] | None = option(
        None, "models that are studied, by their names; default: those with `object2brain: true`", min_length=1
    )
    folds: int = option(
        5,
        "parts that the pictures are cut into; each is judged by a head that learned from the others, so that no "
        "picture is judged by a head that knows it",
        unit="folds",
        ge=2,
    )
    seed: int = option(0, "seed of the folds, of the first weights and of the order of the images", ge=0)
    epochs: int = option(250, "at most this many epochs", unit="epochs", ge=1)
    patience: int = option(
        8, "stop after so many epochs without a smaller loss on the pictures that choose", unit="epochs", ge=1
    )
    class_weighted: bool = option(True, "weight the loss by inverse class frequency, mean 1")
    select: Literal["test", "validation"] = option(
        "validation",
        "which pictures choose epoch and rate: a share of those that a head may learn from, or those of its fold, "
        "which makes accuracy too high and its p too small",
    )
    validation_share: float = option(
        0.2, "share of the pictures to learn from that choose epoch and rate (select: validation)", gt=0, lt=1
    )

    @model_validator(mode="after")
    def _momentum_is_for_sgd(self) -> EmotionHeads:
        if self.momentum and self.optimiser != "sgd":
            raise ValueError(f"momentum is for optimiser: sgd; {self.optimiser} has its own")
        return self


class AssociationOptions(Block):
    """Which objects are important where a network names an emotion."""

    cam: str = option(
        "grad_cam",
        f"how a map of what speaks for a label is made: {', '.join(METHODS)}, or {PREFIX} and the name of a method of "
        f"pytorch-grad-cam: {', '.join(PEERS)}",
        source="paper (EmoCAM) 3.1",
    )
    layer: str | None = option(
        None,
        "layer whose maps are taken (module path); default: the last target layer of each model",
        source="paper (EmoCAM) 2",
    )
    importance: Literal["mean", "homogeneity", "share"] = option(
        "mean",
        "importance of a box or mask: the mean of the map inside; mean * mean / max inside; or the share of the map's "
        "total that lies inside, divided by the share of the picture's area",
        source="paper (EmoCAM) 2",
    )
    threshold: float | None = option(
        None,
        "important is what lies above; default: 0.3, and for `share` 1, what a map that is the same everywhere gives",
        source="paper (EmoCAM) 2",
        ge=0,
    )
    judged_by: Literal["held_out", "first"] = option(
        "held_out",
        "which head judges a picture: the one that did not learn from it, or the first one all pictures, those it "
        "learned from among them",
    )
    exchanges: int = option(
        999, "how often the boxes of a class are exchanged between the pictures that show it", unit="exchanges", ge=19
    )
    most_exchanges: int | None = option(
        None,
        "where fewer than 10 exchanges reach a count, more are drawn, until 10 do or so many were drawn; default: 20 "
        "for each pair of a label and a class, so that one pair alone can have q < 0.05",
        unit="exchanges",
        ge=19,
    )

    _is_known = field_validator("cam")(known_cam)

    @model_validator(mode="after")
    def _the_first_are_among_them(self) -> AssociationOptions:
        if self.most_exchanges is not None and self.most_exchanges < self.exchanges:
            raise ValueError(
                f"most_exchanges: {self.most_exchanges} is less than exchanges, {self.exchanges}, which come first"
            )
        return self

    @property
    def important_above(self) -> float:
        """The threshold: the profile's, or the usual one of the importance."""
        return THRESHOLDS[self.importance] if self.threshold is None else self.threshold


class CamMethodOptions(Block):
    """Whether other ways to make the maps say the same of objects and emotions."""

    methods: list[str] = option(
        ["grad_cam", "ablation_cam", "lime", "lrp", "lift_cam"],
        "the methods that are compared; names as for `associations.cam`, each once",
        source="paper (EmoCAM) 3.2",
        min_length=2,
    )
    pictures: int | None = option(
        200, "at most so many pictures, drawn by chance; null: all with an emotion", unit="images", ge=2
    )
    seed: int = option(0, "seed of the drawn pictures, of the exchanges, and of what LIME hides", ge=0)
    exchanges: int = option(
        199, "how often the boxes of a class are exchanged, for lift and p of agreement", unit="exchanges", ge=19
    )
    lime_samples: int = option(256, "masked copies of each picture (lime)", unit="images", ge=2)
    faithful_pictures: int = option(
        50, "at most so many of the pictures are changed, for deletion and insertion", unit="images", ge=2
    )
    faithful_steps: int = option(20, "steps in which a picture is taken away, or comes back", unit="steps", ge=2)

    @field_validator("methods")
    @classmethod
    def _are_known_and_differ(cls, methods: list[str]) -> list[str]:
        for name in map(known_cam, methods):
            if methods.count(name) > 1:
                raise ValueError(f"{name!r} is there more than once")
        return methods


class PasteOptions(Block):
    """Which objects are pasted onto which pictures, and where."""

    objects: list[str] = option(
        list(OBJECTS),
        "what is pasted: rugby ball, soccer ball or lotus, which are built in, or the path of a PNG with transparency",
        source="paper (EmoCAM) 3.2",
        min_length=1,
    )
    height_share: float = option(
        0.2, "height of an object by that of the picture", source="paper (EmoCAM) 3.2", unit="0..1", gt=0, le=1
    )
    positions: list[tuple[float, float]] | None = option(
        None,
        "x and y of the centres, each from 0 to 1; default: 17, in rows of 3, 4, 3, 4, 3",
        min_length=1,
    )
    frame: Literal["seen", "picture"] = option(
        "seen",
        "what positions and height refer to: the part of the picture that is left by the network's crop, or the whole "
        "picture, of which some positions may be cut away",
    )
    pictures: Literal["corpus", "stimuli"] = option(
        "corpus", "which pictures: those of the corpus that have a label, or the stimuli", source="paper (EmoCAM) 3.2"
    )
    max_pictures: int | None = option(500, "at most so many pictures, drawn by lot; null: all", unit="images", ge=1)
    seed: int = option(0, "seed of the draw of pictures, of random places and of scrambled phases", ge=0)
    controls: list[Literal["mean_colour", "phase_scrambled"]] = option(
        ["mean_colour", "phase_scrambled"],
        "what is pasted in place of an object, in its outline: its mean colour, or its pixels with phases scrambled",
    )
    box_classes: list[str] = option(
        ["Human face"],
        "classes at whose boxes objects are pasted, too: the surest box of the class in each picture",
        source="paper (EmoCAM) 4",
    )
    cam: bool = option(True, "work out how much of the class activation map lies in the pasted box, before and after")

    @field_validator("objects")
    @classmethod
    def _objects_are_known(cls, objects: list[str]) -> list[str]:
        for name in objects:
            if not is_built_in(name) and not is_a_file(name):
                raise ValueError(f"{name!r} is no object that is built in ({', '.join(OBJECTS)}) and no path of a PNG")
        _no_twins("objects", [object_name(text) for text in objects])
        return objects

    @field_validator("positions")
    @classmethod
    def _positions_are_inside(cls, positions: list[tuple[float, float]] | None) -> list[tuple[float, float]] | None:
        for x, y in positions or ():
            if not (0 <= x <= 1 and 0 <= y <= 1):
                raise ValueError(f"position {[x, y]} is outside of the picture; x and y go from 0 to 1")
        return positions

    @field_validator("controls", "box_classes")
    @classmethod
    def _named_once(cls, names: list[str]) -> list[str]:
        _no_twins("names", names)
        return names


def is_built_in(text: str) -> bool:
    """Tell an object that the package draws from the path of a picture."""
    return text in OBJECTS


def is_a_file(text: str) -> bool:
    """Say whether an object is meant as a path: with a folder, or an ending."""
    return len(PurePath(text).parts) > 1 or bool(PurePath(text).suffix)


def object_name(text: str) -> str:
    """Return what results call an object: its name, or that of its file without folder and ending."""
    return text if is_built_in(text) else PurePath(text).stem


def _no_twins(what: str, names: Sequence[str]) -> None:
    twins = [name for place, name in enumerate(names) if name in names[:place]]
    if twins:
        raise ValueError(f"several {what} are called {twins[0]!r}; results could not tell them apart")


class EmocamOptions(Block):
    """What the study adds to ``analysis:``."""

    emotions: Emotions = option(Emotions(), "emotion labels")
    emotion_heads: EmotionHeads = option(EmotionHeads(), "emotion heads")
    associations: AssociationOptions = option(AssociationOptions(), "associations of objects and emotions")
    cam_methods: CamMethodOptions = option(CamMethodOptions(), "comparison of CAM methods")
    paste: PasteOptions = option(PasteOptions(), "objects pasted onto pictures")

    @property
    def emocam_models(self) -> list[Model]:
        """The models that are studied; the profile's networks are declared by ``alignment``."""
        models: list[Model] = getattr(self, "models", [])
        wanted = self.emotion_heads.models
        return [model for model in models if (model.object2brain if wanted is None else model.label in wanted)]

    @model_validator(mode="after")
    def _models_are_known_by_one_name(self) -> EmocamOptions:
        names = [model.label for model in getattr(self, "models", [])]
        for name in self.emotion_heads.models or ():
            if names and names.count(name) != 1:
                known = ", ".join(dict.fromkeys(names))
                what = "is no model" if name not in names else "is the name of several models"
                raise ValueError(f"emotion_heads.models: {name!r} {what}; there are {known} (option `name` of a model)")
        return self


OPTIONS = EmocamOptions
