"""Human targets: true labels, and labels predicted from the brain (the paper, section 2.1; METHODS 1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.tables import name_some, need_columns
from o2b_helpers.inputs.corpora.values import Code, far_values, missing_values, number_column
from o2b_helpers.inputs.people.human import (
    MISSING,
    RANGE,
    TARGET_COLUMNS,
    UNBOUNDED,
    names_without,
    refuse_constant_targets,
)
from o2b_helpers.inputs.people.matching import check_regions
from o2b_helpers.inputs.people.nested_ridge import nested_ridge, outer_folds
from o2b_helpers.inputs.people.stimuli import Stimuli

# means of equal ratings may differ in the last bits; no rating scale is as fine as this
MEDIAN_TOLERANCE = 1e-9


def true_labels(ratings: pd.DataFrame) -> pd.DataFrame:
    """Label each stimulus by the side of the median on which its mean rating lies.

    The rule at the median itself is ours (the paper leaves it open): such a stimulus has no label.

    Parameters
    ----------
    ratings : DataFrame
        Columns stimulus, annotator, valence_type, rating.

    Returns
    -------
    DataFrame
        Columns stimulus, valence_type, label: 0 below the median over stimuli of that valence type, 1 above, NaN at
        it.

    Raises
    ------
    InputError
        Where all stimuli have the same mean rating of a valence type.
    """
    means = ratings.groupby(["valence_type", "stimulus"], sort=False)["rating"].mean()
    parts = []
    for valence_type, mean in means.groupby(level="valence_type", sort=False):
        mean = mean.droplevel("valence_type")
        distance = mean.to_numpy() - np.median(mean.to_numpy())
        label = np.where(np.abs(distance) <= MEDIAN_TOLERANCE, np.nan, (distance > 0).astype(np.float64))
        if np.isnan(label).all():
            raise InputError(
                "All stimuli have the same mean rating",
                value=f"{valence_type}: {mean.iloc[0]:g} for {len(mean)} stimuli",
                expected="mean ratings that differ",
                remedy="check the ratings, or leave this valence type out",
            )
        parts.append(pd.DataFrame({"stimulus": mean.index, "valence_type": valence_type, "label": label}))
    return pd.concat(parts, ignore_index=True)


def subject_predictions(
    signals: pd.DataFrame,
    regions: pd.DataFrame,
    labels: pd.DataFrame,
    penalties: Sequence[float],
    seed: int,
    *,
    outer: str = "balanced",
    folds: int = 6,
    repeats: int = 10,
) -> pd.DataFrame:
    """Predict labels from the activations of each region, subject by subject, nested (see `nested_ridge`).

    For each subject and region its regions of interest are the features. Penalties, folds and z-scores are ours (the
    paper leaves them open).

    Parameters
    ----------
    signals : DataFrame
        Columns subject, stimulus, roi, value.
    regions : DataFrame
        Columns roi, region.
    labels : DataFrame
        Columns stimulus, valence_type, label (0, 1, NaN = no label: predicted but not learned from).
    penalties : sequence of float
        Ridge penalties to choose from, on standardised features, all above 0.
    seed : int
        Of the balanced folds; all subjects share them.
    outer : {"balanced", "leave_one_out"}
        How stimuli are held out. Leaving single stimuli out biases z-scored predictions against the labels
        (`nested_ridge` says why); it is there for comparison.
    folds, repeats : int
        Number of balanced folds, and how often they are drawn anew.

    Returns
    -------
    DataFrame
        Columns subject, stimulus, valence_type, region, prediction (z-score).

    Raises
    ------
    InputError
        Signals, regions and labels that do not fit together; too few stimuli for the folds or to learn from.
    """
    check_regions(signals, regions)
    stimuli = list(dict.fromkeys(labels["stimulus"]))
    for wanted, other, what in ((stimuli, signals["stimulus"], "signals"), (signals["stimulus"], stimuli, "labels")):
        missing = names_without(wanted, other)
        if missing:
            raise InputError(
                f"Some stimuli have no {what}",
                value=name_some(missing),
                expected="the same stimuli in labels and signals",
                remedy="add or remove their rows",
            )
    outcomes = labels.pivot(index="stimulus", columns="valence_type", values="label").loc[stimuli]
    outcomes = outcomes[list(dict.fromkeys(labels["valence_type"]))]
    draws = outer_folds(outcomes.to_numpy(), outer, folds, repeats, seed)
    region_of = regions.set_index("roi")["region"]
    parts = []
    for region in dict.fromkeys(regions["region"]):
        in_region = signals[signals["roi"].map(region_of) == region]
        for subject, wanted in in_region.groupby("subject", sort=True):
            features = wanted.pivot(index="stimulus", columns="roi", values="value").loc[stimuli].to_numpy()
            for valence_type in outcomes:
                where = f"subject {subject}, region {region}, {valence_type}"
                outcome = outcomes[valence_type].to_numpy()
                predicted = nested_ridge(features, outcome, penalties, draws, where)
                described = {"stimulus": stimuli, "valence_type": valence_type, "region": region}
                parts.append(pd.DataFrame({"subject": subject, **described, "prediction": predicted}))
    return pd.concat(parts, ignore_index=True)


def mean_over_subjects(predictions: pd.DataFrame) -> pd.DataFrame:
    """Average every subject's predictions (ours; the paper does not say how its one target per region came about).

    Parameters
    ----------
    predictions : DataFrame
        See `subject_predictions`.

    Returns
    -------
    DataFrame
        Columns stimulus, valence_type, region, prediction (mean z-score).
    """
    groups = predictions.groupby(["region", "valence_type", "stimulus"], sort=False)["prediction"]
    return groups.mean().reset_index()[["stimulus", "valence_type", "region", "prediction"]]


def targets_table(labels: pd.DataFrame, predictions: pd.DataFrame, stimuli: Stimuli) -> pd.DataFrame:
    """Put true and predicted labels together as correlation targets.

    Parameters
    ----------
    labels : DataFrame
        Columns stimulus, valence_type, label. Their source is called ``true``; rows without a label are left out.
    predictions : DataFrame
        Columns stimulus, valence_type, region, prediction. Their source is the region.
    stimuli : Stimuli
        Their conditions split each target.

    Returns
    -------
    DataFrame
        Columns stimulus, target, valence_type, source, condition, value; ordered by valence type, source, condition
        and stimulus, each in the order in which it was given. Targets are called
        ``<valence_type>/<source>/<condition>``.

    Raises
    ------
    InputError
        Where a target would have only one value.
    """
    true = labels.dropna(subset="label").rename(columns={"label": "value"}).assign(source="true")
    brain = predictions.rename(columns={"region": "source", "prediction": "value"})
    return _as_targets(pd.concat([true, brain], ignore_index=True), stimuli)


def mean_rating_targets(
    stimuli: Stimuli,
    ratings: pd.DataFrame | None = None,
    *,
    column: str = "valence",
    valence_type: str = "IV",
    source: str = "rating",
    missing: Sequence[Code] = (),
    value_range: tuple[float, float] | None = None,
    warnings: list[str] | None = None,
) -> pd.DataFrame:
    """Take the mean rating of each stimulus as the target, without any label.

    Parameters
    ----------
    stimuli : Stimuli
        Their conditions split each target.
    ratings : DataFrame, optional
        Columns stimulus, valence_type, rating; averaged over annotators. Without it, `column` of the stimuli (which
        came along from the corpus) is the mean rating and `valence_type` its name.
    column, valence_type, source : str
        See above; `source` is the middle part of the targets' names, e.g. ``IV/rating/people``.
    missing, value_range, warnings
        Of the values in `column`, as in `read_targets`; a stimulus whose value is missing is left out.

    Returns
    -------
    DataFrame
        As `targets_table`; the value is in units of the rating scale.

    Raises
    ------
    InputError
        Where the column is missing, a value is none or out of range, or a target has only one value.
    """
    if ratings is None:
        table = "the stimulus table"
        need_columns(stimuli.table, (column,), table)
        low, high = value_range or UNBOUNDED
        rows = stimuli.table.set_index("stimulus")  # by which messages name them
        means = number_column(rows, column, table, low, high, missing=missing, option=MISSING)
        said = missing_values(means, table, "value")
        if value_range is None:
            said += far_values(means, table, missing_option=MISSING, range_option=RANGE)
        if warnings is not None:
            warnings += said
        means = means.dropna().rename("value").reset_index()
        means = means.assign(valence_type=valence_type)
    else:
        groups = ratings.groupby(["stimulus", "valence_type"], sort=False)["rating"]
        means = groups.mean().rename("value").reset_index()
    return _as_targets(means.assign(source=source), stimuli)


def _as_targets(values: pd.DataFrame, stimuli: Stimuli) -> pd.DataFrame:
    table = values.merge(stimuli.table[["stimulus", "condition"]], on="stimulus", how="left")
    if table["condition"].isna().any():
        raise InputError(
            "Human data name stimuli that are not there",
            value=name_some(table.loc[table["condition"].isna(), "stimulus"].drop_duplicates()),
            expected="only stimuli of the stimulus table",
            remedy="add the stimuli to their table, or remove these rows",
        )
    table["value"] = table["value"].astype(np.float64)  # an empty table of predictions would make it untyped
    table["target"] = table["valence_type"] + "/" + table["source"] + "/" + table["condition"]
    orders = {
        "valence_type": list(dict.fromkeys(table["valence_type"])),
        "source": list(dict.fromkeys(table["source"])),
        "condition": stimuli.conditions,
        "stimulus": list(stimuli.table["stimulus"]),
    }
    ranks = {name: {value: rank for rank, value in enumerate(order)} for name, order in orders.items()}
    table = table.sort_values(list(orders), key=lambda values: values.map(ranks[values.name]), kind="stable")
    table = table[TARGET_COLUMNS].reset_index(drop=True)
    refuse_constant_targets(table, "The human data")
    return table
