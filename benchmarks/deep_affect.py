"""All networks of Deep Affect side by side against a plain loop that trains one after the other.

The plain loop is what one would write with torch: nn.Sequential with nn.Dropout, nn.MSELoss, torch.optim.SGD,
ReduceLROnPlateau, features and ratings kept in memory, batches by a permutation, and predictions of all pictures at the
end. Both train every network for as many epochs.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import combinations

import numpy as np
import torch
from common import Row, timed
from scipy.special import softmax
from torch import nn

from o2b_helpers.models.feed_forward.corpus_folds import corpus_folds
from o2b_helpers.models.feed_forward.draws import epoch_order, first_weights
from o2b_helpers.models.feed_forward.jobs import NetworkJob
from o2b_helpers.models.feed_forward.settings import NetworkSettings
from o2b_helpers.models.feed_forward.training import train_networks

PAPER = NetworkSettings(epochs=2)
SMALL = NetworkSettings(hidden=(300, 100, 50), epochs=5)
SETTINGS = (
    ("3000-1000-500 (the paper's)", PAPER, {"object": 1000, "scene": 365, "face": 5}, 1250, 2),
    ("300-100-50", SMALL, {"object": 64, "scene": 32, "face": 8}, 2000, 5),
)
TARGETS = ((0, 1), (0,), (1,))  # a shared network, and a split one for arousal and for valence


def rows() -> list[Row]:
    return [_row(*setting) for setting in SETTINGS]


def _row(what: str, settings: NetworkSettings, widths: dict[str, int], pictures: int, folds: int) -> Row:
    features, ratings = _data(widths, pictures)
    splits = corpus_folds(np.zeros(pictures).astype(str), np.arange(pictures))
    jobs = [
        NetworkJob(name, targets, splits.train[fold], splits.test[fold], fold)
        for fold in range(folds)
        for name in features
        for targets in TARGETS
    ]
    first = jobs[: len(features) * len(TARGETS)]  # the plain loop trains one fold
    threads = torch.get_num_threads()

    def ours() -> None:
        train_networks(features, ratings, jobs, settings, threads)

    def plain() -> None:
        for job in first:
            _plain(features[job.features], ratings, job, settings, given=False)

    def plain_on_one_thread() -> None:
        torch.set_num_threads(1)
        plain()
        torch.set_num_threads(threads)

    times = timed({"ours": ours, "plain": plain, "plain on one thread": plain_on_one_thread}, 3, warm_up=False)
    whole = len(jobs) / len(first)
    same = replace(settings, dropout=0.0)
    alone = train_networks(features, ratings, first[:3], same)
    differences = [
        np.abs(network.predictions - _plain(features[job.features], ratings, job, same, given=True)).max()
        for network, job in zip(alone, first, strict=False)
    ]
    one_thread = times["plain on one thread"] * whole
    return Row(
        kernel="deep_affect",
        architecture=what,
        setting=f"{len(features)} feature sets of up to {sum(widths.values())} features, {folds} folds, shared and "
        f"split, {pictures} pictures, {settings.epochs} epochs",
        runs=len(jobs),
        ours=times["ours"],
        naive=times["plain"] * whole,
        max_difference=float(max(differences)),
        note=f"{len(jobs)} networks; the plain loop trained one fold ({len(first)} of them), scaled; on one thread it "
        f"took {one_thread.median:.3g} s; differences are of predictions without dropout",
        more={"naive_one_thread_s": one_thread.median},
    )


def _data(widths: dict[str, int], pictures: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Probabilities of each extractor, all sets of extractors, and ratings (picture, target) from 1 to 9."""
    rng = np.random.default_rng(0)
    logits = {name: 3 * rng.normal(size=(pictures, width)) for name, width in widths.items()}
    groups = {name: softmax(values, axis=1).astype(np.float32) for name, values in logits.items()}
    sets = [chosen for size in range(1, len(groups) + 1) for chosen in combinations(groups, size)]
    features = {" + ".join(chosen): np.concatenate([groups[name] for name in chosen], 1) for chosen in sets}
    return features, rng.uniform(1, 9, (pictures, 2))


def _plain(features, ratings, job, settings, given: bool) -> np.ndarray:
    """Predictions (target, picture) of one network; `given` starts from our first weights, in our order of pictures."""
    x, y = torch.from_numpy(features), torch.from_numpy(ratings[:, list(job.targets)]).float()
    widths, modules = [x.shape[1], *settings.hidden, y.shape[1]], []
    for n, units in zip(widths[:-2], widths[1:-1], strict=True):
        modules += [nn.Linear(n, units), nn.ReLU(), nn.Dropout(settings.dropout)]
    network = nn.Sequential(*modules, nn.Linear(widths[-2], widths[-1]))
    if given:
        layers = [module for module in network if isinstance(module, nn.Linear)]
        for layer, weight in zip(layers, first_weights(job.seed, widths), strict=True):
            layer.weight.data.copy_(torch.from_numpy(weight).T)
            layer.bias.data.zero_()
    optimiser = torch.optim.SGD(network.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.1, patience=3, threshold=0, min_lr=6e-6)
    loss, train, judge = nn.MSELoss(), np.flatnonzero(job.train), torch.from_numpy(np.flatnonzero(job.judge))
    best, state = np.inf, {}
    for epoch in range(settings.epochs):
        order = epoch_order(job.seed, epoch, train) if given else np.random.permutation(train)
        network.train()
        for pictures in torch.from_numpy(order).split(settings.batch_size):
            optimiser.zero_grad()
            loss(network(x[pictures]), y[pictures]).backward()
            optimiser.step()
        network.eval()
        with torch.no_grad():
            judged = float(loss(network(x[judge]), y[judge]))
        schedule.step(judged)
        if judged < best:
            best, state = judged, copy.deepcopy(network.state_dict())
    network.load_state_dict(state)
    with torch.no_grad():
        return network(x).T.numpy()
