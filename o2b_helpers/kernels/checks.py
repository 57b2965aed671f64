"""What every kernel asks of its arguments before it computes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from o2b_helpers.core.errors import ParameterError


def choice(name: str, value: str, choices: Sequence[str]) -> str:
    """Return `value` where it is one of the choices.

    Raises
    ------
    ParameterError
        Any other value.

    Examples
    --------
    >>> choice("score", "max", ("mean", "max"))
    'max'
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

    Examples
    --------
    >>> positive("batch_size", 16)
    16
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
