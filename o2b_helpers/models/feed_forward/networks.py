"""Feed-forward networks of one shape that learn side by side: every product of matrices is done for all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from o2b_helpers.models.feed_forward.settings import NetworkSettings

ALIGNED = 16  # numbers, 64 bytes: rows of matrices begin where the processor reads best
ROWS = 128  # pictures predicted at once; always as many, so that a prediction depends on nothing beside it

_through_relu = torch.ops.aten.threshold_backward.grad_input


def padded(features: int) -> int:
    """Return the width of inputs: the features, one that is always the same (the bias is its weight), zeros.

    Examples
    --------
    >>> padded(15), padded(16), padded(1370)
    (16, 32, 1376)
    """
    return -(-(features + 1) // ALIGNED) * ALIGNED


class Networks:
    """The weights of some networks (network, ...), what they remember of their steps, and one step for all of them.

    Nothing of the gradient is stored by itself. The matrix product that computes it adds it to the momentum at once.
    The momentum is held as the change of the weights, minus the rate times torch's buffer, so that a step ends with
    one sum. The networks' rates reach it through `pull`; `change_rate` is for a rate that changes.

    Dropout scales nothing: what it should scale, 1 over the share kept, is a factor of the next product, and the
    feature that is always the same has the share kept as its value.

    The last layer has two units at least, where need be one more that stays 0: a matrix with a single column is
    multiplied in another order of sums where it is alone than where it is one of several.

    Parameters
    ----------
    first : sequence of list of array (input, unit)
        Each network's weights at the start, see `first_weights`.
    settings : NetworkSettings
        Shape and momentum.
    device : str
        As torch names it.
    """

    def __init__(self, first: Sequence[Sequence[np.ndarray]], settings: NetworkSettings, device: str) -> None:
        self.settings, self.share, self.device = settings, 1 - settings.dropout, device
        self.inputs = [len(weights) for weights in first[0]]
        self.outputs = first[0][-1].shape[1]
        self.units = [*settings.hidden, max(2, self.outputs)]
        self.weights = []
        for n, units, own in zip(self.inputs, self.units, zip(*first, strict=True), strict=True):
            whole = torch.zeros(len(first), padded(n), units)
            whole[:, :n, : own[0].shape[1]] = torch.from_numpy(np.stack(own))
            self.weights.append(whole.to(device))
        self.momentum = [torch.zeros_like(weights) for weights in self.weights]
        self.best = [weights.clone() for weights in self.weights]
        self._make_room()

    def learn(
        self, x: torch.Tensor, y: torch.Tensor, pull: torch.Tensor, kept: Sequence[torch.Tensor], error: torch.Tensor
    ) -> None:
        """Take one step, with the first networks (as many as `x` has).

        Parameters
        ----------
        x : Tensor (network, picture, padded feature)
            Features of the step's pictures.
        y : Tensor (network, picture, output)
            Their ratings.
        pull : Tensor (network, picture, 1)
            Minus the rate times the slope of the loss by the error, over the error; 0 for a row without a picture.
        kept : sequence of Tensor (network, picture, unit)
            What dropout leaves on in each hidden layer; empty without dropout.
        error : Tensor (network, picture, output)
            Prediction minus rating is written here.
        """
        count, last = len(x), len(self.units) - 1
        weights, momentum = ([layer[:count] for layer in layers] for layers in (self.weights, self.momentum))
        inputs, values = [x, *(room[:count] for room in self.hidden_room)], [room[:count] for room in self.value_room]
        factors = [1.0, *[1 / self.share] * last]
        for layer in range(last):
            values[layer].baddbmm_(inputs[layer], weights[layer], beta=0, alpha=factors[layer])
            active = inputs[layer + 1][:, :, : self.units[layer]]
            if kept:
                torch.mul(values[layer].clamp_min_(0), kept[layer], out=active)
            else:
                torch.clamp_min(values[layer], 0, out=active)
        values[last].baddbmm_(inputs[last], weights[last], beta=0, alpha=factors[last])
        slope = values[last]
        predicted = slope[:, :, : self.outputs]
        torch.sub(predicted, y, out=error)
        torch.mul(error, pull, out=predicted)
        for layer in range(last, -1, -1):
            own = inputs[layer]
            if layer:
                before = values[layer - 1]
                back = weights[layer][:, : self.inputs[layer]].transpose(1, 2)
                before.baddbmm_(slope, back, beta=0, alpha=factors[layer])
                _through_relu(before, own[:, :, : self.inputs[layer]], 0, grad_input=before)
            momentum[layer].baddbmm_(own.transpose(1, 2), slope, beta=self.settings.momentum, alpha=factors[layer])
            weights[layer].add_(momentum[layer])  # at once: both are still near the processor
            slope = before if layer else slope

    def change_rate(self, network: int, ratio: float) -> None:
        """Let a network's momentum count by its new rate; `ratio` is the new rate over the old one."""
        for momentum in self.momentum:
            momentum[network] *= ratio

    def keep_best(self, networks: Sequence[int]) -> None:
        """Keep the weights of some networks as their best."""
        for best, weights in zip(self.best, self.weights, strict=True):
            for network in networks:
                best[network] = weights[network]

    def drop(self, stay: Sequence[int]) -> None:
        """Go on with some networks only."""
        rows = torch.tensor(stay, dtype=torch.long, device=self.device)
        for layers in (self.weights, self.momentum, self.best):
            layers[:] = [layer[rows] for layer in layers]
        self._make_room()

    def predict(self, weights: Sequence[torch.Tensor], features: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        """Predict pictures without dropout.

        Parameters
        ----------
        weights : sequence of Tensor (network, padded input, unit)
            `weights` or `best`, or some networks of them.
        features : Tensor (picture, padded feature)
            Of all pictures.
        pictures : Tensor (network, place) of int
            Which pictures each network predicts.

        Returns
        -------
        Tensor (network, place, output)
        """
        places = pictures.shape[1]
        whole = torch.nn.functional.pad(pictures, (0, -places % ROWS))  # with picture 0
        rooms = [
            torch.zeros(len(pictures), ROWS, padded(units), device=self.device).index_fill_(
                2, torch.tensor(units, device=self.device), 1.0
            )
            for units in self.units[:-1]
        ]
        parts = []
        for block in whole.split(ROWS, 1):
            own = features[block]
            for room, weight, units in zip(rooms, weights, self.units, strict=False):
                torch.clamp_min(torch.bmm(own, weight), 0, out=room[:, :, :units])
                own = room
            parts.append(torch.bmm(own, weights[-1]))
        return torch.cat(parts, 1)[:, :places, : self.outputs]

    def weights_of(self, network: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return a network's best weights (input, unit) and biases (unit,), layer by layer."""
        layers = [layer[network].cpu().numpy() for layer in self.best]
        layers[-1] = layers[-1][:, : self.outputs]
        return [(layer[:n].copy(), layer[n].copy()) for layer, n in zip(layers, self.inputs, strict=True)]

    def _make_room(self) -> None:
        """Room for a step: values before the ReLU, and inputs of the layers behind the first."""
        count, batch = len(self.weights[0]), self.settings.batch_size
        self.value_room = [torch.zeros(count, batch, units, device=self.device) for units in self.units]
        self.hidden_room = [torch.zeros(count, batch, padded(units), device=self.device) for units in self.units[:-1]]
        for room, units in zip(self.hidden_room, self.units, strict=False):
            room[:, :, units] = self.share
