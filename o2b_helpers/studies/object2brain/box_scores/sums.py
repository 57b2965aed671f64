"""The sums of filter sensitivity for some images, over the classes that occur in them; they add up over images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from o2b_helpers.kernels.cams.score_sums import FilterScores
from o2b_helpers.studies.object2brain.box_scores.carried_boxes import KINDS

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


@dataclass(frozen=True)
class SensitivitySums:
    """Sums over boxes, for every kind of sum in `KINDS`.

    Attributes
    ----------
    classes : array (class,) of int
        Numbers of the classes that the other arrays are about.
    gated : array (run, filter, kind, class)
        Sums of scores of relu(w A).
    ungated : array (filter, kind, class)
        Sums of scores of A.
    square : array (run, filter, class)
        Sums of the squared scores of relu(w A), own boxes.
    weight : array (kind, class)
        Numbers of boxes, or sums of weights, behind the sums.
    gram : array (class, class)
        M'M.
    channel : array (filter,) of int
        Channel of each filter.
    dropped : array (1,) of int
        Own boxes outside of the input.
    layer : tuple of str
        Layer of each filter.
    """

    classes: np.ndarray
    gated: np.ndarray
    ungated: np.ndarray
    square: np.ndarray
    weight: np.ndarray
    gram: np.ndarray
    channel: np.ndarray
    dropped: np.ndarray
    layer: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Write the arrays and, as text, the layers."""
        arrays = {name: value for name, value in vars(self).items() if name != "layer"}
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, folder / "sums.safetensors")
        (folder / "layers.txt").write_text("\n".join(self.layer), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> SensitivitySums:
        """Read what `write` wrote."""
        layer = tuple((folder / "layers.txt").read_text(encoding="utf-8").split("\n"))
        return cls(**load_file(folder / "sums.safetensors"), layer=layer)

    def variables(self) -> Variables:
        """Return the sums by the names of the results contract, each with its dimensions."""
        by_run, by_filter, by_class = ("run", "filter", "class"), ("filter", "class"), ("class",)
        variables: Variables = {
            "score_square_sum": (by_run, self.square),
            "coverage_gram": (("class", "class_b"), self.gram),
            "box_count": (by_class, _whole(self.weight[KINDS.index("score")])),
            "exchanged_count": (by_class, _whole(self.weight[KINDS.index("exchanged")])),
            "confidence_total": (by_class, self.weight[KINDS.index("confidence")]),
        }
        for number, kind in enumerate(KINDS):
            variables[f"{kind}_sum"] = (by_run, self.gated[:, :, number])
            name = "ungated_sum" if kind == "score" else f"ungated_{kind}_sum"
            variables[name] = (by_filter, self.ungated[:, number])
        return variables


def sums_of(scores: FilterScores, classes: np.ndarray, gram: np.ndarray) -> SensitivitySums:
    """Sort the kernel's columns (see `box_columns`) by kind and class."""
    count = len(classes)
    shape = (len(KINDS), count)
    assert scores.ungated_sum is not None and scores.square_sum is not None  # the step asks for both
    return SensitivitySums(
        classes,
        scores.score_sum.reshape(*scores.score_sum.shape[:2], *shape),
        scores.ungated_sum.reshape(len(scores.layer), *shape),
        scores.square_sum[:, :, :count],
        scores.box_count.astype(np.float64).reshape(shape),
        gram,
        scores.channel,
        np.array([scores.dropped]),
        tuple(map(str, scores.layer)),
    )


def added(parts: Iterable[SensitivitySums], classes: np.ndarray) -> SensitivitySums:
    """Add up sums of several sets of images, at least one, over all these classes."""
    total: SensitivitySums | None = None
    for part in parts:  # one at a time: those of all batches together can be larger than the maps of one
        total = total or _empty(part, classes)
        at = np.searchsorted(classes, part.classes)
        for name in ("gated", "ungated", "square", "weight"):
            getattr(total, name)[..., at] += getattr(part, name)
        total.gram[np.ix_(at, at)] += part.gram
        total.dropped[:] += part.dropped
    assert total is not None
    return total


def _empty(like: SensitivitySums, classes: np.ndarray) -> SensitivitySums:
    def zeros(values: np.ndarray) -> np.ndarray:
        return np.zeros((*values.shape[:-1], len(classes)))

    sums = zeros(like.gated), zeros(like.ungated), zeros(like.square), zeros(like.weight)
    gram, dropped = np.zeros((len(classes), len(classes))), np.zeros(1, dtype=np.int64)
    return SensitivitySums(classes, *sums, gram, like.channel, dropped, like.layer)


def _whole(count: np.ndarray) -> np.ndarray:
    return np.rint(count).astype(np.int64)
