"""Put the provenance of a run into words: parameters with their sources, versions, and what the paper states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from o2b_helpers.core.facts import warnings_of
from o2b_helpers.core.study import Study, steps_of
from o2b_helpers.report.tables import ShownTable

LONGEST = 400
DIGEST = 12


@dataclass(frozen=True)
class Origin:
    """What the report says of where its numbers come from.

    Attributes
    ----------
    parameters : ShownTable or None
        Every parameter with its value, unit, meaning and source.
    facts : list of (str, list of (str, str))
        Versions, digests, counts and whatever else the provenance holds, by heading.
    """

    parameters: ShownTable | None
    facts: list[tuple[str, list[tuple[str, str]]]]


def origin(provenance: Mapping[str, Any]) -> Origin:
    """Read a provenance, whatever its form; what is not known stays out of the sentences."""
    known = option_values(provenance)
    facts = [
        (name.replace("_", " "), [(key, short(value)) for key, value in flatten(content)])
        for name, content in provenance.items()
        if name not in ("analysis", "options", "steps")
    ]
    facts += _steps(provenance.get("steps"))
    return Origin(_parameters(provenance, known), [fact for fact in facts if fact[1]])


def option_values(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of all options by dotted name, e.g. ``analysis.seed``."""
    return dict(flatten(provenance["analysis"], "analysis")) if "analysis" in provenance else {}


def of_studies(provenance: Mapping[str, Any], studies: Sequence[Study]) -> Mapping[str, Any]:
    """Leave out the options of studies that did not run.

    Only where all steps that the studies need are their own: whose options another study's step reads is not known.
    """
    own = {step.name for study in studies for step in study.steps}
    needed = {step.name for step in steps_of(studies)}
    analysis, described = provenance.get("analysis"), provenance.get("options")
    if needed - own or not isinstance(analysis, Mapping):
        return provenance
    blocks = {name for study in studies for name in study.options.model_fields}
    kept: dict[str, Any] = {**provenance, "analysis": {name: v for name, v in analysis.items() if name in blocks}}
    if isinstance(described, Mapping):
        kept["options"] = {name: about for name, about in described.items() if _block(name) in blocks}
    return kept


def all_warnings(provenance: Mapping[str, Any]) -> list[str]:
    """Return what the steps warn of, in their order, each sentence once."""
    steps = provenance.get("steps")
    entries = steps.values() if isinstance(steps, Mapping) else ()
    facts = [entry.get("facts", {}) for entry in entries if isinstance(entry, Mapping)]
    return list(dict.fromkeys(warning for own in facts for warning in warnings_of(own)))


def _block(name: str) -> str:
    """Return the block of an option's dotted name, e.g. ``heads`` of ``analysis.heads.runs``."""
    return str(name).removeprefix("analysis.").split(".")[0].split("[")[0]


def value_in_words(values: Mapping[str, Any], name: str, words: str) -> str:
    """Put an option's value into words, e.g. ``", in {} runs"``; empty where the value is not known."""
    value = values.get(name)
    return "" if value is None else words.format(short(value))


def facts_of(provenance: Mapping[str, Any], step: str) -> Mapping[str, Any]:
    """Return what a step found worth knowing; empty where the provenance does not say."""
    steps = provenance.get("steps")
    entry = steps.get(step) if isinstance(steps, Mapping) else None
    facts = entry.get("facts") if isinstance(entry, Mapping) else None
    return facts if isinstance(facts, Mapping) else {}


