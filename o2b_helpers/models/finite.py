"""Values that any network, readout or kernel can go on with: finite, with the axes that are asked for."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from o2b_helpers.core.errors import InputError


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

    Examples
    --------
    >>> try:
    ...     finite("features", torch.tensor([[0.5, float("nan")]]), ("image", "feature"))
    ... except InputError as error:
    ...     print(f"{error.problem}: {error.value}")
    features holds values that are not finite: 1 NaN or infinite of 2
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
