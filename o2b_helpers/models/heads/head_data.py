"""Which images train and which test in each run, and what each weighs in the loss."""

from __future__ import annotations

import numpy as np

from o2b_helpers.core.errors import InputError, ParameterError

RATINGS = "check the corpus: its ratings, range and neutral value"
CLASSES = "check the corpus: its classes, and that each has several images"


def stratified_splits(
    labels: np.ndarray, runs: int, test_share: float, seed: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Draw the test images of each run, the same share of every label (METHODS 2: 80/20).

    Parameters
    ----------
    labels : array (image,)
        Labels, or any value to stratify by; every different value is one stratum.
    runs : int
        Number of splits.
    test_share : float
        Share of the images that test, between 0 and 1.
    seed : int
        Run r draws from ``default_rng([seed, 0, r])``, so that more runs leave the first ones as they were.
    groups : array (image,), optional
        The same value for images that must be on one side, such as copies of a picture. The first image of a group
        stands for it in the draw, with its label, and the others follow. Without groups every image is on its own.

    Returns
    -------
    array (run, image) of bool
        True where an image tests. Each stratum gives its share of groups, rounded; at least one on either side where
        it has two or more.

    Raises
    ------
    ParameterError
        `runs` or `test_share` is out of range.
    InputError
        A label is NaN, all labels are of one kind, or labels and groups have other lengths.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    >>> test = stratified_splits(labels, runs=3, test_share=0.2, seed=0)
    >>> test[:, labels == 0].sum(1).tolist(), test[:, labels == 1].sum(1).tolist()
    ([1, 1, 1], [1, 1, 1])
    >>> groups = np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
    >>> test = stratified_splits(labels, runs=3, test_share=0.2, seed=0, groups=groups)
    >>> np.array_equal(test[:, 0], test[:, 1])
    True
    """
    if not 0 < test_share < 1 or runs < 1:
        raise ParameterError(
            "These splits cannot be drawn",
            value=f"runs {runs}, test_share {test_share}",
            expected="at least one run and a share between 0 and 1, both excluded",
            remedy="correct the parameters of the heads",
        )
    labels = np.asarray(labels)
    return _drawn(labels, np.ones((runs, len(labels)), dtype=bool), test_share, [seed, 0], groups, 2)


def stratified_folds(labels: np.ndarray, folds: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Cut the images into folds, each with the same share of every label: every image tests exactly once (ours).

    Parameters
    ----------
    labels : array (image,)
        Labels, or any value to stratify by.
    folds : int
        Number of folds, at least 2; they are what other functions call runs.
    seed : int
        Every label draws from ``default_rng([seed, 2])`` in turn, in the order of the labels.
    groups : array (image,), optional
        As for `stratified_splits`: the first image of a group stands for it, and the others follow.

    Returns
    -------
    array (fold, image) of bool
        True where an image tests. The folds' numbers of groups of a label differ by one at most.

    Raises
    ------
    ParameterError
        Fewer than two folds.
    InputError
        As for `stratified_splits`, but labels of one kind will do.

    Examples
    --------
    >>> test = stratified_folds(np.array([0, 0, 0, 0, 1, 1, 1, 1]), folds=2, seed=0)
    >>> test.sum(0).tolist(), test[:, :4].sum(1).tolist()
    ([1, 1, 1, 1, 1, 1, 1, 1], [2, 2])
    """
    if folds < 2:
        raise ParameterError(
            "These folds cannot be drawn",
            value=f"{folds}",
            expected="at least two folds",
            remedy="correct the parameters of the heads",
        )
    labels = np.asarray(labels)
    kinds, stands, first, group = _groups(labels, groups, 1)
    rng, fold, behind = np.random.default_rng([seed, 2]), np.zeros(len(labels), dtype=np.int64), 0
    for kind in kinds:
        members = np.flatnonzero((labels == kind) & stands)
        fold[rng.permutation(members)] = (behind + np.arange(len(members))) % folds
        behind += len(members)  # the next label goes on where this one ended, so that folds are of one size
    return np.arange(folds)[:, None] == fold[first][group]


def validation_splits(
    labels: np.ndarray, test: np.ndarray, share: float, seed: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Draw the validation images of each run from those that do not test, the same share of every label (ours).

    Parameters
    ----------
    labels, groups
        As for `stratified_splits`; a group lies on one side of `test`.
    test : array (run, image) of bool
        The test images of each run.
    share : float
        Share of the other images that validate, between 0 and 1.
    seed : int
        Run r draws from ``default_rng([seed, 1, r])``.

    Returns
    -------
    array (run, image) of bool
        True where an image chooses epoch and rate; it neither trains nor tests.

    Raises
    ------
    ParameterError
        `share` is out of range.
    InputError
        As for `stratified_splits`, but labels of one kind will do.

    Examples
    --------
    >>> labels = np.repeat([0, 1], 10)
    >>> test = stratified_splits(labels, runs=2, test_share=0.5, seed=0)
    >>> validation = validation_splits(labels, test, share=0.2, seed=0)
    >>> validation.sum(1).tolist(), bool((validation & test).any())
    ([2, 2], False)
    """
    if not 0 < share < 1:
        raise ParameterError(
            "These splits cannot be drawn",
            value=f"validation_share {share}",
            expected="a share between 0 and 1, both excluded",
            remedy="correct the parameters of the heads",
        )
    return _drawn(np.asarray(labels), ~np.asarray(test, bool), share, [seed, 1], groups, 1)


def _drawn(
    labels: np.ndarray, candidates: np.ndarray, share: float, seed: list[int], groups: np.ndarray | None, least: int
) -> np.ndarray:
    """Draw a share of each label's candidates (run, image); the first image of a group stands for it."""
    kinds, stands, first, group = _groups(labels, groups, least)
    drawn = np.zeros(candidates.shape, dtype=bool)
    for run, own in enumerate(candidates):
        rng = np.random.default_rng([*seed, run])
        for kind in kinds:
            members = np.flatnonzero((labels == kind) & stands & own)
            count = round(share * len(members))
            if len(members) > 1:
                count = min(max(count, 1), len(members) - 1)
            drawn[run, rng.permutation(members)[:count]] = True
        drawn[run] = drawn[run, first][group]
    return drawn


def _groups(
    labels: np.ndarray, groups: np.ndarray | None, least: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the kinds of labels, which images stand for their group, each group's first image, each image's group."""
    kinds = _kinds(labels, least)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    if groups.shape != labels.shape:
        _refuse(
            "Labels and groups do not belong together", f"{len(labels)} and {len(groups)}", "a group for each label"
        )
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    stands = np.zeros(len(labels), dtype=bool)
    stands[first] = True
    return kinds, stands, first, group


def check_labels(labels: np.ndarray, ratings: np.ndarray, test: np.ndarray, n_images: int) -> None:
    """Refuse labels, ratings and splits that no head can learn from.

    Raises
    ------
    InputError
        Lengths differ, values are not finite, labels lie outside 0..1 or are all of one kind, in the whole or in the
        training part of a run, or a run has no test image.
    """
    lengths = {"features": n_images, "labels": len(labels), "ratings": len(ratings), "test": test.shape[-1]}
    if len(set(lengths.values())) > 1 or test.ndim != 2:
        _refuse("Features, labels, ratings and splits do not belong together", lengths, "one entry per image in each")
    _kinds(labels)
    if labels.min() < 0 or labels.max() > 1:
        _refuse("Labels are out of range", f"{labels.min():g} to {labels.max():g}", "labels from 0 to 1")
    if not np.isfinite(ratings).all():
        _refuse("Some ratings are not finite", f"{int((~np.isfinite(ratings)).sum())} ratings", "finite numbers")
    for run, tests in enumerate(test):
        if not tests.any() or len(np.unique(labels[~tests])) < 2:
            _refuse(
                f"Run {run} cannot be trained",
                f"{int(tests.sum())} test images, {len(np.unique(labels[~tests]))} kinds of training labels",
                "at least one test image and two kinds of training labels",
            )


def image_weights(labels: np.ndarray, test: np.ndarray, class_weighted: bool) -> np.ndarray:
    """Weigh images in each run's loss (run, image): 1, or the inverse frequency of the label, mean 1.

    Raises
    ------
    ParameterError
        Weights are asked for labels other than 0 and 1.

    Examples
    --------
    >>> labels, test = np.array([0, 0, 0, 1]), np.zeros((1, 4), dtype=bool)
    >>> image_weights(labels, test, class_weighted=True).round(2).tolist()
    [[0.67, 0.67, 0.67, 2.0]]
    """
    if not class_weighted:
        return np.ones(test.shape)
    if not np.isin(labels, (0, 1)).all():
        raise ParameterError(
            "Classes cannot be weighted where labels are ratings",
            value=f"{len(np.unique(labels))} different labels",
            expected="labels 0 and 1",
            remedy="set class_weighted to false, or learn from binary labels",
        )
    train = (~test).sum(1, keepdims=True)
    positive = (~test & (labels == 1)).sum(1, keepdims=True)
    return np.where(labels == 1, train / (2 * positive), train / (2 * (train - positive)))


def held_out_images(test: np.ndarray, validation: np.ndarray | None) -> np.ndarray:
    """Return the images (run, image) from which nothing is learnt: those that test and those that validate.

    Raises
    ------
    InputError
        Shapes differ, a run has no image of either kind, or an image is both.
    """
    if validation is None:
        return test
    validation = np.asarray(validation, bool)
    if (
        validation.shape != test.shape
        or not validation.any(-1).all()
        or not test.any(-1).all()
        or (validation & test).any()
    ):
        _refuse(
            "Validation images and test images do not fit each other",
            f"shapes {validation.shape} and {test.shape}",
            "in every run at least one of either, and no image that is both",
            "draw them with stratified_splits and validation_splits; lower the shares or add pictures",
        )
    return validation | test


def check_classes(labels: np.ndarray, test: np.ndarray, n_images: int) -> int:
    """Return the number of classes K of labels that a softmax readout can learn.

    Parameters
    ----------
    labels : array (image,) or (run, image)
        Numbers of classes, 0..K-1; each run may have labels of its own, with the same K.
    test : array (run, image) of bool
        The images of each run from which nothing is learnt.
    n_images : int
        Images that there are features of.

    Raises
    ------
    InputError
        Lengths differ, labels are no numbers of classes, there is one class only, a class is missing among the training
        images of a run, or a run has no test image.
    """
    lengths = {"features": n_images, "labels": labels.shape[-1], "test": test.shape[-1]}
    if len(set(lengths.values())) > 1 or test.ndim != 2:
        _refuse("Features, labels and splits do not belong together", lengths, "one entry per image in each", CLASSES)
    if labels.ndim == 2 and len(labels) != len(test):
        _refuse("Labels and splits are of different runs", f"{len(labels)} and {len(test)}", "labels of each", CLASSES)
    kinds = _kinds(labels)
    if not np.array_equal(kinds, np.arange(len(kinds))):
        _refuse("Labels are not numbers of classes", kinds[:10].tolist(), "0, 1, .. K-1, each at least once", CLASSES)
    for run, (own, tests) in enumerate(zip(np.broadcast_to(labels, test.shape), test, strict=True)):
        missing = np.setdiff1d(kinds, own[~tests])
        if len(missing) or not tests.any():
            _refuse(
                f"Run {run} cannot be trained",
                f"{int(tests.sum())} test images, no training image of the classes {missing.astype(int).tolist()}",
                "at least one test image, and training images of every class",
                CLASSES,
            )
    return len(kinds)


def class_weights(labels: np.ndarray, test: np.ndarray, class_weighted: bool) -> np.ndarray:
    """Weigh images in each run's loss (run, image): 1, or the inverse training frequency of the class, mean 1.

    The mean over a run's training images is 1. For two classes this is `image_weights`. Labels are those of all runs,
    (image,), or each run's own, (run, image).

    Examples
    --------
    >>> labels, test = np.array([0, 0, 1, 2]), np.zeros((1, 4), dtype=bool)
    >>> class_weights(labels, test, class_weighted=True).round(2).tolist()
    [[0.67, 0.67, 1.33, 1.33]]
    """
    if not class_weighted:
        return np.ones(test.shape)
    labels = np.broadcast_to(np.asarray(labels, np.int64), test.shape)
    counts = (np.eye(labels.max() + 1)[labels] * ~test[:, :, None]).sum(1)  # (run, class)
    return np.take_along_axis((~test).sum(1, keepdims=True) / (counts.shape[1] * counts), labels, 1)


def _kinds(labels: np.ndarray, least: int = 2) -> np.ndarray:
    if not np.isfinite(labels).all():
        _refuse("Some labels are missing", f"{int((~np.isfinite(labels)).sum())} labels", "a label for every image")
    kinds = np.unique(labels)
    if len(kinds) < least:
        _refuse("All labels are of one kind", f"{len(labels)} labels, all {kinds}", "at least two kinds of labels")
    return kinds


def _refuse(problem: str, value: object, expected: str, remedy: str = RATINGS) -> None:
    raise InputError(problem, value=value, expected=expected, remedy=remedy)
