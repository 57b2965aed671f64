"""Folds that every model shares: stratified by corpus, near-duplicates together, one corpus never learnt from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from o2b_helpers.core.errors import InputError
from o2b_helpers.models.heads.head_data import stratified_folds, validation_splits


@dataclass(frozen=True)
class CorpusFolds:
    """Which pictures each fold learns from, chooses by, and is tested on.

    Attributes
    ----------
    train : array (fold, picture) of bool
        Pictures that a model of the fold learns from.
    validation : array (fold, picture) of bool
        Pictures that choose its epoch or penalty, and nothing else; none where no share was asked for.
    test : array (fold, picture) of bool
        Pictures that test it. Each picture outside the held-out corpus tests once, but for `left_out`.
    held_out : array (picture,) of bool
        Pictures of the corpus that tests all folds.
    left_out : array (picture,) of bool
        Pictures of other corpora that are near-duplicates of held-out ones: they neither train nor test.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    held_out: np.ndarray
    left_out: np.ndarray

    @property
    def test_to_train(self) -> float:
        """Test pictures over all others of a fold, on average: what the corrected t-test asks for."""
        learnt = self.train.sum(1) + self.validation.sum(1)
        return float((self.test.sum(1) / learnt).mean())


def corpus_folds(
    corpus: np.ndarray,
    group: np.ndarray,
    held_out: str | None = None,
    folds: int = 5,
    validation_share: float = 0.0,
    seed: int = 0,
) -> CorpusFolds:
    """Cut the pictures into folds, each with the same share of every corpus (003, section 2.4; the strata are ours).

    Parameters
    ----------
    corpus : array (picture,) of str
        The corpus of each picture.
    group : array (picture,) of int
        The same number for near-duplicates, see `near_duplicates`: they are on one side of every split. A group of
        pictures of several corpora is dealt out with the corpus of its first picture.
    held_out : str, optional
        The corpus that is never learnt from (the paper's: NAPS). All folds are tested on it as well.
    folds : int
        Number of folds (the paper's: 5).
    validation_share : float
        Share of each fold's training pictures that choose epochs and penalties (ours), stratified alike. 0: none, for
        models that are judged by their test fold (the paper's reading).
    seed : int
        Of the folds and of the validation pictures.

    Returns
    -------
    CorpusFolds

    Raises
    ------
    InputError
        The held-out corpus is not there or the only one, a corpus has fewer groups than there are folds, or lengths
        differ.
    ParameterError
        Fewer than two folds; a share out of range.

    Examples
    --------
    >>> corpus = np.repeat(["IAPS", "NAPS", "OASIS"], 10)
    >>> splits = corpus_folds(corpus, np.arange(30), held_out="NAPS")
    >>> splits.test.sum(1).tolist(), splits.train[:, corpus == "NAPS"].any().item(), splits.test_to_train
    ([4, 4, 4, 4, 4], False, 0.25)
    """
    corpus, group = np.asarray(corpus), np.asarray(group)
    if corpus.shape != group.shape or corpus.ndim != 1:
        _refuse(
            "Corpora and groups do not belong together", f"{corpus.shape} and {group.shape}", "one per picture each"
        )
    names = np.unique(corpus)
    if held_out is not None and (held_out not in names or len(names) < 2):
        _refuse("The held-out corpus cannot be held out", f"{held_out} of {', '.join(names)}", "one of several corpora")
    apart = corpus == held_out if held_out is not None else np.zeros(len(corpus), dtype=bool)
    left_out = np.isin(group, group[apart]) & ~apart
    used = np.flatnonzero(~apart & ~left_out)
    own, numbers = group[used], np.unique(corpus[used], return_inverse=True)[1]
    _, first = np.unique(own, return_index=True)
    for number, name in enumerate(np.unique(corpus[used])):
        if (count := int((numbers[first] == number).sum())) < folds:
            _refuse(f"The corpus {name} is too small for the folds", f"{count} different pictures", f"{folds} or more")
    test = stratified_folds(numbers, folds, seed, own)
    validation = np.zeros_like(test)
    if validation_share:
        validation = validation_splits(numbers, test, validation_share, seed, own)

    def whole(part: np.ndarray) -> np.ndarray:
        result = np.zeros((folds, len(corpus)), dtype=bool)
        result[:, used] = part
        return result

    return CorpusFolds(whole(~test & ~validation), whole(validation), whole(test), apart, left_out)


def _refuse(problem: str, value: object, expected: str) -> None:
    raise InputError(problem, value=value, expected=expected, remedy="check the corpora and analysis of the folds")
