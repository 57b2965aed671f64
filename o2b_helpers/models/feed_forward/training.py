"""Train feed-forward networks, many at once: folds, feature sets, shared and split networks, seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import numpy as np
import torch

from o2b_helpers.core.progress import progress
from o2b_helpers.models.fast.matrix_product import one_thread
from o2b_helpers.models.feed_forward.batch import TrainingBatch
from o2b_helpers.models.feed_forward.jobs import NetworkJob, TrainedNetwork, check_jobs
from o2b_helpers.models.feed_forward.networks import padded
from o2b_helpers.models.feed_forward.settings import NetworkSettings

BYTES_AT_ONCE = 2**26  # of weights and momentum in a batch: more does not stay near the processor
MOST_AT_ONCE = 256


def train_networks(
    features: Mapping[str, np.ndarray],
    ratings: np.ndarray,
    jobs: Sequence[NetworkJob],
    settings: NetworkSettings,
    threads: int = 1,
    device: str = "cpu",
    keep_layers: bool = False,
) -> list[TrainedNetwork]:
    """Train every network as the paper does (003, section 2.3), all of them side by side.

    Networks with the same features and number of outputs form batches, in which each matrix product serves all of
    them. Batches are small enough to stay in the processor's cache, and are shared out among threads. Every network
    draws from its own seed, and every matrix is multiplied by one thread. So on a CPU a network is the same to the
    last bit, whatever is trained beside it and on however many threads.

    Parameters
    ----------
    features : mapping of str to array (picture, feature)
        Feature sets by name, of the same pictures. They are learnt from as they are; the paper's lie in 0..1.
    ratings : array (picture, target)
        For example valence and arousal, 1..9. NaN where a picture is neither learnt from nor judged by.
    jobs : sequence of NetworkJob
        The networks to train.
    settings : NetworkSettings
        Shape and rules.
    threads : int
        How many batches are trained at the same time.
    device : str
        As torch names it. Elsewhere than on a CPU results may depend on what is trained together, by rounding.
    keep_layers : bool
        Whether weights come back; at the paper's size they are 30 MB for each network.

    Returns
    -------
    list of TrainedNetwork
        In the order of the jobs.

    Raises
    ------
    InputError
        See `check_jobs`.
    ModelError
        A network whose loss was never finite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> features = rng.random((40, 3))
    >>> ratings = np.stack([1 + 8 * features[:, 0], 9 - 8 * features[:, 1]], 1)
    >>> judge = np.arange(40) % 4 == 0
    >>> jobs = [NetworkJob("face", targets, ~judge, judge, seed=0) for targets in ((0, 1), (0,))]
    >>> settings = NetworkSettings(hidden=(16, 8), dropout=0.0, learning_rate=0.01, epochs=20)
    >>> shared, split = train_networks({"face": features}, ratings, jobs, settings)
    >>> shared.predictions.shape, split.predictions.shape, len(shared.history)
    ((2, 40), (1, 40), 20)
    """
    ratings = np.asarray(ratings, np.float64)
    features = {name: np.asarray(values) for name, values in features.items()}
    check_jobs(features, ratings, jobs)
    ready = {name: _with_bias(features[name]).to(device) for name in {job.features for job in jobs}}
    truth = torch.from_numpy(np.nan_to_num(ratings)).float().to(device)

    def train(numbers: list[int]) -> list[TrainedNetwork]:
        # of this thread: numbers too small for full precision, as the momentum of a dead unit, would cost much time
        torch.set_flush_denormal(True)
        torch.set_num_threads(1)
        own, name = [jobs[number] for number in numbers], jobs[numbers[0]].features
        with torch.inference_mode():
            return TrainingBatch(ready[name], features[name].shape[1], truth, own, settings, keep_layers).train()

    batches = list(_batches(features, jobs, settings, threads))
    results: dict[int, TrainedNetwork] = {}
    with one_thread(True), ThreadPoolExecutor(threads) as pool:
        trained = progress(pool.map(train, batches), "training networks", len(batches))
        for numbers, networks in zip(batches, trained, strict=True):
            results |= zip(numbers, networks, strict=True)
    return [results[number] for number in range(len(jobs))]


def _batches(
    features: Mapping[str, np.ndarray], jobs: Sequence[NetworkJob], settings: NetworkSettings, threads: int
) -> Iterator[list[int]]:
    """Yield numbers of jobs that are trained together, the largest networks first."""

    def size(number: int) -> int:
        widths = [features[jobs[number].features].shape[1], *settings.hidden, len(jobs[number].targets)]
        return sum(padded(n) * units for n, units in zip(widths[:-1], widths[1:], strict=True))

    def kind(number: int) -> tuple[int, str, int]:
        return -size(number), jobs[number].features, len(jobs[number].targets)

    for _, group in groupby(sorted(range(len(jobs)), key=kind), kind):
        numbers = sorted(group, key=lambda number: -int(jobs[number].train.sum()))
        fits = BYTES_AT_ONCE // (2 * 4 * size(numbers[0]))
        fits = max(1, min(fits, MOST_AT_ONCE, -(-len(numbers) // threads)))
        for start in range(0, len(numbers), fits):
            yield numbers[start : start + fits]


def _with_bias(features: np.ndarray) -> torch.Tensor:
    """Put a feature that is always 1 behind the features, then zeros: (picture, padded feature), float32."""
    count, width = features.shape
    whole = torch.zeros(count, padded(width))
    whole[:, :width] = torch.from_numpy(np.ascontiguousarray(features, np.float32))
    whole[:, width] = 1.0
    return whole
