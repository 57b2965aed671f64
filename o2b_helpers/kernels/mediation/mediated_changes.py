"""How much of the change of a prediction passes through each filter when an object is hidden.

The maps of a layer move along the straight line from those of the picture with the object hidden to those of the whole
picture. The gradient of the prediction, averaged along this path, shares its change among the filters (integrated
gradients, Sundararajan et al. 2017, taken at a layer). The average is not taken over points but over pieces of the
path, see :mod:`~o2b_helpers.kernels.cams.mean_derivatives`: then the shares add up to the change at once, and a few
pieces come closer to the integral than hundreds of points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Integer

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.kernels import checks
from o2b_helpers.kernels.cams.dense_tail import DenseTail
from o2b_helpers.kernels.cams.mean_derivatives import mean_slope
from o2b_helpers.kernels.cams.recorded_ways import recorded_way
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.finite import finite
from o2b_helpers.models.heads.readout import Readout

BATCH_SIZE = 32
MOST_PIECES = 64
SAMPLE = 4  # pairs on which the number of pieces is chosen
STILL = 0.04  # shares that move by less than this, relative to their sum of sizes, when pieces are halved


@dataclass(frozen=True)
class MediatedChanges:
    """What every filter contributes to the changes of the predictions.

    Attributes
    ----------
    base : array (run, stimulus)
        Predictions for the whole pictures.
    hidden : array (run, pair)
        Predictions with the objects of each pair hidden.
    changes : dict of str to array (run, filter, pair)
        By layer, float64, in units of the prediction. The sum over the filters of a layer is base minus hidden, up to
        `residual`.
    residual : dict of str to array (run, pair)
        How far the sum is from the change, as a share of the change; infinite where nothing changes but the
        sum is not 0.
    pieces : dict of str to int
        Into how many pieces the paths of the layer were cut.
    moved : dict of str to float
        By how much the shares move when the pieces are halved: sum over filters of the sizes of the differences,
        relative to that of the shares, mean over a sample of pairs and all runs. What is left of the error is smaller.
    """

    base: np.ndarray
    hidden: np.ndarray
    changes: dict[str, np.ndarray]
    residual: dict[str, np.ndarray]
    pieces: dict[str, int]
    moved: dict[str, float]


def mediated_changes(
    backbone: Backbone,
    images: Float[torch.Tensor, "stimulus 3 height width"],
    filled: Float[torch.Tensor, "pair 3 height width"],
    stimuli: Integer[np.ndarray, " pair"],
    readout: Readout,
    layers: Sequence[str],
    *,
    output: int = 0,
    pieces: Mapping[str, int] | int | None = None,
    batch_size: int = BATCH_SIZE,
) -> MediatedChanges:
    """Share the change of the predictions that hiding an object makes among the filters of each layer.

    For the maps A of a picture and A' of the same picture with an object hidden, filter k mediates
    m_k = sum over places of (A - A')_k times the mean of d prediction / d A_k along the straight path from A' to A
    (ours, METHODS 4b). The sum over the filters of a layer is the change of the prediction, in every layer.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    images : tensor (stimulus, 3, height, width)
        Preprocessed whole pictures, finite.
    filled : tensor (pair, 3, height, width)
        Pictures with something hidden.
    stimuli : array (pair,) of int
        Which of `images` each of `filled` was.
    readout : Readout
        What the runs that share this backbone make of its features.
    layers : sequence of str
        Target layers, by module path.
    output : int
        The output to look at.
    pieces : int, or mapping of str to int, optional
        Into how many pieces to cut the paths, for all layers or each; None: for each layer as many as a sample of pairs
        needs for their shares to move by less than 4 % when the pieces are halved.
    batch_size : int
        Pieces of paths in one pass; bounds the memory.

    Returns
    -------
    MediatedChanges

    Raises
    ------
    InputError, ParameterError
        Values that are not finite; shapes, a readout or an output that do not fit.

    Examples
    --------
    >>> from o2b_helpers.models.backbones.loading import load_backbone
    >>> backbone = load_backbone("toynet", "toyworld")
    >>> images = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    >>> filled = images.clone()
    >>> filled[:, :, 30:60, 30:60] = 0.0
    >>> readout = Readout.valence(torch.eye(432)[[40]], torch.zeros(1))
    >>> shares = mediated_changes(backbone, images, filled, np.array([0]), readout, ["features.9"])
    >>> change = shares.base - shares.hidden
    >>> bool(abs(shares.changes["features.9"].sum(1) - change).max() <= 0.01 * abs(change).max())
    True
    """
    readout.checked(output, backbone.n_features)
    if isinstance(output, str):
        raise ParameterError(
            "A path is taken for one output", value=repr(output), expected="an output's number", remedy="name one"
        )
    checks.positive("batch_size", batch_size)
    cuts = dict.fromkeys(layers, pieces) if pieces is None or isinstance(pieces, int) else dict(pieces)
    for number in cuts.values():
        checks.positive("pieces", 1 if number is None else number)
    finite("images", images, ("stimulus", "channel", "height", "width"))
    finite("filled", filled, ("pair", "channel", "height", "width"))
    stimuli = np.asarray(stimuli)
    if len(stimuli) != len(filled) or (len(stimuli) and not 0 <= stimuli.min() <= stimuli.max() < len(images)):
        raise InputError(
            "Pictures with something hidden and whole pictures do not fit",
            value=f"{len(filled)} pictures, {len(stimuli)} numbers for {len(images)} whole ones",
            expected="for every picture with something hidden the number of the whole one",
            remedy="line them up first",
        )
    whole = _Whole(backbone, images, readout, output, batch_size)
    base = whole.predictions()
    moved = {layer: float("nan") for layer in layers}
    if pieces is None and len(filled):
        sample = sampled_pairs(len(filled))
        paths = _Paths(whole, filled[torch.as_tensor(sample)], stimuli[sample], layers)
        for layer in layers:
            cuts[layer], moved[layer] = _enough(paths, layer)
    runs = readout.n_runs
    hidden = np.empty((runs, len(filled)))
    changes = {layer: np.empty((runs, backbone.shape(layer)[0], len(filled))) for layer in layers}
    for start in range(0, len(filled), batch_size):
        some = slice(start, start + batch_size)
        paths = _Paths(whole, filled[some], stimuli[some], layers)
        hidden[:, some] = paths.hidden
        for layer in layers:
            changes[layer][:, :, some] = paths.shares(layer, cuts[layer] or 1)
    change = base[:, stimuli] - hidden if len(filled) else hidden
    residual = {}
    for layer in layers:
        missing = np.abs(changes[layer].sum(1) - change)
        residual[layer] = np.divide(missing, np.abs(change), out=np.where(missing > 0, np.inf, 0.0), where=change != 0)
    return MediatedChanges(base, hidden, changes, residual, {layer: cuts[layer] or 1 for layer in layers}, moved)


def sampled_pairs(count: int) -> Integer[np.ndarray, " sampled"]:
    """Return the numbers of a few pairs, spread evenly, on which the number of pieces is chosen."""
    return np.unique(np.linspace(0, count - 1, SAMPLE).round().astype(int))


def _enough(paths: _Paths, layer: str) -> tuple[int, float]:
    """Halve the pieces of some paths until their shares stay; return the number before and by how much they moved."""
    pieces, shares = 1, paths.shares(layer, 1)
    while True:
        finer = paths.shares(layer, 2 * pieces)
        size = np.abs(finer).sum(1)
        moved = np.divide(np.abs(finer - shares).sum(1), size, out=np.zeros_like(size), where=size > 0).mean()
        if moved < STILL or 2 * pieces > MOST_PIECES:
            return pieces, float(moved)
        pieces, shares = 2 * pieces, finer


class _Whole:
    """Whole pictures, and what the network makes of them."""

    def __init__(
        self, backbone: Backbone, images: torch.Tensor, readout: Readout, output: int, batch_size: int
    ) -> None:
        self.backbone, self.images, self.readout = backbone, images, readout
        self.output, self.batch_size = output, batch_size

    @torch.no_grad()
    def predictions(self) -> np.ndarray:
        batches = self.images.split(self.batch_size)
        features = torch.cat([self.backbone.features(some.to(self.backbone.device)) for some in batches])
        return self.readout.outputs(features, self.output).numpy()

    @torch.no_grad()
    def maps(self, rows: np.ndarray, layers: Sequence[str]) -> dict[str, torch.Tensor]:
        """Compute the maps of each picture once, and repeat them for its pairs."""
        each, place = np.unique(rows, return_inverse=True)
        maps = self.backbone.run(self.images[torch.as_tensor(each)].to(self.backbone.device), layers)[0]
        return {layer: values[torch.as_tensor(place)] for layer, values in maps.items()}


class _Paths:
    """The straight lines between the maps of some pairs, layer by layer, and mean derivatives on pieces of them."""

    def __init__(self, whole: _Whole, filled: torch.Tensor, stimuli: np.ndarray, layers: Sequence[str]) -> None:
        self.whole, self.backbone, self.readout, self.output = whole, whole.backbone, whole.readout, whole.output
        self.filled = filled.to(self.backbone.device)
        ends = whole.maps(stimuli, layers)
        with torch.no_grad():
            self.starts, features = self.backbone.run(self.filled, layers)
            self.hidden = self.readout.outputs(features, self.output).numpy()
            self.moves = {layer: ends[layer] - self.starts[layer] for layer in layers}

    def shares(self, layer: str, pieces: int) -> np.ndarray:
        """Share out the changes along equal pieces of the paths: (run, filter, pair)."""
        count, size = len(self.filled), self.whole.batch_size
        total = np.zeros((count, self.readout.n_runs, self.moves[layer].shape[1]))
        pair, piece = np.divmod(np.arange(count * pieces), pieces)
        for start in range(0, len(pair), size):
            some = slice(start, start + size)
            np.add.at(total, pair[some], self._products(layer, pair[some], piece[some], pieces))
        return total.transpose(1, 2, 0) / pieces

    def _products(self, layer: str, pair: np.ndarray, piece: np.ndarray, pieces: int) -> np.ndarray:
        """Multiply movement and mean derivative, and sum over places: (piece, run, filter)."""
        own = torch.as_tensor(pair, device=self.filled.device)
        move = self.moves[layer][own]
        steps = torch.as_tensor(np.stack([piece, piece + 1]) / pieces, dtype=move.dtype, device=move.device)
        starts, ends = (self.starts[layer][own] + step[:, None, None, None] * move for step in steps)
        flat, tail = recorded_way(self.backbone, layer, starts, ends, self.filled[own])
        rows, factors = _mean_gradients(self.readout, tail, self.output)
        products = []
        for row, direction in enumerate(tail.back(rows), 1):
            (gradient,) = torch.autograd.grad(flat, starts, direction.contiguous(), retain_graph=row < len(rows))
            products.append((gradient * move).sum((2, 3)).to("cpu", torch.float64))
        return (torch.stack(products, 1) * factors.T[:, :, None]).numpy()


def _mean_gradients(readout: Readout, tail: DenseTail, output: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the readout's derivatives by the features, averaged between two points: directions and factors."""
    ends = tail.ends
    assert ends is not None  # made with them
    rows, factors = readout.gradients((tail.features + ends) / 2, output)
    if readout.link == "sigmoid":
        before, behind = (readout.values(at)[:, output] for at in (tail.features, ends))
        factors = mean_slope(before, behind, torch.sigmoid)
    return rows, factors
