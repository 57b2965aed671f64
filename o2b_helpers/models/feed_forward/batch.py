"""One batch of networks, trained to its end; networks that have stopped leave it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.feed_forward.draws import KeptUnits, epoch_order, first_weights
from o2b_helpers.models.feed_forward.jobs import NetworkJob, TrainedNetwork
from o2b_helpers.models.feed_forward.networks import Networks
from o2b_helpers.models.feed_forward.plateau import Plateau
from o2b_helpers.models.feed_forward.settings import NetworkSettings


class TrainingBatch:
    """Networks that read the same features and have as many outputs.

    Parameters
    ----------
    features : Tensor (picture, padded feature)
        Then a feature that is always 1, then zeros.
    n_features : int
        Features without these.
    ratings : Tensor (picture, target)
        All ratings; what no network learns may be anything.
    jobs : sequence of NetworkJob
        Those with more training pictures first, so that networks whose epoch has a step more are the first ones.
    settings : NetworkSettings
        The rules.
    keep_layers : bool
        Whether weights come back.
    """

    def __init__(
        self,
        features: torch.Tensor,
        n_features: int,
        ratings: torch.Tensor,
        jobs: Sequence[NetworkJob],
        settings: NetworkSettings,
        keep_layers: bool,
    ) -> None:
        self.features, self.ratings, self.settings, self.keep_layers = features, ratings, settings, keep_layers
        self.jobs, self.active = list(jobs), list(range(len(jobs)))
        self.kept = KeptUnits(settings.hidden, settings.batch_size, settings.dropout)
        self.plateaus = [Plateau(settings) for _ in jobs]
        self.rows: list[list[tuple[float, float, float]]] = [[] for _ in jobs]
        self.targets = torch.tensor([job.targets for job in jobs], device=features.device)
        widths = [n_features, *settings.hidden, self.targets.shape[1]]
        first = [first_weights(job.seed, widths) for job in jobs]
        self.networks = Networks(first, settings, str(features.device))

    def train(self) -> list[TrainedNetwork]:
        """Train all networks; give them in the order of the jobs.

        Raises
        ------
        ModelError
            A network that never had a finite loss.
        """
        results: dict[int, TrainedNetwork] = {}
        epoch = 0
        while self.active:
            train_loss = self._epoch(epoch)
            losses = self._losses()
            gains, stopped = [], []
            for place, number in enumerate(self.active):
                plateau, rate = self.plateaus[number], self.plateaus[number].rate
                self.rows[number].append((rate, train_loss[place], losses[place]))
                if plateau.add(losses[place]):
                    gains.append(place)
                if plateau.stopped:
                    stopped.append(place)
                elif plateau.rate != rate:
                    self.networks.change_rate(place, plateau.rate / rate)
            self.networks.keep_best(gains)
            if stopped:
                results |= self._finished(stopped)
                stay = [place for place in range(len(self.active)) if place not in stopped]
                self.active = [self.active[place] for place in stay]
                if stay:
                    self.networks.drop(stay)
            epoch += 1
        return [results[number] for number in range(len(self.jobs))]

    def _epoch(self, epoch: int) -> list[float]:
        """Let all networks go once through their training pictures; return the mean loss of each one's steps."""
        device, batch = self.features.device, self.settings.batch_size
        own = [self.jobs[number] for number in self.active]
        orders = [epoch_order(job.seed, epoch, np.flatnonzero(job.train)) for job in own]
        steps = [-(-len(order) // batch) for order in orders]
        pictures = np.zeros((len(own), steps[0] * batch), np.int64)
        pull = np.zeros((len(own), steps[0] * batch, 1), np.float32)
        outputs = self.targets.shape[1]
        for row, (number, order) in enumerate(zip(self.active, orders, strict=True)):
            pictures[row, : len(order)] = order
            filled = np.minimum(
                batch, len(order) - np.arange(len(order)) // batch * batch
            )  # pictures in a place's step
            pull[row, : len(order), 0] = -2 * self.plateaus[number].rate / (filled * outputs)
        places, pulls = torch.from_numpy(pictures).to(device), torch.from_numpy(pull).to(device)
        truth = self.ratings[places[:, :, None], self.targets[self.active][:, None]]
        errors = torch.zeros_like(truth)
        words = np.zeros((len(own), steps[0], self.kept.words_of_step), np.uint64)
        if self.settings.dropout:
            for row, job in enumerate(own):
                words[row, : steps[row]] = self.kept.words(job.seed, epoch, steps[row])
        room = torch.empty(len(own) * batch, self.features.shape[1], device=device)
        for step in range(steps[0]):
            count = sum(own_steps > step for own_steps in steps) if step >= steps[-1] else len(own)
            part = slice(step * batch, (step + 1) * batch)
            x = torch.index_select(self.features, 0, places[:count, part].reshape(-1), out=room[: count * batch])
            kept = self.kept.of_step(words[:count], step) if self.settings.dropout else []
            self.networks.learn(
                x.view(count, batch, -1),
                truth[:count, part],
                pulls[:count, part],
                [torch.from_numpy(layer).to(device) for layer in kept],
                errors[:count, part],
            )
        squares = errors.double().square_().mean(2).cpu().numpy()
        return [float(row[: len(order)].mean()) for row, order in zip(squares, orders, strict=True)]

    def _losses(self) -> list[float]:
        """Return each network's mean squared error on the pictures that judge it."""
        judges = [np.flatnonzero(self.jobs[number].judge) for number in self.active]
        pictures = np.zeros((len(judges), max(map(len, judges))), np.int64)
        for row, judge in enumerate(judges):
            pictures[row, : len(judge)] = judge
        places = torch.from_numpy(pictures).to(self.features.device)
        predicted = self.networks.predict(self.networks.weights, self.features, places)
        truth = self.ratings[places[:, :, None], self.targets[self.active][:, None]]
        squares = (predicted - truth).double().square_().mean(2).cpu().numpy()
        return [float(row[: len(judge)].mean()) for row, judge in zip(squares, judges, strict=True)]

    def _finished(self, places: Sequence[int]) -> dict[int, TrainedNetwork]:
        """Give the results of networks that have stopped, by the numbers of their jobs."""
        results = {}
        for place in places:
            number = self.active[place]
            plateau = self.plateaus[number]
            if plateau.best_epoch < 0:
                raise ModelError(
                    f"A network on {self.jobs[number].features} diverged",
                    value="no epoch with a finite loss",
                    expected="a loss that falls",
                    remedy="lower the learning rate, or scale the features to 0..1",
                )
            every = torch.arange(len(self.features), device=self.features.device)[None]
            best = [layer[place : place + 1] for layer in self.networks.best]
            predicted = self.networks.predict(best, self.features, every)[0].T.cpu().numpy()
            history = pd.DataFrame(self.rows[number], columns=["rate", "train_loss", "loss"])
            history.insert(0, "epoch", np.arange(len(history)))
            layers = self.networks.weights_of(place) if self.keep_layers else None
            results[number] = TrainedNetwork(predicted, history, plateau.best_epoch, layers)
        return results
