"""Adam for many heads at once, each with a learning rate of its own.

The same steps as torch.optim.Adam with its own constants; torch's takes one rate per parameter, not one per row.
"""

from __future__ import annotations

import torch

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


class Adam:
    """The optimiser's memory for some parameters, rows first.

    Parameters
    ----------
    *parameters : Tensor (head, ...)
        What will be optimised; only shapes and devices are used here.
    """

    def __init__(self, *parameters: torch.Tensor) -> None:
        self.first = [torch.zeros_like(one) for one in parameters]
        self.second = [torch.zeros_like(one) for one in parameters]
        self.steps = 0

    def step(
        self, parameters: tuple[torch.Tensor, ...], gradients: tuple[torch.Tensor, ...], rate: torch.Tensor
    ) -> None:
        """Change parameters (head, ...) in place; `rate` is (head, 1)."""
        self.steps += 1
        correction1, correction2 = 1 - BETA1**self.steps, 1 - BETA2**self.steps
        moments = zip(parameters, gradients, self.first, self.second, strict=True)
        for parameter, gradient, first, second in moments:
            first.lerp_(gradient, 1 - BETA1)
            second.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
            denominator = (second.sqrt() / correction2**0.5).add_(EPSILON)
            parameter.sub_(rate / correction1 * first / denominator)

    def keep(self, rows: torch.Tensor) -> None:
        """Forget the heads that are not in `rows`."""
        self.first = [one[rows] for one in self.first]
        self.second = [one[rows] for one in self.second]
