"""How sure a figure's numbers are: noise ceilings, intervals, which marks are filled, and the words for each."""

from __future__ import annotations

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.report.results import COLUMNS, Results
from o2b_helpers.report.style import number, safe
from o2b_helpers.studies.common.select import FULL, P_SIGNIFICANT, named

MARKS = {
    "q": f"q &lt; {P_SIGNIFICANT}, corrected for the number of tests",
    "p": f"p &lt; {P_SIGNIFICANT}, not corrected for the number of tests",
}
SUMMARIES = ("layer_alignment_summary.csv", "alignment_summary.csv")


def mark_words(mark: str) -> str:
    """Say what a filled mark means, for a subtitle.

    Raises
    ------
    InputError
        Anything but ``q`` and ``p``.
    """
    if mark not in MARKS:
        raise InputError(
            "Unknown way to mark significance",
            value=repr(mark),
            expected="'q' (corrected for the number of tests) or 'p' (uncorrected, as in the paper)",
            remedy="name one of these",
        )
    return MARKS[mark]


def known_ceilings(results: Results) -> pd.DataFrame:
    """Return the noise ceilings that are known, indexed by target; empty where none is, or none was worked out."""
    if not results.has("ceilings.csv"):
        return pd.DataFrame(columns=COLUMNS["ceilings.csv"]).set_index("target")
    return results.ceilings.dropna(subset=["ceiling"]).set_index("target")


def ceiling_hover(target: str, row: pd.Series) -> str:
    """Write what a ceiling's band says when pointed at; names are escaped."""
    return (
        f"<b>noise ceiling</b>, {safe(target)}<br>{number(row['ceiling'])} "
        f"({number(row['ceiling_low'])} to {number(row['ceiling_high'])})<br>"
        f"reliability {number(row['reliability'])}, n = {int(row['n'])}<br>{safe(row['method'])}"
    )


def ceilings_in_words(results: Results) -> str:
    """Say how high the known ceilings are and for how many targets none is known, for a caption."""
    known, targets = known_ceilings(results), results.targets["target"].nunique()
    missing = targets - len(known)
    words = ""
    if len(known):
        words = (
            f"The noise ceilings lie between {number(known['ceiling'].min())} and {number(known['ceiling'].max())}. "
        )
    if missing:
        which = "any target" if missing == targets else f"{missing} of {targets} targets"
        words += (
            f"No noise ceiling is known for {which}, because the values of single people are not at hand; no band is "
            "drawn there, which does not mean that the ceiling is 1. "
        )
    return words.strip()


def full_intervals(results: Results) -> pd.DataFrame | None:
    """Return mean rho of every full model over runs with its interval (names unique), or None where not worked out."""
    if not results.has("alignment_summary.csv"):
        return None
    return named(results.alignment_summary, results.alignment)


def summary_over_runs(results: Results) -> tuple[pd.DataFrame, bool]:
    """Return mean rho over runs of every layer model and, as layer ``full``, full model, and what its bars are.

    Returns
    -------
    table : DataFrame
        Columns architecture (made unique), layer, target, valence_type, source, condition, runs, mean, sd, low, high.
    intervals : bool
        Whether low and high are the interval over runs and stimuli; else they lie one standard deviation over runs
        to either side of the mean (results that hold no summaries).
    """
    keys = ["architecture", "layer", "target", "valence_type", "source", "condition"]
    alignment, values = results.alignment, ["runs", "mean", "sd", "low", "high"]
    if all(results.has(name) for name in SUMMARIES):
        both = pd.concat([results.layer_alignment_summary, results.alignment_summary.assign(layer=FULL)])
        both = both.rename(columns={"rho": "mean", "ci_low": "low", "ci_high": "high"})
        return named(both, alignment)[[*keys, *values]], True
    both = named(pd.concat([results.layer_alignment, alignment.assign(layer=FULL)]), alignment)
    table = both.groupby(keys, sort=False)["rho"].agg(mean="mean", sd="std", runs="count").reset_index()
    bar = table["sd"].fillna(0)
    return table.assign(low=table["mean"] - bar, high=table["mean"] + bar)[[*keys, *values]], False


def interval_words(results: Results) -> str:
    """Name the interval, with the share of the samples inside where the results say it."""
    confidence = results.provenance.get("analysis", {}).get("significance", {}).get("confidence")
    return "interval" if confidence is None else f"{100 * confidence:g} % interval"
