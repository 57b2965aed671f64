"""What people and their brains said about the stimuli: ready targets, ratings, ROI signals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.names import names_alike, normal_name
from o2b_helpers.inputs.corpora.reading import read_frame
from o2b_helpers.inputs.corpora.tables import name_some, need_columns, refuse_duplicates
from o2b_helpers.inputs.corpora.values import Code, far_values, missing_values, number_column, text_column

TARGET_COLUMNS = ["stimulus", "target", "valence_type", "source", "condition", "value"]
RATING_COLUMNS = ["stimulus", "annotator", "valence_type", "rating"]
SIGNAL_COLUMNS = ["subject", "stimulus", "roi", "value"]
REGION_COLUMNS = ["roi", "region"]
MISSING, RANGE = "analysis.human.missing", "analysis.human.value_range"
SIGNAL_RANGE = "analysis.human.signal_range"
UNBOUNDED = (-math.inf, math.inf)
MOST_SAID = 3  # sentences on single regions of interest


def read_targets(
    path: Path | str,
    *,
    missing: Sequence[Code] = (),
    value_range: tuple[float, float] | None = None,
    warnings: list[str] | None = None,
) -> pd.DataFrame:
    """Read correlation targets that are ready to use.

    Parameters
    ----------
    path : Path
        A table (`read_frame` says of which kinds) with the columns stimulus, value and either target, written
        ``<valence_type>/<source>/<condition>`` (e.g. ``IV/LLR/congruent``), or the three parts, or both.
    missing : sequence of float or str
        Codes for a value that was not measured.
    value_range : tuple of float, optional
        Lowest and highest possible value. Without it, a value that looks like a code, such as -99, is refused.
    warnings : list of str, optional
        Sentences are added to it: values that are missing or far from the others, names that are written alike.

    Returns
    -------
    DataFrame
        Columns stimulus, target, valence_type, source, condition, value (NaN where a code says missing).

    Raises
    ------
    InputError
        A target whose name does not match its parts; values that are empty, infinite, out of range or, within a target,
        all the same; a stimulus twice in a target.
    """
    source = Path(path).name
    parts = ["valence_type", "source", "condition"]
    frame = read_frame(path, text=("stimulus", "target", *parts))
    given_parts = all(part in frame for part in parts)
    need_columns(frame, ["stimulus", *(parts if "target" not in frame else ["target"]), "value"], source)
    if "target" in frame:
        split = text_column(frame, "target", source).str.split("/", expand=True).map(normal_name, na_action="ignore")
        unnamed = split.shape[1] != 3 or split.isna().any(axis=None) or (split == "").any(axis=None)
        if unnamed:
            wrong = frame["target"][frame["target"].str.count("/") != 2].drop_duplicates()
            raise _bad(
                f"{source} has targets with names of another form",
                name_some(wrong if len(wrong) else frame["target"].drop_duplicates()),
                "<valence_type>/<source>/<condition>, e.g. IV/LLR/congruent",
                "rename the targets",
            )
        for number, part in enumerate(parts):
            if given_parts and (split[number] != frame[part]).any():
                rows = frame[split[number] != frame[part]]
                raise _bad(
                    f"{source} contradicts itself: a target's name and its {part} differ",
                    f"{rows['target'].iloc[0]!r} with {part} {rows[part].iloc[0]!r}",
                    "the name made of valence_type, source and condition",
                    f"correct the target or remove the columns {', '.join(parts)}",
                )
            frame[part] = split[number]
    for column in ("stimulus", *parts):
        frame[column] = text_column(frame, column, source)
    frame["target"] = frame["valence_type"] + "/" + frame["source"] + "/" + frame["condition"]
    low, high = value_range or UNBOUNDED
    frame["value"] = number_column(frame, "value", source, low, high, missing=missing, option=MISSING)
    refuse_duplicates(frame, ["stimulus", "target"], source)
    refuse_constant_targets(frame, source)
    said = missing_values(frame["value"], source, "value") + names_alike(frame, parts, source)
    if value_range is None:
        for _, measure in frame.groupby(["valence_type", "source"], sort=False)["value"]:  # on one scale
            said += far_values(measure, source, missing_option=MISSING, range_option=RANGE)
    _say(said, warnings)
    return frame[TARGET_COLUMNS].reset_index(drop=True)


def read_ratings(
    path: Path | str,
    rating_range: tuple[float, float],
    *,
    missing: Sequence[Code] = (),
    warnings: list[str] | None = None,
) -> pd.DataFrame:
    """Read what annotators said.

    Parameters
    ----------
    path : Path
        A table (`read_frame` says of which kinds) with the columns stimulus, annotator, valence_type (e.g. IV, PV, SV),
        rating.
    rating_range : tuple of float
        Lowest and highest answer of the scale, e.g. (1, 7).
    missing : sequence of float or str
        Codes for an answer that was not given; such rows are left out.
    warnings : list of str, optional
        Sentences are added to it: answers that are missing, names that are written alike.

    Returns
    -------
    DataFrame
        Columns stimulus, annotator, valence_type, rating (float64).

    Raises
    ------
    InputError
        Ratings that are empty or out of range; one annotator rating a stimulus twice; ratings of a valence type that
        are all the same.
    """
    source = Path(path).name
    frame = read_frame(path, text=("stimulus", "annotator", "valence_type"))
    need_columns(frame, RATING_COLUMNS, source)
    frame = frame[RATING_COLUMNS].copy()
    for column in RATING_COLUMNS[:-1]:
        frame[column] = text_column(frame, column, source)
    frame["rating"] = number_column(frame, "rating", source, *rating_range, missing=missing, option=MISSING)
    refuse_duplicates(frame, RATING_COLUMNS[:-1], source)
    alike = names_alike(frame, ("annotator", "valence_type"), source)
    _say(missing_values(frame["rating"], source, "rating") + alike, warnings)
    spread = frame.groupby("valence_type", sort=False)["rating"].nunique()
    constant = spread.index[spread < 2]
    if len(constant):
        given = frame.loc[frame["valence_type"] == constant[0], "rating"].dropna()
        value = f"{given.iloc[0]:g}" if len(given) else "missing"
        raise _bad(
            f"{source} has constant ratings: nothing lies above or below their median",
            f"every rating of {name_some(constant)} is {value}",
            "ratings that differ between stimuli",
            "check the rating column, or remove the valence type",
        )
    return frame.dropna(subset="rating").reset_index(drop=True)


def read_signals(
    path: Path | str,
    *,
    missing: Sequence[Code] = (),
    signal_range: tuple[float, float] | None = None,
    warnings: list[str] | None = None,
) -> pd.DataFrame:
    """Read mean activations of regions of interest.

    Parameters
    ----------
    path : Path
        A table (`read_frame` says of which kinds) with the columns subject, stimulus, roi, value (any unit).
    missing : sequence of float or str
        Codes for a signal that was not measured; such rows are left out.
    signal_range : tuple of float, optional
        Lowest and highest possible signal. Without it, a signal that looks like a code, such as -99, is refused.
    warnings : list of str, optional
        Sentences are added to it: signals that are missing or far from the others, names that are written alike.

    Returns
    -------
    DataFrame
        Columns subject, stimulus, roi, value (float64).

    Raises
    ------
    InputError
        Values that are empty, infinite or out of range; a measurement twice or missing from a subject; a signal that
        never changes.
    """
    source = Path(path).name
    frame = read_frame(path, text=("subject", "stimulus", "roi"))
    need_columns(frame, SIGNAL_COLUMNS, source)
    frame = frame[SIGNAL_COLUMNS].copy()
    for column in SIGNAL_COLUMNS[:-1]:
        frame[column] = text_column(frame, column, source)
    low, high = signal_range or UNBOUNDED
    frame["value"] = number_column(frame, "value", source, low, high, missing=missing, option=MISSING)
    refuse_duplicates(frame, SIGNAL_COLUMNS[:-1], source)
    said = missing_values(frame["value"], source, "signal") + names_alike(frame, ("subject", "roi"), source)
    _say(said + ([] if signal_range else _far_signals(frame, source)), warnings)
    frame = frame.dropna(subset="value").reset_index(drop=True)
    by_signal = frame.groupby(["subject", "roi"], sort=False)
    stimuli = by_signal["stimulus"].nunique()
    gaps = stimuli.index[stimuli < frame["stimulus"].nunique()]
    if len(gaps):
        subject, roi = gaps[0]
        measured = frame.loc[(frame["subject"] == subject) & (frame["roi"] == roi), "stimulus"]
        missing = [name for name in frame["stimulus"].unique() if name not in set(measured)]
        raise _bad(
            f"{source} has signals with missing stimuli",
            f"subject {subject}, roi {roi}: {name_some(missing)}; {len(gaps)} signal(s) in all",
            "every stimulus in every roi of a subject",
            "add the missing rows, or leave out the subject or the roi",
        )
    spread = by_signal["value"].nunique()
    constant = spread.index[spread < 2]
    if len(constant):
        raise _bad(
            f"{source} has signals that never change",
            name_some([f"subject {subject}, roi {roi}" for subject, roi in constant]),
            "values that differ between stimuli",
            "check the values, or leave out these rows",
        )
    return frame


def read_regions(path: Path | str) -> pd.DataFrame:
    """Read which region group each region of interest belongs to.

    Parameters
    ----------
    path : Path
        A table (`read_frame` says of which kinds) with the columns roi, region (e.g. V1, LLR).

    Returns
    -------
    DataFrame
        Columns roi (each once), region.

    Raises
    ------
    InputError
        A roi that stands in the table twice; empty names.
    """
    source = Path(path).name
    frame = read_frame(path, text=("roi", "region"))
    need_columns(frame, REGION_COLUMNS, source)
    frame = frame[REGION_COLUMNS].copy()
    for column in REGION_COLUMNS:
        frame[column] = text_column(frame, column, source)
    refuse_duplicates(frame, ["roi"], source)
    return frame.reset_index(drop=True)


def refuse_constant_targets(targets: pd.DataFrame, source: object) -> None:
    """Refuse targets without two different values: no correlation with them exists.

    Raises
    ------
    InputError
        Naming the targets.
    """
    spread = targets.groupby("target", sort=False)["value"].nunique()
    constant = list(spread.index[spread < 2])
    if constant:
        raise _bad(
            f"{source} has targets with only one value",
            name_some(constant),
            "values that differ between the stimuli of a target",
            "check the values, or remove these targets",
        )


def _far_signals(frame: pd.DataFrame, source: str) -> list[str]:
    said: list[str] = []
    for roi, signals in frame.groupby("roi", sort=False)["value"]:  # every region of interest has its own unit
        said += far_values(signals, f"{source}, {roi}", missing_option=MISSING, range_option=SIGNAL_RANGE)
    more = len(said) - MOST_SAID
    return said[:MOST_SAID] + ([f"{source}: so do values of {more} more regions of interest."] if more > 0 else [])


def _say(sentences: list[str], warnings: list[str] | None) -> None:
    if warnings is not None:
        warnings += sentences


def _bad(problem: str, value: str, expected: str, remedy: str) -> InputError:
    return InputError(problem, value=value, expected=expected, remedy=remedy)


def names_without(wanted: Sequence[str], given: Sequence[str]) -> list[str]:
    """Return the wanted names that are not given, each once, in order."""
    known = set(given)
    return [name for name in dict.fromkeys(wanted) if name not in known]
