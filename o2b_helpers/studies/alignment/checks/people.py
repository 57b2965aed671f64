"""Look into ratings, signals and targets: whether they can be read, and fit the stimuli that there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.findings import Finding
from o2b_helpers.core.params import Params
from o2b_helpers.inputs.people.human import read_ratings, read_regions, read_signals, read_targets
from o2b_helpers.inputs.people.matching import check_ratings, check_signals, check_targets
from o2b_helpers.inputs.people.stimuli import Stimuli
from o2b_helpers.inputs.people.target_checks import (
    refuse_ambiguous_names,
    refuse_reserved_regions,
    refuse_small_targets,
    refuse_unknown_people,
)
from o2b_helpers.studies.alignment.checks.asking import asked, doubts, refusal, some
from o2b_helpers.studies.alignment.checks.named import Named
from o2b_helpers.studies.alignment.checks.near_names import advice


def people_findings(params: Params, named: Named) -> Iterator[Finding]:
    """Look for what is wrong with the human data, and with how they fit the stimuli."""
    human = params.analysis.human
    stimuli = named.stimuli
    if human.kind == "targets":
        yield from _targets(params, stimuli)
    elif human.kind == "measurements":
        yield from _measurements(params, stimuli)
    elif human.kind == "corpus" and params.analysis.stimuli.kind != "corpus":
        if stimuli is None or "valence" not in stimuli.shown:
            yield Finding(
                "human data: kind: corpus needs stimuli with a rating",
                False,
                f"analysis.stimuli.kind: {params.analysis.stimuli.kind}",
                "set analysis.stimuli.kind to corpus, give their table a column valence, or give targets or ratings",
                kind="fault",
            )


def _targets(params: Params, stimuli: Stimuli | None) -> Iterator[Finding]:
    human = params.analysis.human
    unlikely: list[str] = []
    targets, refused = asked(
        human.targets,
        lambda: read_targets(
            params.path(human.targets), missing=human.missing, value_range=human.value_range, warnings=unlikely
        ),
    )
    yield from refused
    yield from doubts(human.targets, unlikely)
    if targets is None:
        return
    names = targets["target"]
    checks: list[Callable[[], None]] = [
        lambda: refuse_ambiguous_names(targets, human.targets),
        lambda: refuse_small_targets(targets, names, human.targets),
        lambda: refuse_unknown_people(human.people, targets["source"], human.targets),
    ]
    yield from _matched(human.targets, targets, stimuli)
    if stimuli is not None and not _unknown(targets, stimuli) and not _without(targets, stimuli):
        checks.append(lambda: check_targets(targets, stimuli))
    yield from _refused(human.targets, checks)
    if not human.people:
        yield Finding(
            f"{human.targets}: the profile does not say which sources are people's own ratings",
            False,
            f"sources {some(list(dict.fromkeys(targets['source'])))}",
            "set analysis.human.people to their names; without it, the report asks for each source by its name",
            kind="doubt",
        )


def _measurements(params: Params, stimuli: Stimuli | None) -> Iterator[Finding]:
    human = params.analysis.human
    unlikely: list[str] = []
    ratings, refused = asked(
        human.ratings,
        lambda: read_ratings(params.path(human.ratings), human.rating_range, missing=human.missing, warnings=unlikely),
    )
    yield from refused
    yield from doubts(human.ratings, unlikely)
    if ratings is not None:
        yield from _matched(human.ratings, ratings, stimuli)
        if stimuli is not None and not _unknown(ratings, stimuli) and not _without(ratings, stimuli):
            yield from _refused(human.ratings, [lambda: check_ratings(ratings, stimuli)])
    if human.signals is None or human.regions is None:
        return
    of_signals: list[str] = []
    signals, refused = asked(
        human.signals,
        lambda: read_signals(
            params.path(human.signals), missing=human.missing, signal_range=human.signal_range, warnings=of_signals
        ),
    )
    yield from refused
    yield from doubts(human.signals, of_signals)
    regions, refused = asked(human.regions, lambda: read_regions(params.path(human.regions)))
    yield from refused
    if regions is not None:
        yield from _refused(human.regions, [lambda: refuse_reserved_regions(set(regions["region"]), human.regions)])
    if signals is None or regions is None:
        return
    yield from _matched(human.signals, signals, stimuli)
    if stimuli is not None and not _unknown(signals, stimuli) and not _without(signals, stimuli):
        yield from _refused(human.signals, [lambda: check_signals(signals, regions, stimuli)])


def _refused(what: str, checks: list[Callable[[], None]]) -> Iterator[Finding]:
    for check in checks:
        try:
            check()
        except Object2BrainError as error:
            yield refusal(what, error)


def _matched(what: str, table: pd.DataFrame, stimuli: Stimuli | None) -> Iterator[Finding]:
    """Compare the names of the stimuli in a table with those of the table of stimuli, both ways."""
    if stimuli is None:
        return
    unknown, without = _unknown(table, stimuli), _without(table, stimuli)
    if unknown:
        hint = advice(unknown, without or stimuli.table["stimulus"])
        yield Finding(
            f"{what} names {len(unknown)} stimuli that the table of stimuli does not have",
            False,
            some(unknown),
            hint or "correct the names, add the stimuli to their table, or remove these rows",
            kind="fault",
        )
    if without:
        hint = advice(without, unknown or table["stimulus"].drop_duplicates())
        yield Finding(
            f"{len(without)} of {len(stimuli)} stimuli have no row in {what}",
            False,
            some(without),
            hint or "add the missing rows, or remove these stimuli from their table",
            kind="fault",
        )
    if not unknown and not without:
        yield Finding(f"{what}: stimuli", True, f"all {len(stimuli)} have rows")


def _unknown(table: pd.DataFrame, stimuli: Stimuli) -> list[str]:
    known = set(stimuli.table["stimulus"])
    return [name for name in table["stimulus"].drop_duplicates() if name not in known]


def _without(table: pd.DataFrame, stimuli: Stimuli) -> list[str]:
    known = set(table["stimulus"])
    return [name for name in stimuli.table["stimulus"] if name not in known]
