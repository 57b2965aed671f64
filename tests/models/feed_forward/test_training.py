"""Training of many networks at once against a plain loop, and that no network depends on what is trained beside it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from o2b_helpers.core.errors import InputError, ModelError, ParameterError
from o2b_helpers.models.feed_forward import training
from o2b_helpers.models.feed_forward.jobs import NetworkJob
from o2b_helpers.models.feed_forward.settings import NetworkSettings
from o2b_helpers.models.feed_forward.training import train_networks

sys.path.insert(0, str(Path(__file__).parent))
from plain_loop import plain_training

SMALL = NetworkSettings(hidden=(24, 12, 7), learning_rate=4e-3, least_rate=6e-5, epochs=40)
WIDTHS = {"object": 21, "scene": 13, "face": 5}


def _data(pictures: int = 133, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Probabilities of three extractors, and valence and arousal (1..9) that follow from some of them."""
    rng = np.random.default_rng(seed)
    sets = {name: rng.dirichlet(np.full(width, 0.3), pictures) for name, width in WIDTHS.items()}
    sets["all"] = np.concatenate([sets[name] for name in WIDTHS], 1)
    causes = np.stack([sets["object"][:, :3].sum(1) + sets["face"][:, 0], sets["scene"][:, :4].sum(1)], 1)
    ratings = 5 + 1.5 * (causes - causes.mean(0)) / causes.std(0) + 0.3 * rng.normal(size=causes.shape)
    return sets, ratings.clip(1, 9)


def _jobs(ratings: np.ndarray, sets=("all", "object", "face"), seeds=(0, 7)) -> list[NetworkJob]:
    """Three folds of different sizes, so that epochs have different numbers of steps."""
    fold = np.random.default_rng(1).choice(3, len(ratings), p=(0.2, 0.3, 0.5))
    return [
        NetworkJob(name, targets, fold != k, fold == k, seed + k)
        for seed in seeds
        for name in sets
        for k in range(3)
        for targets in ((0, 1), (0,), (1,))
    ]


def _same(first, second) -> bool:
    """Whether two trained networks are equal to the last bit."""
    return (
        np.array_equal(first.predictions, second.predictions)
        and first.history.equals(second.history)
        and first.best_epoch == second.best_epoch
        and all(
            np.array_equal(a, b)
            for one, other in zip(first.layers, second.layers, strict=True)
            for a, b in zip(one, other, strict=True)
        )
    )


@pytest.mark.parametrize(
    "settings",
    [
        SMALL,
        replace(SMALL, dropout=0.3, rate_patience=2, stop_patience=3),
        replace(SMALL, dropout=0.0, hidden=(10,), momentum=0.0, batch_size=16),
    ],
)
def test_training_is_that_of_a_plain_loop(settings):
    sets, ratings = _data()
    jobs = _jobs(ratings, seeds=(0,))
    trained = train_networks(sets, ratings, jobs, settings, threads=2, keep_layers=True)
    assert len({len(network.history) for network in trained}) > 1 or settings.stop_patience > 3
    for job, network in zip(jobs, trained, strict=True):
        plain = plain_training(sets[job.features], ratings, job, settings)
        history = network.history.to_numpy()
        assert history.shape == plain["history"].shape and network.best_epoch == plain["best_epoch"]
        np.testing.assert_allclose(history[:, :2], plain["history"][:, :2], rtol=1e-9)
        np.testing.assert_allclose(history[:, 2:], plain["history"][:, 2:], rtol=0, atol=1e-5)
        np.testing.assert_allclose(network.predictions, plain["predictions"], rtol=0, atol=1e-4)
        for (weight, bias), number in zip(network.layers, range(0, 99, 3), strict=False):
            np.testing.assert_allclose(weight.T, plain["state"][f"{number}.weight"], rtol=0, atol=1e-5)
            np.testing.assert_allclose(bias, plain["state"][f"{number}.bias"], rtol=0, atol=1e-5)


def test_training_learns_what_is_in_the_features():
    sets, ratings = _data(600)
    fold = np.arange(600) % 5
    job = NetworkJob("all", (0, 1), fold > 1, fold == 1, 0)
    settings = replace(SMALL, dropout=0.0, learning_rate=0.005, epochs=150)
    (network,) = train_networks(sets, ratings, [job], settings)
    error = ((network.predictions.T - ratings)[fold == 0] ** 2).mean(0)
    assert (error < 0.2 * ratings[fold == 0].var(0)).all()


