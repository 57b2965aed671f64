"""Read what says how sure the numbers are: intervals, ceilings and tests of the class weights, where a run has them."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.errors import InputError
from o2b_helpers.view.results import Results

_SUMMARY = ["architecture", "weights", "target", "valence_type", "source", "condition", "n", "runs", "rho", "sd"]
_INTERVAL = ["ci_low", "ci_high"]
COLUMNS = {
    "alignment_summary.csv": [*_SUMMARY, *_INTERVAL],
    "layer_alignment_summary.csv": [*_SUMMARY, "layer", *_INTERVAL],
    "ceilings.csv": ["target", "ceiling", "ceiling_low", "ceiling_high"],
    "object_weights_mean.csv": [
        "architecture", "layer", "target", "class", "category", "weight", "sd", "p", "q", *_INTERVAL,
    ],
}  # fmt: skip
NUMBERS = {"n", "runs", "rho", "sd", "ceiling", "ceiling_low", "ceiling_high", "weight", "p", "q", *_INTERVAL}


def known(results: Results, name: str) -> pd.DataFrame | None:
    """Read one of the tables of uncertainty.

    Parameters
    ----------
    results : Results
        The results folder.
    name : str
        A key of ``COLUMNS``.

    Returns
    -------
    DataFrame or None
        The table, names as text; None where the run did not write it (results of an older version): whoever shows the
        numbers then has to say that their uncertainty is not known.

    Raises
    ------
    InputError
        When the table is there but lacks a column.
    """
    if not results.has(name):
        return None
    path = results.folder / name
    header = list(pd.read_csv(path, nrows=0, encoding="utf-8").columns)
    missing = [column for column in COLUMNS[name] if column not in header]
    if missing:
        raise InputError(
            f"{name} lacks {', '.join(missing)}",
            value=", ".join(header),
            expected=", ".join(COLUMNS[name]),
            remedy="run the series again, so that all results are of one version: o2b run <profile>",
        )
    texts = [column for column in COLUMNS[name] if column not in NUMBERS]
    return pd.read_csv(
        path,
        encoding="utf-8",
        dtype=dict.fromkeys(texts, str),
        keep_default_na=False,
        na_values={column: ["", "nan", "NaN"] for column in COLUMNS[name] if column in NUMBERS},
        float_precision="round_trip",
    )


def interval_words(results: Results) -> str:
    """Name the interval, with the share of samples inside where the provenance says it."""
    analysis = results.provenance.get("analysis")
    significance = analysis.get("significance") if isinstance(analysis, dict) else None
    confidence = significance.get("confidence") if isinstance(significance, dict) else None
    return f"{100 * confidence:g} % interval" if isinstance(confidence, float) else "interval"
