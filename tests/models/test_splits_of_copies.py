"""Copies of a picture are on one side of every split, so that no head is tested on what it has learnt."""

from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.models.heads.head_data import stratified_splits
from o2b_helpers.models.heads.training import HeadSettings, train_heads


def test_without_copies_the_splits_are_those_without_groups():
    for seed in range(5):
        labels = (np.random.default_rng(seed).random(41) < 0.4).astype(float)
        plain = stratified_splits(labels, 4, 0.2, seed)
        for groups in (np.arange(41), np.arange(41)[::-1] * 7, np.array([f"{n:03d}" for n in range(41)])):
            assert np.array_equal(stratified_splits(labels, 4, 0.2, seed, groups), plain)


@pytest.mark.parametrize("seed", range(5))
def test_every_group_is_whole_on_one_side(seed):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(30), rng.integers(1, 5, 30)))
    labels = rng.integers(0, 2, len(groups)).astype(float)  # copies contradict each other
    test = stratified_splits(labels, 6, 0.2, seed, groups)
    for run in test:
        assert not set(groups[run]) & set(groups[~run])
        assert len(set(groups[run])) in (5, 6, 7) and len(np.unique(labels[~run])) == 2


def test_groups_keep_their_share_of_every_label():
    labels, groups = np.repeat([0.0, 1.0], 40), np.repeat(np.arange(40), 2)
    test = stratified_splits(labels, 3, 0.2, 1, groups)
    assert (test[:, labels == 0].sum(1) == 8).all() and (test[:, labels == 1].sum(1) == 8).all()


def test_groups_of_another_length_are_refused():
    with pytest.raises(InputError, match="groups do not belong together"):
        stratified_splits(np.array([0, 1, 0, 1]), 1, 0.5, 0, np.arange(3))


def _held_out_rho(grouped: bool) -> list[float]:
    """Train on random features with random labels, every image twice; return rho of each run's kept head."""
    rhos: list[float] = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        features = np.repeat(rng.normal(size=(60, 40)), 2, axis=0)
        ratings = np.repeat(rng.normal(size=60), 2)
        labels, groups = (ratings > 0).astype(float), np.repeat(np.arange(60), 2)
        test = stratified_splits(labels, 5, 0.2, seed, groups if grouped else None)
        trained = train_heads(
            features, labels, ratings, test, HeadSettings(epochs=60, learning_rates=(0.01, 0.1)), seed
        )
        history = trained.history[trained.history["split"] == "test"].set_index(["run", "learning_rate", "epoch"])[
            "rho"
        ]
        kept = zip(range(5), trained.learning_rate, trained.epoch, strict=True)
        rhos += [float(history.loc[each]) for each in kept]
    return rhos


def test_nothing_is_learnt_from_random_labels_of_pictures_with_copies():
    rhos = np.array(_held_out_rho(grouped=True)).reshape(6, 5).mean(1)
    error = rhos.std(ddof=1) / np.sqrt(len(rhos))
    assert abs(rhos.mean()) < 2.6 * error and error < 0.1  # 2.6: 95 % of Student's t with 5 degrees of freedom
    assert np.mean(_held_out_rho(grouped=False)) > 0.4  # what is seen where copies are on both sides