def test_a_network_does_not_depend_on_what_is_trained_beside_it(monkeypatch):
    sets, ratings = _data()
    jobs = _jobs(ratings)
    together = train_networks(sets, ratings, jobs, SMALL, keep_layers=True)
    for number in range(0, len(jobs), 5):
        (alone,) = train_networks(sets, ratings, [jobs[number]], SMALL, keep_layers=True)
        assert _same(alone, together[number])
    mixed = np.random.default_rng(0).permutation(len(jobs))
    monkeypatch.setattr(training, "MOST_AT_ONCE", 4)
    before = torch.get_num_threads()
    others = train_networks(sets, ratings, [jobs[number] for number in mixed], SMALL, threads=3, keep_layers=True)
    assert all(_same(others[place], together[number]) for place, number in enumerate(mixed))
    assert torch.get_num_threads() == before


def test_a_wide_network_does_not_depend_on_what_is_trained_beside_it():
    """Wide enough for the blocks in which large matrices are multiplied."""
    rng, settings = np.random.default_rng(2), NetworkSettings(hidden=(300, 130, 70), epochs=2)
    features, ratings = {"wide": rng.random((110, 700))}, rng.uniform(1, 9, (110, 2))
    fold = np.arange(110) % 5
    jobs = [NetworkJob("wide", (0, 1), fold != k, fold == k, k) for k in range(5)]
    together = train_networks(features, ratings, jobs, settings, keep_layers=True)
    for job, network in zip(jobs, together, strict=True):
        assert _same(train_networks(features, ratings, [job], settings, threads=2, keep_layers=True)[0], network)


def test_seeds_differ_and_padding_is_not_read():
    sets, ratings = _data()
    first, second = _jobs(ratings, sets=("face",))[:1], _jobs(ratings, sets=("face",), seeds=(5,))[:1]
    one, other = train_networks(sets, ratings, [*first, *second], replace(SMALL, epochs=3))
    assert not np.allclose(one.predictions, other.predictions)
    # ratings of pictures that are neither learnt from nor judged by are never looked at
    job = replace(first[0], train=first[0].train & (np.arange(len(ratings)) > 9), judge=first[0].judge.copy())
    job.judge[:10] = False
    gaps = ratings.copy()
    gaps[:10] = np.nan
    a, b = (train_networks(sets, values, [job], replace(SMALL, epochs=3))[0] for values in (ratings, gaps))
    assert np.array_equal(a.predictions, b.predictions)


def test_a_network_that_diverges_is_named():
    sets, ratings = _data()
    wild = {"object": sets["object"] * 1e12}
    jobs = _jobs(ratings, sets=("object",))[:1]
    with pytest.raises(ModelError, match="network on object diverged"):
        train_networks(wild, ratings, jobs, replace(SMALL, learning_rate=1e6))


def test_bad_jobs_are_refused():
    sets, ratings = _data()
    job = _jobs(ratings)[0]

    def refused(match: str, values=ratings, sets=sets, **changes) -> None:
        with pytest.raises(InputError, match=match):
            train_networks(sets, values, [replace(job, **changes)], SMALL)

    refused("unknown features", features="text")
    refused("unknown targets", targets=(2,))
    refused("unknown targets", targets=())
    refused("unknown targets", targets=(0, 0))
    refused("no pictures to learn from", train=np.zeros(len(ratings), dtype=bool))
    refused("no pictures to be judged by", judge=job.judge.astype(int))
    refused("judged by pictures that it learns from", judge=job.train)
    refused("lacks ratings", values=np.where(ratings > 5, np.nan, ratings))
    refused("have no targets", values=ratings[:, 0])
    refused("do not belong together", sets={"all": sets["all"][1:]})
    refused("not finite", sets={"all": np.full_like(sets["all"], np.inf)})


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden": ()},
        {"hidden": (3, 0)},
        {"batch_size": 2.5},
        {"dropout": 1.0},
        {"momentum": -0.1},
        {"rate_factor": 1.0},
        {"least_rate": 1e-2},
        {"epochs": 0},
    ],
)
def test_bad_settings_are_refused(changes):
    with pytest.raises(ParameterError, match="train no network"):
        NetworkSettings(**changes)
