"""How large a layer's largest lesion effect is by chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from o2b_helpers.kernels.statistics.permutation_null import LinearStatistics, unit_ranks
from o2b_helpers.kernels.statistics.permutations import permutations_within

SHUFFLES, SEED, SHARE = 1000, 0, 0.95


def largest_effect_by_chance(predictions: xr.Dataset, filters: np.ndarray, values: pd.Series) -> float | None:
    """Work out how large the largest lesion effect of some filters is by chance (ours).

    The target's values are shuffled among its stimuli; each time the filters' effects (means over runs) are worked
    out again, and the largest of them, without its sign, is kept.

    Parameters
    ----------
    predictions : Dataset
        ``base`` (run, stimulus) and ``prediction`` (run, filter, stimulus), with the stimuli's names.
    filters : array (filter,) of bool
        The filters to look at.
    values : Series
        The target's values, indexed by stimulus; none missing.

    Returns
    -------
    float or None
        What the largest effect exceeds in 5 of 100 shuffles; None where no filter's effect is defined.
    """
    stimuli = [str(name) for name in predictions["stimulus"].values]
    places = np.array([place for place, name in enumerate(stimuli) if name in values.index], dtype=np.int64)
    base = predictions["base"].transpose("run", "stimulus").values[:, places]
    without = predictions["prediction"].transpose("run", "filter", "stimulus").values[:, filters][:, :, places]
    forms = (unit_ranks(base)[:, None] - unit_ranks(without)).mean(axis=0)
    forms = forms[~np.isnan(forms).any(axis=1)]
    if not forms.size:
        return None
    series = values[[stimuli[place] for place in places]].to_numpy(dtype=np.float64)
    shuffles = permutations_within(np.zeros(len(places)), SHUFFLES, SEED)
    null = LinearStatistics(forms, series[None], np.arange(len(places))).permuted(shuffles)[0]
    level = float(np.quantile(np.abs(null).max(axis=1), SHARE))
    return None if np.isnan(level) else level
