"""The same training as anybody would write it with torch: one network after the other, autograd, torch's optimiser.

Nothing of the package is used. First weights, orders and dropout are drawn by the documented rules.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import nn


class GivenDropout(nn.Module):
    """Dropout with masks that are given: ``mask`` (picture, unit) of 0 and 1."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share, self.mask = share, torch.empty(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.mask[: len(x)] / self.share if self.training else x


def plain_network(seed: int, widths: list[int], dropout: float) -> nn.Sequential:
    """Linear layers with Keras' first weights, each but the last followed by ReLU and dropout."""
    rng, modules = np.random.default_rng([seed, 0]), []
    for number, (n, units) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        layer = nn.Linear(n, units)
        drawn = rng.uniform(-1, 1, (n, units)) * math.sqrt(6 / (n + units))
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(drawn.astype(np.float32)).T)
            layer.bias.zero_()
        modules += [layer, nn.ReLU(), GivenDropout(1 - dropout)] if number < len(widths) - 2 else [layer]
    return nn.Sequential(*modules)


def numbers(seed: int, epoch: int, bits: int, count: int) -> np.ndarray:
    """Cut the words of an epoch into numbers of so many bits, lowest first."""
    words = np.random.default_rng([seed, 2, epoch]).bit_generator.random_raw(count * bits // 64)
    shifts = np.arange(0, 64, bits, dtype=np.uint64)
    return ((words[:, None] >> shifts) & np.uint64(2**bits - 1)).ravel()


def plain_training(features, ratings, job, settings) -> dict:
    """Train one job; give its history, its best epoch, its predictions (target, picture) and its best state."""
    own = list(job.targets)
    x, y = torch.from_numpy(features).float(), torch.from_numpy(ratings[:, own]).float()
    network = plain_network(job.seed, [x.shape[1], *settings.hidden, len(own)], settings.dropout)
    optimiser = torch.optim.SGD(network.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser,
        factor=settings.rate_factor,
        patience=settings.rate_patience - 1,  # torch waits one epoch longer
        threshold=0.0,
        min_lr=settings.least_rate,
    )
    loss, batch, train = nn.MSELoss(), settings.batch_size, np.flatnonzero(job.train)
    judge = torch.from_numpy(np.flatnonzero(job.judge))
    bits = 1 if settings.dropout == 0.5 else 16
    words = -(-batch * sum(settings.hidden) * bits // 64)
    history, best, best_epoch, state = [], math.inf, -1, None
    for epoch in range(settings.epochs):
        order = torch.from_numpy(np.random.default_rng([job.seed, 1, epoch]).permutation(train))
        drawn = numbers(job.seed, epoch, bits, -(-len(order) // batch) * words * 64 // bits)
        drawn = (drawn < round((1 - settings.dropout) * 2**bits)).reshape(-1, words * 64 // bits)
        rate, total = optimiser.param_groups[0]["lr"], 0.0
        network.train()
        for step, pictures in enumerate(order.split(batch)):
            start = 0
            for module, units in zip([m for m in network if isinstance(m, GivenDropout)], settings.hidden, strict=True):
                mask = drawn[step, start : start + batch * units].reshape(batch, units)
                module.mask, start = torch.from_numpy(mask).float(), start + batch * units
                if not settings.dropout:
                    module.mask = torch.ones(batch, units)
            optimiser.zero_grad()
            own_loss = loss(network(x[pictures]), y[pictures])
            own_loss.backward()
            optimiser.step()
            total += float(own_loss.detach()) * len(pictures)
        network.eval()
        with torch.no_grad():
            judged = float(loss(network(x[judge]), y[judge]))
        history.append((epoch, rate, total / len(order), judged))
        schedule.step(judged)
        if judged < best:
            best, best_epoch, state = judged, epoch, copy.deepcopy(network.state_dict())
        if epoch - best_epoch >= settings.stop_patience:
            break
    network.load_state_dict(state)
    with torch.no_grad():
        predictions = network(x).T.numpy()
    return {"history": np.array(history), "best_epoch": best_epoch, "predictions": predictions, "state": state}
