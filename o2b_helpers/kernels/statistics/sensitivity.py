"""From sums of box scores to the sensitivity of filters to classes: several estimators, each with its assumption."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from o2b_helpers.core.errors import InputError, ParameterError

ESTIMATORS = {
    "sum": "Mean score of the class's boxes, the paper's: assumes that what a map shows in a box is due to its class.",
    "centred": "sum, centred over classes for each filter: assumes that a filter which answers to all says nothing.",
    "confidence": "Mean score weighted by the detector's confidence: assumes that doubtful boxes say less.",
    "overlap_adjusted": "Regression of box scores on how much of the box each class covers: assumes that answers to "
    "classes in the same place add up.",
    "lift": "sum minus the same with boxes exchanged between images: assumes that a box of such size in such a place "
    "of some other picture shows what is not due to the class.",
    "overlap_adjusted_lift": "overlap_adjusted minus the same with exchanged boxes: assumes both.",
    "ungated": "Mean score of the feature map itself, whatever the sign of its gradient: assumes that a filter which "
    "speaks against the output is as sensitive to its class as one which speaks for it.",
    "ungated_centred": "ungated, centred over classes for each filter: assumes what both assume.",
    "ungated_overlap_adjusted": "overlap_adjusted for the feature map itself: assumes what both assume.",
    "ungated_lift": "ungated minus the same with exchanged boxes: assumes what ungated and lift assume.",
    "ungated_overlap_adjusted_lift": "overlap_adjusted_lift for the feature map itself: assumes what both assume.",
}
# In boxes: the diagonal of M'M counts a class's own boxes as 1 each. Where less than this tells two classes apart, M'M
# counts as singular; the ridge is as large.
RIDGE = 0.01


def sensitivity(estimator: str, sums: Mapping[str, np.ndarray]) -> Float[np.ndarray, "run filter label"]:
    """Estimate how sensitive every filter is to every class: S (METHODS 3; all but ``sum`` are ours).

    Parameters
    ----------
    estimator : str
        One of `ESTIMATORS`, where each says what it assumes.
    sums : mapping of str to array
        The sums of a result file, by the names they have there; only those that the estimator reads need be there, and
        ``score_sum`` (run, filter, class) and ``box_count`` (class,) always.

    Returns
    -------
    array (run, filter, class)
        float64. Mean scores lie in 0..1; differences of them and coefficients may be negative. NaN for a class without
        boxes; for a lift also where no boxes could be exchanged (a corpus with a single image that has any).

    Raises
    ------
    ParameterError
        An unknown estimator.
    InputError
        A sum that the estimator reads is missing or of another shape.

    Notes
    -----
    ``overlap_adjusted``: let m[b, c] be the share of box b that the boxes of class c in the same image cover. The
    scores of all boxes are regressed on m, without intercept, by least squares: S = (M'M)^-1 M's. Two classes that
    always lie in the same place cannot be told apart: M'M is then singular, or nearly so. Where its smallest eigenvalue
    is below 0.01 (a hundredth of one box), a ridge of 0.01 is added to its diagonal, and they share their score.

    Examples
    --------
    >>> import numpy as np
    >>> sums = {"score_sum": np.array([[[3.0, 1.0]]]), "box_count": np.array([6, 4])}
    >>> sensitivity("sum", sums).tolist(), sensitivity("centred", sums).tolist()
    ([[[0.5, 0.25]]], [[[0.125, -0.125]]])
    """
    if estimator not in ESTIMATORS:
        raise ParameterError(
            "Unknown estimator of filter sensitivity",
            value=repr(estimator),
            expected=" or ".join(map(repr, ESTIMATORS)),
            remedy="set analysis.object2brain.estimator to one of these",
        )
    known = _Sums(sums, "ungated_" if estimator.startswith("ungated") else "")
    return _KINDS[estimator.removeprefix("ungated").removeprefix("_") or "sum"](known)


@dataclass(frozen=True)
class _Sums:
    """The sums of a file, read by name and checked, gated by the gradient or not."""

    sums: Mapping[str, np.ndarray]
    prefix: str

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self._find("score_sum"))

    def of(self, name: str) -> np.ndarray:
        """Return a sum (run, filter, class); those that are the same for every run are repeated."""
        name = "ungated_sum" if (self.prefix, name) == ("ungated_", "score_sum") else self.prefix + name
        values = np.asarray(self._find(name), dtype=np.float64)
        expected = self.shape[1:] if self.prefix else self.shape
        if len(self.shape) != 3 or values.shape != expected:
            raise self._unfit(name, values.shape, f"{expected} (run, filter, class) as score_sum")
        return np.broadcast_to(values, self.shape)

    def count(self, name: str = "box_count") -> np.ndarray:
        """Return a number of boxes or sum of weights (class,), NaN where it is 0."""
        values = np.asarray(self._find(name), dtype=np.float64)
        if values.shape != self.shape[-1:]:
            raise self._unfit(name, values.shape, f"{self.shape[-1:]} (class,)")
        return np.where(values > 0, values, np.nan)

    def gram(self) -> np.ndarray:
        values = np.asarray(self._find("coverage_gram"), dtype=np.float64)
        if values.shape != (self.shape[-1],) * 2:
            raise self._unfit("coverage_gram", values.shape, f"{(self.shape[-1],) * 2} (class, class_b)")
        return values

    def _find(self, name: str) -> np.ndarray:
        if name not in self.sums:
            raise self._unfit(name, "nothing", "the sum")
        return self.sums[name]

    def _unfit(self, name: str, value: object, expected: str) -> InputError:
        return InputError(
            f"Filter scores do not fit: {name}",
            value=value,
            expected=expected,
            remedy="run notebook 06 again, or take all sums from one file",
        )


def _mean(sums: _Sums) -> np.ndarray:
    return sums.of("score_sum") / sums.count()


def _centred(sums: _Sums) -> np.ndarray:
    mean = _mean(sums)
    shown = ~np.isnan(sums.count())
    return mean - mean[..., shown].mean(-1, keepdims=True) if shown.any() else mean


def _confidence(sums: _Sums) -> np.ndarray:
    return sums.of("confidence_sum") / sums.count("confidence_total")


def _lift(sums: _Sums) -> np.ndarray:
    return _mean(sums) - sums.of("exchanged_sum") / sums.count("exchanged_count")


def _overlap_adjusted(sums: _Sums) -> np.ndarray:
    return _regressed(sums, sums.of("coverage_sum"))


def _overlap_adjusted_lift(sums: _Sums) -> np.ndarray:
    # every image gives its boxes once, so that M'M of the exchanged boxes is that of the boxes in their own images
    exchanged = np.where(np.isnan(sums.count("exchanged_count")), np.nan, sums.of("exchanged_coverage_sum"))
    return _regressed(sums, sums.of("coverage_sum") - exchanged)


def _regressed(sums: _Sums, products: np.ndarray) -> np.ndarray:
    """Solve (M'M) S = M's for the classes that have boxes."""
    shown = np.flatnonzero(~np.isnan(sums.count()))
    result = np.full(sums.shape, np.nan)
    if len(shown):
        gram = sums.gram()[np.ix_(shown, shown)]
        if np.linalg.eigvalsh(gram)[0] < RIDGE:
            gram = gram + RIDGE * np.eye(len(gram))
        right = products[..., shown].reshape(-1, len(shown))
        result[..., shown] = np.linalg.solve(gram, right.T).T.reshape(*sums.shape[:2], len(shown))
    return result


_KINDS: dict[str, Callable[[_Sums], np.ndarray]] = {
    "sum": _mean,
    "centred": _centred,
    "confidence": _confidence,
    "overlap_adjusted": _overlap_adjusted,
    "lift": _lift,
    "overlap_adjusted_lift": _overlap_adjusted_lift,
}
