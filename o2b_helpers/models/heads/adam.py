"""Adam for many heads at once, in torch's own fused form: one pass over memory for each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

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
