"""Folds by corpus: every share, every group and the held-out corpus are where they belong."""

from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.models.feed_forward.corpus_folds import corpus_folds


def _pictures(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three corpora of different sizes; some pictures have near-duplicates, also across corpora."""
    rng = np.random.default_rng(seed)
    corpus = rng.permutation(np.repeat(["IED", "NAPS", "OASIS"], (300, 60, 90)))
    group = np.arange(450)
    copies = rng.choice(450, 60, replace=False)
    group[copies[:30]] = group[copies[30:]]
    return corpus, group


@pytest.mark.parametrize("seed", range(4))
def test_every_picture_tests_once_and_groups_are_whole(seed):
    corpus, group = _pictures(seed)
    splits = corpus_folds(corpus, group, held_out="NAPS", validation_share=0.1, seed=seed)
    parts = np.stack([splits.train, splits.validation, splits.test])
    usable = ~splits.held_out & ~splits.left_out
    assert (parts.sum(0)[:, usable] == 1).all() and not parts[:, :, ~usable].any()
    assert (splits.test.sum(0)[usable] == 1).all() and np.array_equal(splits.held_out, corpus == "NAPS")
    for fold in range(5):
        for part in parts:
            assert not set(group[part[fold]]) & set(group[~part[fold] & usable])
    assert not set(group[splits.train.any(0)]) & set(group[splits.held_out])
    assert splits.left_out.any() and set(group[splits.left_out]) <= set(group[splits.held_out])


def test_every_fold_has_its_share_of_every_corpus():
    corpus, _ = _pictures()
    splits = corpus_folds(corpus, np.arange(450), held_out="NAPS", validation_share=0.1)
    for name, total in (("IED", 300), ("OASIS", 90)):
        assert (splits.test[:, corpus == name].sum(1) == total / 5).all()
        assert (abs(splits.validation[:, corpus == name].sum(1) - 0.08 * total) < 1).all()
    assert splits.test_to_train == pytest.approx(0.25)


def test_one_corpus_and_no_validation_will_do():
    splits = corpus_folds(np.repeat("OASIS", 20), np.arange(20), folds=4)
    assert splits.test.sum(1).tolist() == [5] * 4 and not splits.validation.any() and not splits.held_out.any()
    assert np.array_equal(splits.train, ~splits.test)
    assert np.array_equal(splits.test, corpus_folds(np.repeat("OASIS", 20), np.arange(20), folds=4).test)


def test_bad_corpora_are_refused():
    corpus, group = _pictures()
    with pytest.raises(InputError, match="cannot be held out"):
        corpus_folds(corpus, group, held_out="IAPS")
    with pytest.raises(InputError, match="cannot be held out"):
        corpus_folds(np.repeat("NAPS", 20), np.arange(20), held_out="NAPS")
    with pytest.raises(InputError, match="do not belong together"):
        corpus_folds(corpus, group[1:])
    with pytest.raises(InputError, match="corpus SMID is too small for the folds"):
        corpus_folds(np.append(corpus, ["SMID"] * 4), np.arange(454))
    with pytest.raises(ParameterError, match="two folds"):
        corpus_folds(corpus, group, folds=1)
