"""What is drawn for a network: its first weights, the order of the pictures, and the units that dropout leaves on.

Every draw depends on the network's own seed only, so that a network is the same whatever is trained beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np


def first_weights(seed: int, widths: Sequence[int]) -> list[np.ndarray]:
    """Draw the weights that a network starts from, as Keras does by default (Glorot & Bengio 2010); biases are 0.

    Parameters
    ----------
    seed : int
        The layers draw from ``default_rng([seed, 0])``, one after the other.
    widths : sequence of int
        Number of features, of the units of each hidden layer, and of outputs.

    Returns
    -------
    list of array (input, unit), float32
        Uniform between plus and minus the root of 6 / (inputs + units).

    Examples
    --------
    >>> [weights.shape for weights in first_weights(0, (10, 4, 2))]
    [(10, 4), (4, 2)]
    """
    rng = np.random.default_rng([seed, 0])
    sizes = zip(widths[:-1], widths[1:], strict=True)
    return [(rng.uniform(-1, 1, (n, units)) * np.sqrt(6 / (n + units))).astype(np.float32) for n, units in sizes]


def epoch_order(seed: int, epoch: int, pictures: np.ndarray) -> np.ndarray:
    """Return the training pictures in the order of an epoch (from 0), drawn from ``default_rng([seed, 1, epoch])``.

    Examples
    --------
    >>> sorted(epoch_order(0, 3, np.array([2, 5, 7])).tolist())
    [2, 5, 7]
    """
    return np.random.default_rng([seed, 1, epoch]).permutation(pictures)


class KeptUnits:
    """Which hidden units dropout leaves on in each step.

    The raw 64-bit words of ``default_rng([seed, 2, epoch])`` are cut into numbers, lowest bits first: of 1 bit where
    half of the units are kept, else of 16 bits. A unit is kept where its number is below the share kept times 2 or
    65,536. Each step begins with a new word. Its numbers are those of the first hidden layer, picture by picture, then
    those of the next one.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.
    batch_size : int
        Pictures in a step; a step with fewer draws for all.
    dropout : float
        Share of units that are off; other than one half it is rounded to 1 / 65,536.

    Examples
    --------
    >>> units = KeptUnits((4, 2), batch_size=3, dropout=0.5)
    >>> words = np.stack([units.words(seed, epoch=0, steps=10) for seed in (1, 2)])
    >>> [layer.shape for layer in units.of_step(words, 0)]
    [(2, 3, 4), (2, 3, 2)]
    """

    def __init__(self, hidden: Sequence[int], batch_size: int, dropout: float) -> None:
        self.hidden, self.batch_size = tuple(hidden), batch_size
        self.bits = 1 if dropout == 0.5 else 16
        self.threshold = round((1 - dropout) * 2**self.bits)
        self.count = batch_size * sum(self.hidden)
        self.words_of_step = -(-self.count * self.bits // 64)

    def words(self, seed: int, epoch: int, steps: int) -> np.ndarray:
        """Draw the words (step, word) of an epoch, uint64."""
        raw = np.random.default_rng([seed, 2, epoch]).bit_generator.random_raw(steps * self.words_of_step)
        return raw.reshape(steps, self.words_of_step)

    def of_step(self, words: np.ndarray, step: int) -> list[np.ndarray]:
        """Turn words (network, step, word) into what is kept in a step: (network, picture, unit) of each layer, 0 or 1.

        uint8; a layer's array is a view.
        """
        own = np.ascontiguousarray(words[:, step])
        own = own if sys.byteorder == "little" else own.byteswap()
        if self.bits == 1:
            kept = np.unpackbits(own.view(np.uint8), axis=1, count=self.count, bitorder="little")
            kept ^= 1  # below the threshold 1: the bit 0
        else:
            kept = (own.view("<u2")[:, : self.count] < self.threshold).view(np.uint8)
        ends = np.cumsum([self.batch_size * units for units in self.hidden])[:-1]
        layers = zip(np.split(kept, ends, axis=1), self.hidden, strict=True)
        return [layer.reshape(len(words), self.batch_size, units) for layer, units in layers]
