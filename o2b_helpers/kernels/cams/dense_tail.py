"""What stands behind the feature maps, the fully connected layers: forwards, and backwards for several runs at once.

Their weights are more than a cache holds (AlexNet's 200 MB), so that reading them is what they cost. All runs share one
reading on the way back.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import nn

from o2b_helpers.kernels.cams.mean_derivatives import mean_slope
from o2b_helpers.models.fast.folding import FastLinear
from o2b_helpers.models.fast.matrix_product import product


class DenseTail:
    """The stages behind the flattened maps, run on one batch.

    Parameters
    ----------
    stages : iterable of (str, nn.Module)
        Each takes and gives (image, feature); in eval mode.
    values : tensor (image, feature)
        What the first of them is given.
    ends : tensor (image, feature), optional
        Where `values` move to. What goes back is then averaged along the way: see
        :mod:`~o2b_helpers.kernels.cams.mean_derivatives`.

    Attributes
    ----------
    features : tensor (image, feature)
        What the last one gives.
    ends : tensor (image, feature), or None
        What it gives at the ends.
    """

    def __init__(
        self,
        stages: Iterable[tuple[str, nn.Module]],
        values: Float[torch.Tensor, "image feature"],
        ends: Float[torch.Tensor, "image feature"] | None = None,
    ):
        self.features, self.ends = values.detach(), ends
        self._passed: list[tuple[nn.Module, torch.Tensor, torch.Tensor | None]] = []
        for _, stage in stages:
            before, moved = self.features, self.ends
            apply = FastLinear(stage) if isinstance(stage, nn.Linear) else stage
            with torch.no_grad():
                self.features = apply(before)
                self.ends = None if moved is None else apply(moved)
                slope = None
                if isinstance(stage, nn.ReLU):
                    slope = self.features > 0 if moved is None else mean_slope(before, moved, torch.relu)
            self._passed.append((stage, before, slope))

    def back(self, gradient: Float[torch.Tensor, "run image feature"]) -> torch.Tensor:
        """Take gradients (run, image, feature) at the features back to the values."""
        for stage, before, slope in reversed(self._passed):
            if isinstance(stage, nn.Linear):
                gradient = product(gradient.flatten(0, 1), stage.weight.T).unflatten(0, gradient.shape[:2])
            elif slope is not None:
                gradient = gradient * slope
            elif not isinstance(stage, nn.Dropout | nn.Identity):
                with torch.enable_grad():
                    leaf = before.requires_grad_()
                    (gradient,) = torch.autograd.grad(stage(leaf), leaf, gradient, is_grads_batched=True)
        return gradient
