"""Check that human data and stimuli speak of the same things."""

from __future__ import annotations

import itertools

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.tables import name_some
from o2b_helpers.inputs.people.human import names_without
from o2b_helpers.inputs.people.stimuli import Stimuli


def check_targets(targets: pd.DataFrame, stimuli: Stimuli) -> None:
    """Refuse ready targets that do not fit the stimuli.

    A stimulus may be missing from some targets (no label at the median), not from all.

    Raises
    ------
    InputError
        A stimulus without any target; a target for an unknown stimulus; a target whose condition is not its
        stimulus's.
    """
    _same_names(stimuli, targets, "targets", "target")
    condition = stimuli.table.set_index("stimulus")["condition"]
    wrong = targets[targets["stimulus"].map(condition) != targets["condition"]]
    if len(wrong):
        row = wrong.iloc[0]
        raise InputError(
            "The targets and the stimuli disagree on conditions",
            value=f"{row['stimulus']!r} is {condition[row['stimulus']]!r}, its target {row['target']!r}; "
            f"{len(wrong)} row(s) in all",
            expected="a stimulus only in targets of its own condition",
            remedy="correct the condition in either table",
        )


def check_ratings(ratings: pd.DataFrame, stimuli: Stimuli) -> None:
    """Refuse ratings that do not fit the stimuli.

    Raises
    ------
    InputError
        A stimulus without a rating of some valence type; ratings of an unknown stimulus.
    """
    for valence_type, part in ratings.groupby("valence_type", sort=False):
        _same_names(stimuli, part, f"ratings of {valence_type}", "rating")


def check_signals(signals: pd.DataFrame, regions: pd.DataFrame, stimuli: Stimuli) -> None:
    """Refuse signals that do not fit the stimuli or the regions.

    Raises
    ------
    InputError
        A stimulus without signals; signals of an unknown stimulus; a roi that no region claims; a roi never
        measured; a subject without any roi of some region.
    """
    _same_names(stimuli, signals, "signals", "signal")
    check_regions(signals, regions)


def check_regions(signals: pd.DataFrame, regions: pd.DataFrame) -> None:
    """Refuse a table of regions that does not fit the signals.

    Raises
    ------
    InputError
        A roi that no region claims; a roi never measured; a subject without any roi of some region.
    """
    homeless = names_without(signals["roi"], regions["roi"])
    if homeless:
        raise InputError(
            "Some regions of interest belong to no region",
            value=name_some(homeless),
            expected="every roi of the signals in the table of regions",
            remedy="add the roi to the table of regions, or leave its signals out",
        )
    unmeasured = names_without(regions["roi"], signals["roi"])
    if unmeasured:
        raise InputError(
            "Some regions of interest have no signals",
            value=name_some(unmeasured),
            expected="signals of every roi in the table of regions",
            remedy="remove the roi from the table of regions, or correct its name",
        )
    region_of = regions.set_index("roi")["region"]
    measured = set(zip(signals["subject"], signals["roi"].map(region_of), strict=True))
    pairs = itertools.product(signals["subject"].unique(), regions["region"].unique())
    gaps = [f"subject {subject}: {region}" for subject, region in pairs if (subject, region) not in measured]
    if gaps:
        raise InputError(
            "Some subjects have no signal in a region",
            value=name_some(gaps),
            expected="at least one roi of every region for every subject",
            remedy="add the signals or leave the subject out",
        )


def _same_names(stimuli: Stimuli, table: pd.DataFrame, what: str, noun: str) -> None:
    without = names_without(stimuli.table["stimulus"], table["stimulus"])
    if without:
        raise InputError(
            f"{len(without)} {'stimulus has' if len(without) == 1 else 'stimuli have'} no {noun}",
            value=name_some(without),
            expected=f"every stimulus in the {what}",
            remedy=f"add the missing rows, or remove the stimulus; names must agree letter by letter; the {what} "
            f"name {name_some(table['stimulus'].drop_duplicates(), 3)}",
        )
    unknown = names_without(table["stimulus"], stimuli.table["stimulus"])
    if unknown:
        raise InputError(
            f"The {what} name stimuli that are not there",
            value=name_some(unknown),
            expected="only stimuli of the stimulus table",
            remedy="add the stimuli to their table, or remove these rows; names must agree letter by letter",
        )
