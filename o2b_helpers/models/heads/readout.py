"""What turns features into what is asked of a network: one linear layer for every run, and the link behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.models.finite import finite

LINKS = ("linear", "sigmoid", "softmax")
OutputChoice = int | Literal["predicted", "all"]  # an output's number; each image's highest; every one


@dataclass(frozen=True, eq=False)
class Readout:
    """The linear layers of all runs that share a backbone, and what follows them.

    A valence model has one output; a model of emotion labels has one for each label.

    Parameters
    ----------
    weight : array or tensor (run, output, feature)
        Kept in single precision, as numpy or torch gave it.
    bias : array or tensor (run, output)
        The same runs and outputs.
    link : {"linear", "sigmoid", "softmax"}
        What follows the linear layer. A softmax goes over the outputs of a run, and needs at least two of them.

    Raises
    ------
    ParameterError
        An unknown link.
    InputError
        Shapes that do not fit each other, values that are not finite, a softmax over one output.

    Examples
    --------
    >>> readout = Readout(np.zeros((5, 3, 100)), np.zeros((5, 3)), "softmax")
    >>> readout.n_runs, readout.n_outputs
    (5, 3)
    >>> readout.outputs(torch.zeros(2, 100), "all").shape
    torch.Size([5, 3, 2])
    """

    weight: np.ndarray | torch.Tensor
    bias: np.ndarray | torch.Tensor
    link: str = "linear"

    def __post_init__(self) -> None:
        if self.link not in LINKS:
            raise ParameterError(
                "Unknown link of a readout",
                value=repr(self.link),
                expected=" or ".join(map(repr, LINKS)),
                remedy="set link to one of these",
            )
        weight, bias = (
            _single("weight", self.weight, ("run", "output", "feature")),
            _single("bias", self.bias, ("run", "output")),
        )
        if not weight.shape[0] or not weight.shape[1] or tuple(weight.shape[:2]) != tuple(bias.shape):
            raise InputError(
                "Weight and bias of a readout do not fit",
                value=f"{tuple(weight.shape)} and {tuple(bias.shape)}",
                expected="(run, output, feature) and (run, output), with the same number of runs and of outputs",
                remedy="take both from the same trained readout",
            )
        if self.link == "softmax" and weight.shape[1] < 2:
            raise InputError(
                "A softmax over one output is always 1",
                value=f"{weight.shape[1]} output",
                expected="at least two outputs",
                remedy="set link to linear or sigmoid",
            )
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    @classmethod
    def valence(
        cls, weight: np.ndarray | torch.Tensor, bias: np.ndarray | torch.Tensor, link: str = "linear"
    ) -> Readout:
        """Make the readout of valence models, which have one output: weight (run, feature), bias (run,)."""
        if np.ndim(weight) != 2 or np.ndim(bias) != 1:
            raise InputError(
                "Weight and bias of a valence readout have the wrong shape",
                value=f"{tuple(np.shape(weight))} and {tuple(np.shape(bias))}",
                expected="(run, feature) and (run,)",
                remedy="hand over one row and one number for each run",
            )
        return cls(weight[:, None], bias[:, None], link)

    @property
    def n_runs(self) -> int:
        """Number of training runs."""
        return self.weight.shape[0]

    @property
    def n_outputs(self) -> int:
        """Number of outputs of each run."""
        return self.weight.shape[1]

    @property
    def n_features(self) -> int:
        """Number of features that are read."""
        return self.weight.shape[2]

    def before_link(self) -> Readout:
        """Return the same readout without its link: its outputs are the linear values (logits)."""
        return replace(self, link="linear")

    def checked(self, output: OutputChoice, n_features: int | None = None) -> OutputChoice:
        """Return the output to look at where this readout has it, and where the features fit.

        Raises
        ------
        ParameterError
            No such output.
        InputError
            The backbone gives another number of features.
        """
        if n_features is not None and n_features != self.n_features:
            raise InputError(
                "The readout does not fit the backbone",
                value=f"{self.n_features} features",
                expected=f"{n_features} features",
                remedy="use a readout that was trained on this backbone's penultimate features",
            )
        if isinstance(output, str):
            known = output in ("predicted", "all")
        else:
            known = isinstance(output, int | np.integer) and 0 <= output < self.n_outputs
        if not known:
            raise ParameterError(
                "The readout has no such output",
                value=repr(output),
                expected=f"0..{self.n_outputs - 1}, 'predicted' or 'all'",
                remedy="correct the output to look at",
            )
        return output if isinstance(output, str) else int(output)

    def rows(self) -> torch.Tensor:
        """Return the weights with runs and outputs on one axis, (run * output, feature) float64, on the CPU."""
        # not every accelerator has double precision
        return torch.as_tensor(self.weight).to("cpu", torch.float64).flatten(0, 1)

    def values(self, features: torch.Tensor) -> torch.Tensor:
        """Give the linear layer's values, (image, feature) -> (run, output, image) float64, on the CPU."""
        bias = torch.as_tensor(self.bias).to("cpu", torch.float64).flatten()
        values = self.rows() @ features.to("cpu", torch.float64).T + bias[:, None]
        return values.unflatten(0, (self.n_runs, self.n_outputs))

    def after_link(self, values: torch.Tensor) -> torch.Tensor:
        """Apply the link to linear values (run, output, ..., image)."""
        if self.link == "linear":
            return values
        return torch.sigmoid(values) if self.link == "sigmoid" else torch.softmax(values, 1)

    def pick(self, results: torch.Tensor, output: OutputChoice, whole: torch.Tensor) -> torch.Tensor:
        """Keep what is asked for of some results.

        Parameters
        ----------
        results : tensor (run, output, ..., image)
            Something for every output.
        output : int, "predicted" or "all"
            The output to look at.
        whole : tensor (run, output, image)
            Linear values of the whole network, which say what it predicts.

        Returns
        -------
        tensor (run, ..., image)
            For an index, and for each run's and image's highest output (the first of equals). With ``"all"`` the
            results as they are.
        """
        if output == "all":
            return results
        if output != "predicted":
            return results[:, output]
        highest = whole.argmax(1, keepdim=True)  # (run, 1, image); a link keeps the order of the values
        highest = highest.view(len(whole), *[1] * (results.ndim - 2), whole.shape[2])
        return results.gather(1, highest.expand(-1, 1, *results.shape[2:]))[:, 0]

    def outputs(self, features: torch.Tensor, output: OutputChoice = 0) -> torch.Tensor:
        """Give the outputs of every run.

        In double precision: a sigmoid near 0 or 1 would round different stimuli to one value in single precision,
        and ranks would see ties that are none.

        Parameters
        ----------
        features : tensor or array (image, feature)
            Penultimate features.
        output : int, "predicted" or "all"
            The output to look at.

        Returns
        -------
        tensor (run, image), or (run, output, image) with ``"all"``
            float64, on the CPU; 0..1 behind a sigmoid or softmax.

        Raises
        ------
        InputError, ParameterError
            Features that are not finite or do not fit; an output that is not there.

        Examples
        --------
        >>> readout = Readout(np.eye(2)[None], np.zeros((1, 2)), "softmax")
        >>> features = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
        >>> readout.outputs(features, 0).numpy().round(2).tolist()
        [[0.5, 0.12]]
        >>> readout.outputs(features, "predicted").numpy().round(2).tolist()
        [[0.5, 0.88]]
        """
        features = torch.as_tensor(features)
        finite("features", features, ("image", "feature"))
        output = self.checked(output, features.shape[1])
        values = self.values(features)
        return self.pick(self.after_link(values), output, values)

    def slopes(self, values: torch.Tensor) -> torch.Tensor:
        """Give the derivative of each output with respect to its own linear value.

        ``sigmoid(z) * sigmoid(-z)`` keeps its (positive) sign far out, where ``s * (1 - s)`` rounds to 0. An output p
        of a softmax is the sigmoid of its margin, z minus the log-sum-exp of the other outputs' values.

        Parameters
        ----------
        values : tensor (run, output, image)
            Linear values.

        Returns
        -------
        tensor (run, output, image)
            1 for ``"linear"``, up to 0.25 for the others.
        """
        if self.link == "linear":
            return torch.ones_like(values)
        if self.link == "softmax":
            values = values - torch.logsumexp(_without_itself(values), 2)
        return torch.sigmoid(values) * torch.sigmoid(-values)

    def gradients(self, features: torch.Tensor, output: OutputChoice) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the derivatives of the outputs by the features, as directions and positive factors.

        The derivative is direction times factor. Multiplied afterwards, where gradients were taken back through a
        network, the factor cannot make them underflow. Behind a softmax the gradient of output o couples the outputs:
        sum_j dp_o/dz_j w_j = p_o (1 - p_o) (w_o - sum of the other outputs' w_j, each weighted by its share of their
        probability). So its direction differs between images, as it does for the predicted output.

        Parameters
        ----------
        features : tensor (image, feature)
            Penultimate features.
        output : int, "predicted" or "all"
            The output to look at.

        Returns
        -------
        directions : tensor (row, image, feature)
            Of the features' type and device; a row for each run, and with ``"all"`` for each run's every output. A view
            where all images share it.
        factors : tensor (row, image)
            float64, on the CPU.
        """
        values, rows = self.values(features), self.rows().unflatten(0, (self.n_runs, self.n_outputs))
        factors = self.pick(self.slopes(values), output, values)
        if self.link == "softmax":
            share = torch.softmax(_without_itself(values), 2)  # (run, output, other output, image); 0 for itself
            mix = torch.eye(self.n_outputs, dtype=values.dtype)[:, :, None] - share
            mix = self.pick(mix, output, values)  # (run, [output,] other output, image)
            if output == "all":
                directions = torch.einsum("roji,rjf->roif", mix, rows).flatten(0, 1)
            else:
                directions = torch.einsum("rji,rjf->rif", mix, rows)
        elif output == "predicted":
            directions = rows[torch.arange(self.n_runs)[:, None], values.argmax(1)]
        else:
            directions = (rows.flatten(0, 1) if output == "all" else rows[:, output])[:, None]
        directions = directions.to(features).expand(-1, *features.shape)
        return directions, factors.flatten(0, -2)


def _without_itself(values: torch.Tensor) -> torch.Tensor:
    """Repeat values (run, output, image) for every output, its own left out as -inf: (run, output, other, image)."""
    own = torch.eye(values.shape[1], dtype=torch.bool)[:, :, None]
    return values[:, None].expand(-1, values.shape[1], -1, -1).masked_fill(own, -torch.inf)


def _single(name: str, values: np.ndarray | torch.Tensor, axes: Sequence[str]) -> np.ndarray | torch.Tensor:
    """Return checked values in single precision, as numpy or torch as they were."""
    kept = values.detach().float() if isinstance(values, torch.Tensor) else np.asarray(values, np.float32)
    finite(name, torch.as_tensor(kept), axes)
    return kept
