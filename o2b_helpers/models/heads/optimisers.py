"""Optimisers for many heads at once: Adam in torch's own fused form (one pass over memory for each step), and SGD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypedDict

import torch
from torch.optim.adam import adam


class Rules(TypedDict):
    """What torch's step of Adam wants to know besides the learning rate."""

    amsgrad: bool
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    maximize: bool


# torch.optim.Adam's own; its `adam` spends more time on checks than the step of some small heads takes
RULES: Rules = {"amsgrad": False, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "maximize": False}
FUSED: Callable[..., None] | None = getattr(torch, "_fused_adam_", None)


class Optimiser(Protocol):
    """What learns: parameters (head, ...) are changed in place, in units of each head's own learning rate."""

    def step(self, parameters: tuple[torch.Tensor, ...], gradients: tuple[torch.Tensor, ...], rate: float) -> None:
        """Take one step."""

    def keep(self, rows: torch.Tensor) -> None:
        """Forget the heads that are not in `rows`."""


class Adam:
    """The optimiser's memory for some parameters, rows first.

    Parameters
    ----------
    *parameters : Tensor (head, ...)
        What will be optimised; only shapes and devices are used here.
    """

    def __init__(self, *parameters: torch.Tensor) -> None:
        self.first = [torch.zeros_like(values) for values in parameters]
        self.second = [torch.zeros_like(values) for values in parameters]
        device = parameters[0].device
        self.fused = FUSED if device.type in ("cpu", "cuda") else None
        self.count = torch.zeros((), device=device)

    def step(self, parameters: tuple[torch.Tensor, ...], gradients: tuple[torch.Tensor, ...], rate: float) -> None:
        """Change parameters (head, ...) in place."""
        lists = list(parameters), list(gradients), self.first, self.second
        if self.fused:
            self.count += 1
            self.fused(*lists, [], [self.count] * len(parameters), lr=rate, **RULES)
        else:
            adam(*lists, [], [self.count.clone() for _ in parameters], lr=rate, **RULES)  # which counts by itself
            self.count += 1

    def keep(self, rows: torch.Tensor) -> None:
        """Forget the heads that are not in `rows`."""
        self.first = [values[rows] for values in self.first]
        self.second = [values[rows] for values in self.second]


class Sgd:
    """Gradient descent with momentum, as ``torch.optim.SGD`` does it: no damping, not Nesterov's.

    Parameters
    ----------
    *parameters : Tensor (head, ...)
        What will be optimised; only shapes and devices are used here.
    momentum : float
        Share of the last step's direction that is kept, 0 to 1.
    """

    def __init__(self, *parameters: torch.Tensor, momentum: float = 0.0) -> None:
        self.momentum = momentum
        self.directions = [torch.zeros_like(values) for values in parameters] if momentum else []

    def step(self, parameters: tuple[torch.Tensor, ...], gradients: tuple[torch.Tensor, ...], rate: float) -> None:
        """Change parameters (head, ...) in place."""
        for direction, gradient in zip(self.directions, gradients, strict=False):
            direction.mul_(self.momentum).add_(gradient)
        for values, direction in zip(parameters, self.directions or gradients, strict=True):
            values.sub_(direction, alpha=rate)

    def keep(self, rows: torch.Tensor) -> None:
        """Forget the heads that are not in `rows`."""
        self.directions = [values[rows] for values in self.directions]
