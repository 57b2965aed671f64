"""Many heads that learn at once from the same blocks of images: one matrix product serves all of them."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from o2b_helpers.models.fast.matrix_product import product
from o2b_helpers.models.heads.head_settings import HeadSettings
from o2b_helpers.models.heads.optimisers import Adam, Optimiser, Sgd
from o2b_helpers.models.heads.scaled_features import ScaledFeatures


class LearningHeads:
    """Weights of all heads (head = run x rate) that still learn, and their optimiser.

    Every pass through the images does two things with each block: the heads learn from it, and what they were when
    the pass began predicts it. So an epoch is scored in the pass of the next one, and features that have to be
    read or computed anew are wanted once per epoch.

    Weights are held in units of the head's own learning rate: one step size then serves all heads.

    Parameters
    ----------
    scaled : ScaledFeatures
        What the heads read.
    runs : int
        Number of runs.
    settings : HeadSettings
        The rules; each learning rate is tried in every run.
    seed : int
        Run r starts from ``default_rng([seed, r])``.
    outputs : int
        Rows of weights that each head has, one behind the other; "head" in shapes below then means such a row.

    Attributes
    ----------
    active : array (head,)
        Numbers of the heads that still learn.
    run : Tensor (head,)
        The run of each of them.
    """

    def __init__(
        self,
        scaled: ScaledFeatures,
        runs: int,
        settings: HeadSettings,
        seed: int,
        outputs: int = 1,
    ) -> None:
        learning_rates = settings.learning_rates
        features, device = scaled.mean.shape[1], scaled.mean.device
        rates = np.repeat(np.asarray(learning_rates, np.float64), outputs).tolist()  # of the rows of one run
        self.run = torch.arange(runs, device=device).repeat_interleave(len(rates))
        self.rate = torch.tensor(rates * runs, dtype=torch.float32, device=device)[:, None]
        self.weight = torch.empty(runs * len(rates), features, device=device)
        self.bias = torch.empty(runs * len(rates), 1, device=device)
        for run in range(runs):
            drawn = np.random.default_rng([seed, run]).uniform(-1, 1, (outputs, features + 1))
            start = torch.from_numpy(drawn).float().to(device) / features**0.5
            start = start.repeat(len(learning_rates), 1)
            rows = slice(run * len(rates), (run + 1) * len(rates))
            self.weight[rows], self.bias[rows] = start[:, :-1] / self.rate[rows], start[:, -1:] / self.rate[rows]
        self.scale = scaled.inverse[self.run] * self.rate
        self.active = np.arange(runs * len(rates))
        self.runs, self.sigmoid, self.weight_decay = runs, settings.output == "sigmoid", settings.weight_decay
        both = self.weight, self.bias
        self.optimiser: Optimiser = (
            Adam(*both) if settings.optimiser == "adam" else Sgd(*both, momentum=settings.momentum)
        )
        self._make_room()

    def begin_pass(self) -> None:
        """Keep what the heads are now, to predict with it throughout the pass."""
        torch.mul(self.weight, self.scale, out=self.kept_weight)
        torch.mul(self.bias, self.rate, out=self.kept_bias)

    def predict(self, piece: torch.Tensor) -> torch.Tensor:
        """Predict with what was kept: piece (run + image, feature), the runs' means first -> (head, image)."""
        return self._values(piece, self.kept_weight, self.kept_bias, self.run_of_head)

    def pull(self, weight: torch.Tensor) -> torch.Tensor:
        """Turn weights in each run's gradient (run, image) into those of the heads (head, image), in their units."""
        return weight[self.run] / self.rate

    def learn(self, piece: torch.Tensor, truth: torch.Tensor, pull: torch.Tensor, begins: bool) -> torch.Tensor:
        """Add one piece of a block to the gradient, and predict it with what was kept.

        Parameters
        ----------
        piece : Tensor (run + image, feature)
            The runs' means, then the images.
        truth : Tensor (image,)
            Their labels.
        pull : Tensor (head, image)
            See `pull`.
        begins : bool
            Whether this is the block's first piece.

        Returns
        -------
        Tensor (head, image)
        """
        heads = len(self.weight)
        if begins:
            torch.mul(self.weight, self.scale, out=self.now_weight)
            torch.mul(self.bias, self.rate, out=self.now_bias)
        both = self._values(piece, self.read_weight, self.read_bias, self.run_of_both)
        values = both[:heads]
        slope = self._slope(values, truth, pull)
        total = slope.sum(1, keepdim=True)
        # the gradient's share of the run's mean is one more row of the matrix product
        slope = functional.pad(slope, (self.runs, 0)).scatter_(1, self.run_of_head, -total)
        part = product(slope, piece.T)
        if begins:
            self.gradient, self.total = part, total
        else:
            self.gradient += part
            self.total += total
        return both[heads:]

    def _slope(self, values: torch.Tensor, truth: torch.Tensor, pull: torch.Tensor) -> torch.Tensor:
        """Give the slope (head, image) of the loss by the linear values, up to the factor 2 that `pull` holds."""
        slope = (values - truth) * pull
        if self.sigmoid:
            slope *= values * (1 - values)
        return slope

    def step(self, factor: float) -> None:
        """Take one step along the gradient of the block; `factor` is what is left of the learning rates."""
        self.gradient *= self.scale
        self.total *= self.rate
        if self.weight_decay:  # weights are held in units of the rate, gradients are not
            self.gradient.addcmul_(self.weight, self.rate, value=self.weight_decay)
            self.total.addcmul_(self.bias, self.rate, value=self.weight_decay)
        self.optimiser.step((self.weight, self.bias), (self.gradient, self.total), factor)

    def keep(self, going_on: np.ndarray) -> None:
        """Go on with some of the heads (bool, one per learning head) and drop the others."""
        if not going_on.all():
            rows = torch.from_numpy(np.flatnonzero(going_on)).to(self.weight.device)
            self.weight, self.bias, self.scale = self.weight[rows], self.bias[rows], self.scale[rows]
            self.run, self.rate, self.active = self.run[rows], self.rate[rows], self.active[going_on]
            self.optimiser.keep(rows)
            self._make_room()

    def _make_room(self) -> None:
        """Room for the weights of raw, centred features: of all heads as they are, then as they were kept."""
        heads, features = self.weight.shape
        self.read_weight, self.read_bias = self.weight.new_empty(2 * heads, features), self.bias.new_empty(2 * heads, 1)
        self.now_weight, self.kept_weight = self.read_weight.tensor_split(2)
        self.now_bias, self.kept_bias = self.read_bias.tensor_split(2)
        self.run_of_head, self.run_of_both = self.run[:, None], self.run.repeat(2)[:, None]

    def _values(self, piece: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, run: torch.Tensor) -> torch.Tensor:
        values = product(piece, weight).T
        values = values[:, self.runs :] + (bias - values.gather(1, run))
        return values.sigmoid_() if self.sigmoid else values
