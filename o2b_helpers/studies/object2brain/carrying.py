"""Through which filters of a layer a class supports, or works against, a target."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from o2b_helpers.report.results import Results
from o2b_helpers.studies.object2brain.tables import MEDIATION


def filter_weights(results: Results, model: str) -> xr.DataArray | None:
    """Return a model's weights (filter, class, target) by `mediation`; None where the results do not hold them."""
    return results.arrays(MEDIATION, model)["weight"] if results.has(MEDIATION, model) else None


def carrying_filters(weights: xr.DataArray, layer: str, target: str, name: str) -> pd.DataFrame:
    """Rank a layer's filters by how much of a class's weight passes through them, in the weight's direction.

    Parameters
    ----------
    weights : DataArray (filter, class, target)
        See :func:`filter_weights`.
    layer, target, name : str
        Which layer, target and class; all are among the weights.

    Returns
    -------
    pandas.DataFrame
        Columns filter (position on the long filter axis), channel, weight (mean over runs); most first.
    """
    filters = np.flatnonzero(weights["layer"].values.astype(str) == layer)
    own = weights.sel({"class": name, "target": target}).values[filters]
    table = pd.DataFrame({"filter": filters, "channel": weights["channel"].values[filters], "weight": own})
    return table.sort_values("weight", ascending=own.sum() < 0, kind="stable", ignore_index=True)
