"""Check targets before anything is correlated with them: enough stimuli, names that tell them apart."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

import pandas as pd

from o2b_helpers.core.errors import InputError, ParameterError
from o2b_helpers.inputs.corpora.tables import name_some
from o2b_helpers.inputs.people.stimuli import MIN_PER_CONDITION

RESERVED = "true"  # the source of the labels that are made of people's ratings


def refuse_small_targets(targets: pd.DataFrame, names: Collection[str], source: object) -> None:
    """Refuse targets with a value for too few stimuli: no correlation with them, and no interval, means anything.

    Every table of results has its targets from here, so that the smallest number is the same for all.

    Parameters
    ----------
    targets : DataFrame
        Columns stimulus, target; those stimuli only that can be shown to a network.
    names : collection of str
        All targets that were named, also those without any such stimulus.
    source : object
        How the message names where they come from.

    Raises
    ------
    InputError
        Naming the targets with their number of stimuli.
    """
    counts = (
        targets.groupby("target", sort=False)["stimulus"].nunique().reindex(list(dict.fromkeys(names)), fill_value=0)
    )
    small = counts[counts < MIN_PER_CONDITION]
    if len(small):
        raise InputError(
            f"{source} {'has a target' if len(small) == 1 else f'has {len(small)} targets'} with too few stimuli",
            value=name_some([f"{target}: {count}" for target, count in small.items()]),
            expected=f"a value for at least {MIN_PER_CONDITION} stimuli in every target",
            remedy="add the values that are missing, or leave the target out; a stimulus whose picture cannot be read, "
            "and a label exactly at the median, do not count",
        )


def refuse_reserved_regions(regions: Collection[str], source: object) -> None:
    """Refuse a region group with the name that the targets from people's ratings have.

    Raises
    ------
    InputError
        Where it is there.
    """
    if RESERVED in regions:
        raise InputError(
            f"{source} has a region group called {RESERVED!r}",
            value=RESERVED,
            expected=f"any other name: {RESERVED!r} is the source of the labels from people's ratings",
            remedy="give the region group another name",
        )


def refuse_ambiguous_names(targets: pd.DataFrame, source: object) -> None:
    """Refuse two targets of the same name, which parts that hold a slash can give.

    Raises
    ------
    InputError
        Naming them.
    """
    parts = targets[["target", "valence_type", "source", "condition"]].drop_duplicates()
    twice = parts[parts["target"].duplicated(keep=False)]
    if len(twice):
        raise InputError(
            f"{source} has different targets of the same name",
            value=name_some([" + ".join(row[1:]) for row in twice.itertuples(index=False)]),
            expected="names <valence type>/<source>/<condition> that differ",
            remedy="take the slash out of the names of valence types, region groups or conditions",
        )


def refuse_unknown_people(people: Sequence[str], sources: Collection[str], file: object) -> None:
    """Refuse a source that is declared as people's own ratings and that no target has.

    Raises
    ------
    ParameterError
        Naming it, and the source that is probably meant.
    """
    sources = list(dict.fromkeys(sources))
    for name in people:
        if name not in sources:
            near = difflib.get_close_matches(name, sources, n=1)
            raise ParameterError(
                "analysis.human.people names a source that no target has",
                value=repr(name),
                expected=f"one of {name_some(sources)}, as {file} has them",
                remedy=f"did you mean {near[0]!r}?" if near else "correct the name, or leave it out",
            )
