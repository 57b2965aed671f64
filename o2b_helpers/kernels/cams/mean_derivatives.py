"""Derivatives of a network averaged along a short straight way, in place of those at a point.

A ReLU's derivative jumps from 0 to 1, and a maximum pooling's from one place to another. Averaged over points of a way,
many points are needed until the jumps are met. Averaged exactly between two points, unit by unit, few are: the mean
slope of a unit is the change of what it gives, divided by the change of what it is given. So the change of the output
is shared out completely (the rescale rule of DeepLIFT, Shrikumar et al. 2017, on each piece of the way).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

ELEMENTWISE = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh, nn.Softplus,
    nn.Hardswish, nn.Hardsigmoid,
)  # fmt: skip
CLOSE = 1e-3  # a smooth function's slope between closer points is lost to rounding; that in their middle is taken


def mean_slope(
    start: torch.Tensor, end: torch.Tensor, function: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Average the slope of an elementwise function between two points.

    Parameters
    ----------
    start, end : tensor
        Of one shape.
    function : callable
        Applied to each value for itself.

    Returns
    -------
    tensor
        Change of the function by change of its argument.

    Examples
    --------
    >>> mean_slope(torch.tensor([-1.0, 1.0, -2.0, 1.0]), torch.tensor([3.0, 2.0, -1.0, 1.0]), torch.relu).tolist()
    [0.75, 1.0, 0.0, 1.0]
    """
    move = end - start
    if function is torch.relu:
        still = (start > 0).to(move.dtype)
        return torch.where(move != 0, (end.relu() - start.relu()) / torch.where(move != 0, move, 1.0), still)
    with torch.enable_grad():
        middle = ((start + end) / 2).detach().requires_grad_()
        (at_middle,) = torch.autograd.grad(function(middle).sum(), middle)
    far = move.abs() > CLOSE
    return torch.where(far, (function(end) - function(start)) / torch.where(far, move, 1.0), at_middle)


class _Elementwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, start: torch.Tensor, end: torch.Tensor, function: Callable) -> torch.Tensor:
        ctx.save_for_backward(mean_slope(start, end, function))
        return function(start)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:  # type: ignore[override]
        return gradient * ctx.saved_tensors[0], None, None


class _MaxPool(torch.autograd.Function):
    """Hands a gradient to the place that is largest at the start, and from where another overtakes it, to that one."""

    @staticmethod
    def forward(ctx: Any, start: torch.Tensor, end: torch.Tensor, pool: Callable) -> torch.Tensor:
        largest, first = pool(start)
        _, last = pool(end)
        ahead = _at(start, first) - _at(start, last)
        behind = _at(end, last) - _at(end, first)
        share = torch.where(ahead + behind > 0, ahead / (ahead + behind).clamp(min=1e-30), 1.0)
        ctx.shape = start.shape
        ctx.save_for_backward(first, last, share)
        return largest

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:  # type: ignore[override]
        first, last, share = ctx.saved_tensors
        back = gradient.new_zeros(ctx.shape).flatten(2)
        own = gradient * share
        back.scatter_add_(2, first.flatten(2), own.flatten(2))
        back.scatter_add_(2, last.flatten(2), (gradient - own).flatten(2))
        return back.view(ctx.shape), None, None


def _at(maps: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return maps.flatten(2).gather(2, places.flatten(2)).view(places.shape)


@contextmanager
def averaged(modules: Iterable[nn.Module]) -> Iterator[Callable[[], None]]:
    """Average derivatives between two passes while the context is open.

    Inside, the modules are passed at the ends of the ways first, without gradients. Then what the context gave is
    called, and they are passed again in the same order, at the starts; gradients that go back from there are averaged.

    Parameters
    ----------
    modules : iterable of nn.Module
        What is passed. Elementwise functions and maximum poolings that are modules of theirs are averaged; whatever
        else is not linear keeps its derivative at the start.

    Yields
    ------
    callable
        Ends the first pass.
    """
    own = [part for module in modules for part in module.modules() if isinstance(part, (*ELEMENTWISE, nn.MaxPool2d))]
    own = list(dict.fromkeys(own))
    before = [part.__dict__.get("forward") for part in own]
    kept: list[torch.Tensor] = []

    def record(part: nn.Module, values: torch.Tensor) -> torch.Tensor:
        kept.append(values)
        return _function(part)(values)

    def turn() -> None:
        waiting = iter(kept)
        for part in own:
            part.forward = partial(_replayed, part, waiting)  # type: ignore[method-assign]

    try:
        for part in own:
            part.forward = partial(record, part)  # type: ignore[method-assign]
        yield turn
    finally:
        for part, forward in zip(own, before, strict=True):
            del part.forward
            if forward is not None:
                part.forward = forward  # type: ignore[method-assign]


def _replayed(part: nn.Module, ends: Iterator[torch.Tensor], start: torch.Tensor) -> torch.Tensor:
    end = next(ends)
    if isinstance(part, nn.MaxPool2d):
        pool = partial(
            functional.max_pool2d, kernel_size=part.kernel_size, stride=part.stride, padding=part.padding,
            dilation=part.dilation, ceil_mode=part.ceil_mode, return_indices=True,
        )  # fmt: skip
        return _MaxPool.apply(start, end, pool)  # type: ignore[no-untyped-call]
    return _Elementwise.apply(start, end, _function(part))  # type: ignore[no-untyped-call]


def _function(part: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what a module computes, never in place, so that what it was given stays."""
    if isinstance(part, nn.ReLU):
        return torch.relu
    return lambda values: type(part).forward(part, values.clone() if getattr(part, "inplace", False) else values)
