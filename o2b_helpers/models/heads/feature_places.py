"""Where the features of a layer are kept while heads learn from them, and what memory that takes."""

from __future__ import annotations

from pathlib import Path

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.resources import free_disk
from o2b_helpers.models.heads.scaled_features import PIECE_BYTES

PLACES = ("memory", "disk", "stream")
MARGIN = 1.25  # how much room there must be for what is estimated


def heads_bytes(
    n_images: int, n_features: int, runs: int, rates: int, source: str, batch_size: int = 64, outputs: int = 1
) -> int:
    """Estimate the memory that training takes beyond the process and the network.

    Parameters
    ----------
    n_images, n_features : int
        Size of the features.
    runs, rates : int
        Heads = runs x rates.
    source : {"memory", "disk", "stream"}
        Where features are.
    batch_size : int
        Training images per step.
    outputs : int
        Outputs of each head; the classes of a softmax.

    Returns
    -------
    int
        Bytes at the peak. A backbone's own maps in a streaming pass come on top.
    """
    _check(source)
    row, heads = 4 * n_features, runs * rates * outputs
    largest = max(1, PIECE_BYTES // row)
    # measuring: sums and sums of squares in double precision, for all images and each run, and what is made of them;
    # one piece of the features
    measuring = row * (8 * runs + 4) + row * min(largest, n_images)
    # learning, by head: weights, their scale, two moments, the gradient and the one before it, what is read and what is
    # predicted with, the best, and one that is just being made; by run: means and scales; a piece twice, as it is and
    # as the matrix product arranges it
    learning = row * (10 * heads + 3 * runs) + 2 * row * min(largest, n_images, 2 * batch_size)
    # scores: predictions, ranks and masks in double precision
    scoring = 8 * n_images * (8 * heads + 6 * runs)
    kept = row * n_images if source == "memory" else 0
    return kept + max(measuring, learning) + scoring


def choose_place(
    wanted: str,
    n_images: int,
    n_features: int,
    runs: int,
    rates: int,
    budget: int,
    folder: Path,
    outputs: int = 1,
) -> str:
    """Choose where features are kept: in memory if they fit, else on the disk if it has room, else nowhere.

    Reading a file is faster than running a deep backbone again; a backbone that runs again needs neither.

    Parameters
    ----------
    wanted : str
        ``"auto"``, or one of the three places, which is then taken.
    n_images, n_features, runs, rates : int
        See `heads_bytes`.
    budget : int
        Bytes of memory that may be used.
    folder : Path
        Where a file would lie.
    outputs : int
        See `heads_bytes`.

    Returns
    -------
    str
        ``"memory"``, ``"disk"`` or ``"stream"``.
    """
    if wanted != "auto":
        _check(wanted)
        return wanted
    if MARGIN * heads_bytes(n_images, n_features, runs, rates, "memory", outputs=outputs) <= budget:
        return "memory"
    return "disk" if MARGIN * 4 * n_images * n_features <= free_disk(folder) else "stream"


def _check(place: str) -> None:
    if place not in PLACES:
        raise ParameterError(
            "Features are not kept there",
            value=place,
            expected="auto, " + ", ".join(PLACES),
            remedy="correct execution.features",
        )