def options_table(provenance: Mapping[str, Any]) -> ShownTable | None:
    """Set every option that the paper fixes beside its value in this run; None where nothing is known of them."""
    described, values, rows = provenance.get("options"), option_values(provenance), []
    if not isinstance(described, Mapping):
        return None
    for name, about in described.items():
        if not isinstance(about, Mapping) or not str(about.get("source", "")).startswith("paper") or name not in values:
            continue
        own, paper = short(values[name]), short(about.get("default"))
        same = "as the paper" if own == paper else "differs"
        rows.append([str(about.get("meaning") or name), paper, own, same, str(about["source"]), name])
    if not rows:
        return None
    columns = [(c, False) for c in ("what", "the paper", "this run", "", "where", "option")]
    note = f"{len(rows)} values that the paper states. Every other option is ours; all are listed under Parameters."
    return ShownTable("Settings: the paper’s and this run’s", columns, rows, note)


def departures_table(provenance: Mapping[str, Any], study: Study) -> ShownTable | None:
    """List where a study departs from its paper, with the values of this run; None where nowhere."""
    values, rows = option_values(provenance), []
    for departure in study.section.departures:
        known = [f"{name} = {short(values[name])}" for name in departure.options if name in values]
        named = [name for name in departure.options if name not in values]
        rows.append([departure.what, departure.paper, departure.ours, "; ".join([*known, *named]) or "no option"])
    columns = [(c, False) for c in ("what", "the paper", "ours, by default", "option, and its value in this run")]
    note = f"{len(rows)} points where the paper leaves something open, or where we do otherwise."
    return ShownTable(f"Departures from the paper: {study.title}", columns, rows, note) if rows else None


def sizes_table(provenance: Mapping[str, Any], sizes: Iterable[tuple[str, str, str, str]]) -> ShownTable | None:
    """Set sizes that the paper states beside this run's; None where this run has none of them.

    Parameters
    ----------
    provenance : mapping
        Of the run.
    sizes : iterable of (str, str, str, str)
        What, the published number, and the step and the fact that hold this run's.
    """
    rows = []
    for what, paper, step, fact in sizes:
        own = facts_of(provenance, step).get(fact)
        if own is not None:
            rows.append([what, paper, f"{own:,}" if isinstance(own, int) else short(own)])
    if not rows:
        return None
    columns = [(c, False) for c in ("what", "the paper", "this run")]
    return ShownTable("Sizes: the paper’s and this run’s", columns, rows, "What went in, and what came out of it.")


def flatten(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted name, value) of everything in nested mappings; a list of mappings is numbered."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from flatten(value, f"{prefix}.{key}" if prefix else str(key))
    elif isinstance(content, list) and any(isinstance(item, Mapping) for item in content):
        for place, item in enumerate(content, start=1):
            yield from flatten(item, f"{prefix}[{place}]")
    else:
        yield prefix, content


def short(value: Any) -> str:
    """Write a value on one line of sensible length."""
    if value is None:
        return "not set"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _steps(steps: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """List each step's facts, and its key cut to what tells keys apart; code digests stay in the file."""
    if not isinstance(steps, Mapping):
        return [] if steps is None else [("steps", [("", short(steps))])]
    listed = []
    for name, step in steps.items():
        if not isinstance(step, Mapping):
            listed.append((str(name), [("", short(step))]))
            continue
        facts = flatten(step.get("facts", {}))
        rows = [(key, "undefined" if value is None else short(value)) for key, value in facts]
        if "key" in step:
            rows.append(("key", str(step["key"])[:DIGEST]))
        listed.append((str(step.get("notebook", name)), rows))
    return listed


def _parameters(provenance: Mapping[str, Any], known: dict[str, Any]) -> ShownTable | None:
    if not known:
        return None
    described = provenance.get("options")
    described = described if isinstance(described, Mapping) else {}
    rows = []
    for name, value in known.items():
        about = described.get(name)
        about = about if isinstance(about, Mapping) else {}
        source = str(about.get("source") or "")
        rows.append([name, short(value), str(about.get("unit") or ""), str(about.get("meaning") or ""), source])
    columns = [(column, False) for column in ("parameter", "value", "unit", "meaning", "source")]
    note = f"{len(rows)} parameters; source: a section of the paper, or ours where the paper leaves the value open."
    return ShownTable("Parameters", columns, rows, note)
