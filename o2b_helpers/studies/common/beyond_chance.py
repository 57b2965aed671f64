"""How many of some results are beyond chance: what a sentence counts is what it corrects over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.studies.common.select import P_SIGNIFICANT


def beyond_chance(p: Any) -> tuple[int, int]:
    """Count what is beyond chance, q < 0.05 by Benjamini-Hochberg over exactly these results.

    A column q of a table may be corrected over fewer results (such as the classes of a layer and target). A sentence
    that counts over more of them calls this with their p.

    Parameters
    ----------
    p : array-like
        p-values of all results that the sentence counts, 0..1; NaN where nothing was tested.

    Returns
    -------
    count, total : int
        Results beyond chance, and results that were tested.

    Examples
    --------
    >>> beyond_chance([0.01, 0.04, 0.2, float("nan")])
    (1, 3)
    """
    p = np.asarray(p, dtype=np.float64)
    return int((benjamini_hochberg(p) < P_SIGNIFICANT).sum()), int((~np.isnan(p)).sum())


def corrected(table: pd.DataFrame, p: str = "p") -> pd.DataFrame:
    """Return a table with q over all its rows in place of its own column q, for those whom a sentence names.

    Examples
    --------
    >>> corrected(pd.DataFrame({"p": [0.01, 0.04], "q": [0.01, 0.04]}))["q"].tolist()
    [0.02, 0.04]
    """
    return table.assign(q=benjamini_hochberg(table[p].to_numpy(dtype=np.float64)))
