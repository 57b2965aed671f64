"""What is to be trained, which network on which features, ratings and pictures, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError


@dataclass(frozen=True, eq=False)
class NetworkJob:
    """One network to train.

    Parameters
    ----------
    features : str
        Name of the feature set that it reads.
    targets : tuple of int
        The ratings that it learns: one (a split network) or several (a shared one), as columns of all ratings.
    train : array (picture,) of bool
        The pictures that it learns from.
    judge : array (picture,) of bool
        The pictures whose loss drives its rate and says when it stops and which epoch is kept: validation pictures
        (ours), or the test fold (the paper's reading), which makes the test error a little too low.
    seed : int
        Of its first weights, its order of pictures and its dropout.
    """

    features: str
    targets: tuple[int, ...]
    train: np.ndarray
    judge: np.ndarray
    seed: int


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network as it was in its best epoch.

    Attributes
    ----------
    predictions : array (target, picture), float32
        Of every picture, in the unit of the ratings; the targets are those of the job.
    history : DataFrame [epoch, rate, train_loss, loss]
        For each epoch (from 0) the rate, the mean loss of its steps (with dropout, each before its step), and the loss
        on the pictures that judge (without dropout, at the epoch's end). The loss is the mean squared error.
    best_epoch : int
        The epoch with the smallest loss on the pictures that judge.
    layers : list of (array (input, unit), array (unit,)), or None
        Weights and biases, where they were asked for.
    """

    predictions: np.ndarray
    history: pd.DataFrame
    best_epoch: int
    layers: list[tuple[np.ndarray, np.ndarray]] | None = None


def check_jobs(features: Mapping[str, np.ndarray], ratings: np.ndarray, jobs: Sequence[NetworkJob]) -> None:
    """Refuse what cannot be trained.

    Raises
    ------
    InputError
        Shapes that do not fit, features that are not finite, an unknown feature set or target, no picture to learn from
        or to judge by, a picture that is both, or one of these without a rating.
    """
    if ratings.ndim != 2:
        _refuse("The ratings have no targets", f"shape {ratings.shape}", "(picture, target)")
    for name, values in features.items():
        if values.ndim != 2 or len(values) != len(ratings):
            found = f"{name}: shape {values.shape}, ratings of {len(ratings)} pictures"
            _refuse("Features and ratings do not belong together", found, "(picture, feature), of the same pictures")
        if not np.isfinite(values).all():
            _refuse(f"Some features of {name} are not finite", int((~np.isfinite(values)).sum()), "finite numbers")
    for number, job in enumerate(jobs):
        if job.features not in features:
            _refuse(f"Network {number} reads unknown features", job.features, ", ".join(features))
        columns = list(job.targets)
        if not columns or len(set(columns)) < len(columns) or not set(columns) <= set(range(ratings.shape[1])):
            _refuse(
                f"Network {number} learns unknown targets", columns, f"some of 0 to {ratings.shape[1] - 1}, each once"
            )
        for what, chosen in (("learn from", job.train), ("be judged by", job.judge)):
            if chosen.dtype != np.bool_ or chosen.shape != (len(ratings),) or not chosen.any():
                _refuse(
                    f"Network {number} has no pictures to {what}",
                    f"{chosen.dtype} of shape {chosen.shape}, {int(np.count_nonzero(chosen))} chosen",
                    "(picture,) of bool, at least one True",
                )
            if not np.isfinite(ratings[chosen][:, columns]).all():
                _refuse(f"Network {number} lacks ratings of pictures to {what}", "NaN or infinity", "finite ratings")
        if (job.train & job.judge).any():
            both = int((job.train & job.judge).sum())
            _refuse(f"Network {number} is judged by pictures that it learns from", f"{both} pictures", "none")


def _refuse(problem: str, value: object, expected: str) -> None:
    raise InputError(problem, value=value, expected=expected, remedy="check features, ratings and folds")
