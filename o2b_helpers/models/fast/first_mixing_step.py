"""The first step behind a layer that mixes its filters, where that step is linear.

A change of one filter then adds its own share to the step's result; nothing before that result is computed again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from torch import nn
from torch.nn import functional

from o2b_helpers.models.fast.folding import NOTHING, FastLinear
from o2b_helpers.models.fast.kinds import BASIC_BLOCK, BOTTLENECK, CONVOLUTION, FIRE, INCEPTION, is_kind
from o2b_helpers.models.fast.steps import SpatialMean

# each filter's result depends on that filter alone
CHANNELWISE = (
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.MaxPool2d,
    nn.AdaptiveMaxPool2d,
    nn.ReLU,
    nn.BatchNorm2d,
    SpatialMean,
    *NOTHING,
)
BENT = (nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.ReLU)  # not linear; a gain passes through them, a constant does not


@dataclass(frozen=True)
class Branch:
    """One linear step that reads the layer's maps.

    Parameters
    ----------
    channelwise : list of nn.Module
        What happens to every filter by itself before the step.
    linear : nn.Conv2d, nn.Linear or None
        The step; None where the maps themselves are passed on (a skip connection).
    """

    channelwise: list[nn.Module]
    linear: nn.Conv2d | nn.Linear | None


@dataclass(frozen=True)
class MixingStep:
    """A stage, or stages, seen from the maps that it reads.

    Parameters
    ----------
    branches : list of Branch
        The linear steps that read the maps.
    close : callable
        From the results of the branches, in order, to the result of the stage; may overwrite them.
    """

    branches: list[Branch]
    close: Callable[..., torch.Tensor]


def is_channelwise(stage: nn.Module) -> bool:
    """Whether the stage keeps filters apart, flattening included: its result lists filter after filter."""
    return type(stage) in CHANNELWISE or (type(stage) is nn.Flatten and stage.start_dim == 1 and stage.end_dim == -1)


def keeps_gains(stages: Sequence[nn.Module]) -> bool:
    """Whether channelwise stages turn maps with a gain of 0 or more into a straight line in that gain.

    Pooling and ReLU pass the gain on: ``pool(gain * maps) = gain * pool(maps)``. A batch norm adds a constant, which
    means and other batch norms keep, but neither ReLU nor maximum.

    Examples
    --------
    >>> norm, maximum = nn.BatchNorm2d(8), nn.MaxPool2d(2)
    >>> keeps_gains([maximum, nn.ReLU(), norm]), keeps_gains([norm, nn.ReLU()])
    (True, False)
    """
    behind_norm = itertools.dropwhile(lambda stage: type(stage) is not nn.BatchNorm2d, stages)
    return not any(type(stage) in BENT for stage in behind_norm)


def mixing_step_of(stage: nn.Module) -> MixingStep | None:
    """Find the mixing step of a folded stage, or return None where its first step is not known to be linear.

    Parameters
    ----------
    stage : nn.Module
        From :func:`o2b_helpers.models.fast.folding.folded_twin`, batch norms folded in.

    Returns
    -------
    MixingStep or None

    Examples
    --------
    >>> stage, maps = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), torch.ones(1, 3, 5, 5)
    >>> step = mixing_step_of(stage)
    >>> torch.allclose(step.close(step.branches[0].linear(maps)), stage(maps))
    True
    """
    if isinstance(stage, FastLinear):
        stage = stage.linear
    if _is_linear(stage):
        return MixingStep([Branch([], stage)], lambda values: values)
    if isinstance(stage, nn.Sequential):
        return _sequence(stage)
    for kind, step_of in (
        (BASIC_BLOCK, _residual),
        (BOTTLENECK, _residual),
        (FIRE, _fire),
        (INCEPTION, _inception),
        (CONVOLUTION, _convolution),
    ):
        if is_kind(stage, kind):
            return step_of(stage)
    return None


def _is_linear(step: nn.Module) -> TypeGuard[nn.Conv2d | nn.Linear]:
    if isinstance(step, nn.Conv2d):
        return step.groups == 1 and step.padding_mode == "zeros" and not isinstance(step.padding, str)
    return isinstance(step, nn.Linear)


def _sequence(stage: nn.Sequential) -> MixingStep | None:
    first, *rest = stage.children()
    first_step = mixing_step_of(first)
    if first_step is None:
        return None

    def close(*values: torch.Tensor) -> torch.Tensor:
        result = first_step.close(*values)
        for step in rest:
            result = step(result)
        return result

    return MixingStep(first_step.branches, close)


def _residual(block: Any) -> MixingStep | None:
    skip = Branch([], None)
    if block.downsample is not None:
        steps = [step for step in block.downsample.children() if not isinstance(step, nn.Identity)]
        if len(steps) != 1 or not _is_linear(steps[0]):
            return None
        skip = Branch([], steps[0])
    if not isinstance(block.bn1, nn.Identity) or not _is_linear(block.conv1):
        return None

    def close(values: torch.Tensor, skipped: torch.Tensor) -> torch.Tensor:
        values = block.bn2(block.conv2(functional.relu_(values)))
        if is_kind(block, BOTTLENECK):
            values = block.bn3(block.conv3(functional.relu_(values)))
        return functional.relu_(values.add_(skipped))

    return MixingStep([Branch([], block.conv1), skip], close)


def _fire(fire: Any) -> MixingStep:
    def close(values: torch.Tensor) -> torch.Tensor:
        values = functional.relu_(values)
        wide = [fire.expand1x1(values), fire.expand3x3(values)]
        return functional.relu_(torch.cat(wide, 1))

    return MixingStep([Branch([], fire.squeeze)], close)


def _convolution(step: Any) -> MixingStep | None:
    known = isinstance(step.bn, nn.Identity) and _is_linear(step.conv)
    return MixingStep([Branch([], step.conv)], functional.relu_) if known else None


def _inception(block: Any) -> MixingStep | None:
    pool, last = block.branch4
    firsts = [block.branch1, block.branch2[0], block.branch3[0], last]
    if not all(is_kind(first, CONVOLUTION) and isinstance(first.bn, nn.Identity) for first in firsts):
        return None

    def close(*values: torch.Tensor) -> torch.Tensor:
        first, second, third, fourth = (functional.relu_(value) for value in values)
        return torch.cat([first, block.branch2[1](second), block.branch3[1](third), fourth], 1)

    before: list[list[nn.Module]] = [[], [], [], [pool]]
    return MixingStep([Branch(steps, first.conv) for steps, first in zip(before, firsts, strict=True)], close)
