"""What every kernel asks of its arguments before it computes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from o2b_helpers.core.errors import InputError, ParameterError


def choice(name: str, value: str, choices: Sequence[str]) -> str:
    """Return `value` where it is one of the choices.

    Raises
    ------
    ParameterError
        Any other value.
    """
    if value not in choices:
        raise ParameterError(
            f"Unknown {name}",
            value=repr(value),
            expected=" or ".join(repr(each) for each in choices),
            remedy=f"set {name} to one of these",
        )
    return value


def positive(name: str, value: int) -> int:
    """Return `value` where it is a whole number of at least 1.

    Raises
    ------
    ParameterError
        Any other value.
    """
    if int(value) != value or value < 1:
        raise ParameterError(
            f"{name} is not usable", value=value, expected="a whole number, at least 1", remedy=f"raise {name}"
        )
    return int(value)


def finite_gain(gain: float) -> float:
    """Return a filter's gain where it is a finite number.

    Raises
    ------
    ParameterError
        Any other value.
    """
    if not math.isfinite(gain):
        raise ParameterError("gain is not usable", value=gain, expected="a finite number", remedy="0 lesions a filter")
    return gain


def finite(name: str, values: torch.Tensor, axes: Sequence[str]) -> torch.Tensor:
    """Return `values` where they have the named axes and hold finite numbers only.

    Parameters
    ----------
    name : str
        What the values are, for the message.
    values : tensor
        Anything with one axis per name in `axes`.
    axes : sequence of str
        Names of the axes, e.g. ``("run", "feature")``.

    Raises
    ------
    InputError
        Another number of axes, or a NaN or infinity anywhere: a rank or a maximum would hide it.
    """
    if values.ndim != len(axes):
        raise InputError(
            f"{name} has the wrong shape",
            value=tuple(values.shape),
            expected=f"({', '.join(axes)})",
            remedy="hand over one axis for each of these",
        )
    if values.is_floating_point() and not bool(torch.isfinite(values).all()):
        count = int((~torch.isfinite(values)).sum())
        raise InputError(
            f"{name} holds values that are not finite",
            value=f"{count} NaN or infinite of {values.numel()}",
            expected="finite numbers only",
            remedy="look for a broken image, a head that diverged, or overflow at half precision",
        )
    return values
