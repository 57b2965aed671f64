"""Full models beside their controls, target by target: rank among untrained networks, rho beyond low-level features."""

from __future__ import annotations

import numpy as np
import pandas as pd

from o2b_helpers.kernels.statistics.permutation_null import unit_ranks
from o2b_helpers.kernels.statistics.rank_correlation import benjamini_hochberg
from o2b_helpers.studies.alignment.controls.untrained import UNTRAINED
from o2b_helpers.studies.alignment.tables import ALIGNMENT_CONTROLS, CONTROL_ALIGNMENT
from o2b_helpers.studies.common.correlations import beyond, lined_up
from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.targets import target_groups

LOW_LEVEL = "low_level"
CONTROL = ["control", "architecture", "seed"]


def control_alignment(predictions: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Correlate every control's predictions with every target.

    Parameters
    ----------
    predictions : DataFrame
        The columns of ``control_predictions.csv``.
    targets : DataFrame
        The contract's ``targets.csv``.

    Returns
    -------
    DataFrame
        The columns of ``control_alignment.csv``.
    """
    if predictions.empty:
        return CONTROL_ALIGNMENT.empty()
    wide, values, described, _ = lined_up(predictions, targets, CONTROL)
    rho = np.full((len(wide), len(values)), np.nan)
    for group in target_groups(values):
        rho[:, group.targets] = unit_ranks(wide.to_numpy()[:, group.places]) @ unit_ranks(group.values).T
    n = np.isfinite(values).sum(1)
    frames = [
        described.assign(n=n, rho=np.clip(own, -1, 1), **dict(zip(CONTROL, name, strict=True)))
        for name, own in zip(wide.index, rho, strict=True)
    ]
    return CONTROL_ALIGNMENT.select(pd.concat(frames, ignore_index=True))


def beyond_controls(
    predictions: pd.DataFrame,
    controls: pd.DataFrame,
    targets: pd.DataFrame,
    networks: dict[tuple[str, str], str],
    options: Significance,
) -> pd.DataFrame:
    """Hold every full model against the controls.

    Parameters
    ----------
    predictions : DataFrame
        ``predictions.csv``.
    controls : DataFrame
        ``control_predictions.csv``.
    targets : DataFrame
        ``targets.csv``.
    networks : dict
        (name, weights) of every model -> its architecture, by which its untrained networks are found.
    options : Significance
        Permutations and samples.

    Returns
    -------
    DataFrame
        The columns of ``alignment_controls.csv``. ``p_untrained`` is (1 + seeds with at least this rho) / (1 + seeds),
        one-sided; NaN without untrained networks. The partial correlation is the mean over runs of the rank correlation
        with the low-level control's ranks taken out of both sides.
    """
    by = ["architecture", "weights", "run"]
    of_controls = control_alignment(controls, targets)
    simple = controls[controls["control"] == LOW_LEVEL].pivot(index="control", columns="stimulus", values="prediction")
    low_level = of_controls[of_controls["control"] == LOW_LEVEL].set_index("target")["rho"]
    made = beyond(predictions, targets, simple, by, options)
    made = made.assign(low_level_rho=made["target"].map(low_level))
    frames = []
    for name, own in made.groupby(by[:2], sort=False):
        mine = (of_controls["control"] == UNTRAINED) & (of_controls["architecture"] == networks[name])
        frames.append(_among(own.reset_index(drop=True), of_controls[mine]))
    table = pd.concat(frames, ignore_index=True)
    q = table.groupby(by[:2], sort=False)["p_partial"].transform(lambda p: benjamini_hochberg(p.to_numpy()))
    return ALIGNMENT_CONTROLS.select(table.assign(q_partial=q))


def _among(table: pd.DataFrame, untrained: pd.DataFrame) -> pd.DataFrame:
    """Add where a model's rho lies among those of untrained networks."""
    seeds, known = untrained.groupby("target")["rho"], table["rho"].notna()
    count = table["target"].map(seeds.count()).fillna(0).astype(int)
    above = [
        int((untrained.loc[untrained["target"] == row.target, "rho"] >= row.rho).sum()) for row in table.itertuples()
    ]
    return table.assign(
        untrained_seeds=count,
        untrained_mean=table["target"].map(seeds.mean()),
        untrained_low=table["target"].map(seeds.min()),
        untrained_high=table["target"].map(seeds.max()),
        p_untrained=((1 + np.array(above)) / (1 + count)).where(known & (count > 0)),
    )
