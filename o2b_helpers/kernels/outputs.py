"""The last step of a model: from penultimate features to the valence output of every run."""

from __future__ import annotations

import torch

from o2b_helpers.kernels import checks

OUTPUTS = ("linear", "sigmoid")


def linear_values(features: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Give the linear layer's value for every run, (image, feature) -> (run, image) float64."""
    return weight @ features.to("cpu", torch.float64).T + bias[:, None]


def apply_output(linear: torch.Tensor, output: str) -> torch.Tensor:
    """Apply what follows the linear layer."""
    return linear if output == "linear" else torch.sigmoid(linear)


def output_slope(linear: torch.Tensor, output: str) -> torch.Tensor:
    """Give the derivative of the output with respect to the linear layer's value.

    ``sigmoid(z) * sigmoid(-z)`` keeps its (positive) sign far out, where ``s * (1 - s)`` rounds to 0.

    Parameters
    ----------
    linear : tensor (run, image)
        The linear layer's value.
    output : {"linear", "sigmoid"}
        What follows it.

    Returns
    -------
    tensor (run, image)
        1 for ``"linear"``, up to 0.25 for ``"sigmoid"``.
    """
    return torch.ones_like(linear) if output == "linear" else torch.sigmoid(linear) * torch.sigmoid(-linear)


def head_outputs(
    features: torch.Tensor, head_weight: torch.Tensor, head_bias: torch.Tensor, output: str = "linear"
) -> torch.Tensor:
    """Give the output of every run's head.

    In double precision: a sigmoid near 0 or 1 would round different stimuli to one value in single
    precision, and ranks would see ties that are none.

    Parameters
    ----------
    features : tensor (image, feature)
        Penultimate features.
    head_weight, head_bias : tensor (run, feature), (run,)
        The heads.
    output : {"linear", "sigmoid"}
        What follows the linear layer.

    Returns
    -------
    tensor (run, image)
        float64, on the CPU; 0..1 for ``"sigmoid"``.

    Raises
    ------
    InputError, ParameterError
        Values that are not finite; an unknown output.
    """
    checks.choice("output", output, OUTPUTS)
    features = checks.finite("features", torch.as_tensor(features), ("image", "feature"))
    weight, bias = checks.head(head_weight, head_bias, features.shape[1])
    return apply_output(linear_values(features, weight, bias), output)
