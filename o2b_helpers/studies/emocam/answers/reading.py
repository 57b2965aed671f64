"""Which associations are read: those that two tests agree on, as neither of them says enough alone."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.studies.common.select import P_SIGNIFICANT


def lifted(rows: pd.DataFrame) -> pd.Series:
    """Say where the map lies on the objects themselves: lift above 0, q_lift < 0.05. It may do so with every label."""
    return (rows["lift"] > 0) & (rows["q_lift"] < P_SIGNIFICANT)


def more_than_others(rows: pd.DataFrame) -> pd.Series:
    """Say where a class is important more often than in all pictures, q < 0.05. It may just be there more often.

    Parameters
    ----------
    rows : DataFrame
        emotion_associations.csv of one network, with all its labels.

    Returns
    -------
    Series of bool
        In the rows' order.
    """
    count, pictures = (rows.groupby("class")[name].transform("sum") for name in ("count", "pictures"))
    return (rows["importance"] > 100 * count / pictures) & (rows["q"] < P_SIGNIFICANT)


def beyond_both(rows: pd.DataFrame) -> pd.Series:
    """Say where both hold: what the network looks at when it names this label, more than with others.

    Examples
    --------
    >>> rows = pd.DataFrame({"class": ["Rose", "Rose", "Bus", "Bus"], "pictures": [50, 50, 50, 50]})
    >>> rows = rows.assign(count=[20, 2, 10, 10], importance=[40.0, 4.0, 20.0, 20.0], q=[0.001, 0.001, 1.0, 1.0])
    >>> rows = rows.assign(lift=[0.5, 0.1, 0.4, 0.4], q_lift=[0.001, 0.3, 0.001, 0.001])
    >>> beyond_both(rows).tolist()
    [True, False, False, False]
    """
    return lifted(rows) & more_than_others(rows)
