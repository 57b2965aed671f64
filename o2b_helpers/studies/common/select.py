"""Pick what a figure or a table shows: the kept head of a run, the best run, the order of layers and models."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.report.style import ordered

FULL = "full"
P_SIGNIFICANT = 0.05


def named(table: pd.DataFrame, alignment: pd.DataFrame) -> pd.DataFrame:
    """Make the names in column ``architecture`` unique: weights are added where a name stands for several models.

    Which names do is read from `alignment` (alignment.csv holds every model), so that tables agree.
    """
    pairs = alignment[["architecture", "weights"]].drop_duplicates()
    repeated = set(pairs.loc[pairs["architecture"].duplicated(), "architecture"])
    both = table["architecture"] + " (" + table["weights"] + ")"
    return table.assign(architecture=table["architecture"].where(~table["architecture"].isin(repeated), both))


def models(table: pd.DataFrame) -> list[str]:
    """List the models (column ``architecture``) in the order of the results."""
    return list(dict.fromkeys(table["architecture"]))


def chosen_models(table: pd.DataFrame, wanted: Sequence[str] | None, most: int, what: str) -> list[str]:
    """List the models a figure draws: those wanted, or the first `most` of the table.

    Raises
    ------
    InputError
        When the table holds no model at all, or lacks a wanted one.
    """
    found = models(table)
    unknown = [name for name in wanted or [] if name not in found]
    if unknown or not found:
        raise InputError(
            f"There are no {what} to draw" + (" for a model" if unknown else ""),
            value=", ".join(unknown) or None,
            expected=f"one of {', '.join(found)}" if found else f"{what} of at least one model in the results",
            remedy="choose a model of the results" if found else "ask for them in the profile (analysis.models)",
        )
    return list(wanted or found[:most])


def models_left_out(table: pd.DataFrame, shown: Sequence[str]) -> str:
    """Say, for a figure's subtitle, how many models of the table are drawn; nothing where all are."""
    count = len(models(table))
    return "" if len(shown) == count else f"<br>Drawn: {len(shown)} of {count} models; the files hold all."


def layers(table: pd.DataFrame, model: str) -> list[str]:
    """List the layers of one model from input to output, as the results list them, without ``full``."""
    found = dict.fromkeys(table.loc[table["architecture"] == model, "layer"])
    return [layer for layer in found if layer != FULL] or list(found)  # a class hidden in the picture has no layer


def last_layer(table: pd.DataFrame, model: str) -> str:
    """Name the target layer of a model that is nearest to its output."""
    return layers(table, model)[-1]


def kept_heads(heads: pd.DataFrame) -> pd.DataFrame:
    """Reduce the training history to the kept head of every run.

    Of each learning rate the epoch with the lowest test loss stands for it; of the rates, the one with the lowest
    mean absolute error on the test images is kept (the paper, sections 2.2.2 and 2.2.3). A table that holds
    nothing but kept heads comes back unchanged.

    Returns
    -------
    pandas.DataFrame
        One row per (architecture, weights, layer, run), columns as in heads.csv, ``split`` is ``test``.
    """
    test = heads[(heads["split"] == "test") & heads["loss"].notna()]
    run = ["architecture", "weights", "layer", "run"]
    epochs = test.loc[test.groupby([*run, "learning_rate"], sort=False, dropna=False)["loss"].idxmin()]
    return epochs.loc[epochs.groupby(run, sort=False)["mae"].idxmin()].reset_index(drop=True)


def best_runs(heads: pd.DataFrame) -> dict[str, int]:
    """Find the run of each full model whose kept head has the lowest test error; `heads` with unique names."""
    kept = kept_heads(heads)
    full = kept[kept["layer"] == FULL]
    best = full.loc[full.groupby("architecture", sort=False)["mae"].idxmin()]
    return dict(zip(best["architecture"], best["run"].astype(int), strict=True))


def best_alignment(results) -> pd.DataFrame:
    """Keep, of every model, the alignment of its best run; names are unique.

    Raises
    ------
    InputError
        When a model of alignment.csv has no kept full head in heads.csv.
    """
    alignment = named(results.alignment, results.alignment)
    best = best_runs(named(results.heads, results.alignment))
    unknown = [model for model in models(alignment) if model not in best]
    if unknown:
        raise InputError(
            "A model has an alignment but no trained head on record",
            value=", ".join(unknown),
            expected="a row with layer full and split test in heads.csv for every model of alignment.csv",
            remedy="run notebooks 02 and 03 again: o2b run <profile> --from 02",
        )
    return alignment[alignment["run"] == alignment["architecture"].map(best)].reset_index(drop=True)


def target_parts(results) -> pd.DataFrame:
    """Return valence type, source and condition of every target, indexed by its name, in the figures' order."""
    parts = results.targets.drop_duplicates("target").set_index("target")[["valence_type", "source", "condition"]]
    for column in ("source", "valence_type", "condition"):
        rank = {name: i for i, name in enumerate(ordered(parts[column], column))}
        parts = parts.sort_values(column, key=lambda names, rank=rank: names.map(rank), kind="stable")
    return parts


def mean_weights(object_weights: pd.DataFrame) -> pd.DataFrame:
    """Average the object weights over runs: columns ``mean``, ``sd`` (over runs) and ``runs``."""
    keys = ["architecture", "layer", "target", "class", "category"]
    grouped = object_weights.groupby(keys, sort=False)["weight"]
    return grouped.agg(mean="mean", sd="std", runs="count").reset_index()
