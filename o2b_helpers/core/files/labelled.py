"""Kernel results as labelled arrays: one long filter axis with the coordinates layer and channel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from o2b_helpers.core.contract import Arrays


def filter_dataset(
    variables: Mapping[str, tuple[tuple[str, ...], np.ndarray]],
    layer: list[str],
    channel: list[int],
    coordinates: Mapping[str, list],
    attributes: Mapping[str, str | float | int],
) -> xr.Dataset:
    """Label arrays.

    Parameters
    ----------
    variables : mapping
        Name -> (dimension names, array).
    layer, channel : list (filter,)
        Module path and channel of every filter.
    coordinates : mapping
        Further coordinates, dimension -> values.
    attributes : mapping
        What the reader must know: score, scaling, gain, architecture, weights.

    Returns
    -------
    Dataset
        With the coordinates layer(filter) and channel(filter).

    Examples
    --------
    >>> rho = ("filter",), np.array([0.1, 0.4])
    >>> dataset = filter_dataset({"rho": rho}, ["features.4", "features.4"], [0, 1], {}, {"architecture": "toynet"})
    >>> dataset.rho[dataset.channel == 1].values.tolist()
    [0.4]
    """
    has_filters = {"layer": ("filter", np.array(layer, dtype=object)), "channel": ("filter", np.array(channel))}
    named = {
        name: (name, np.array(values, dtype=object if isinstance(values[0], str) else None))
        for name, values in coordinates.items()
    }
    return xr.Dataset({k: v for k, v in variables.items()}, coords={**has_filters, **named}, attrs=dict(attributes))


def label_variables(dataset: xr.Dataset, arrays: Arrays) -> xr.Dataset:
    """Give every variable its meaning and unit, in the order in which the file's declaration lists them."""
    for variable in arrays.variables:
        dataset[variable.name].attrs["long_name"] = variable.meaning
        if variable.unit:
            dataset[variable.name].attrs["units"] = variable.unit
    return dataset[[variable.name for variable in arrays.variables]]


def write_dataset(dataset: xr.Dataset, path: Path) -> None:
    """Write netCDF (HDF5), the same bytes for the same content.

    The file is made in memory first: where a disk is full, HDF5 can crash the process instead of raising an error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(dataset.to_netcdf(engine="h5netcdf"))


def read_dataset(path: Path) -> xr.Dataset:
    """Read a netCDF file into memory and close it."""
    return xr.load_dataset(path, engine="h5netcdf")
