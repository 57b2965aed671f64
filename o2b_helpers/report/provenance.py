"""Put the provenance of a run into words: the methods, the parameters with their sources, the versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from o2b_helpers.report.tables import Table

LONGEST = 400
DIGEST = 12


@dataclass(frozen=True)
class Origin:
    """What the report says of where its numbers come from.

    Attributes
    ----------
    methods : list of str
        Paragraphs, plain text.
    parameters : Table or None
        Every parameter with its value, unit, meaning and source.
    facts : list of (str, list of (str, str))
        Versions, digests, counts and whatever else the provenance holds, by heading.
    """

    methods: list[str]
    parameters: Table | None
    facts: list[tuple[str, list[tuple[str, str]]]]


def origin(provenance: Mapping[str, Any]) -> Origin:
    """Read a provenance, whatever its form; what is not known stays out of the sentences."""
    known = dict(flatten(provenance.get("analysis", {}), "analysis")) if "analysis" in provenance else {}
    facts = [
        (name.replace("_", " "), [(key, short(value)) for key, value in flatten(content)])
        for name, content in provenance.items()
        if name not in ("analysis", "options", "steps")
    ]
    facts += _steps(provenance.get("steps"))
    return Origin(_methods(known), _parameters(provenance, known), [fact for fact in facts if fact[1]])


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
        rows = [(key, short(value)) for key, value in flatten(step.get("facts", {}))]
        if "key" in step:
            rows.append(("key", str(step["key"])[:DIGEST]))
        listed.append((str(step.get("notebook", name)), rows))
    return listed


def _parameters(provenance: Mapping[str, Any], known: dict[str, Any]) -> Table | None:
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
    return Table("Parameters", columns, rows, note)


def _methods(known: dict[str, Any]) -> list[str]:
    """Describe the method, with the values of this run where the provenance has them."""

    def value(name: str, words: str) -> str:
        found = known.get(f"analysis.{name}")
        return "" if found is None else words.format(short(found))

    return [
        "Targets. Each stimulus got a true label, below or above the median rating of its valence type (a stimulus "
        "exactly at the median has none; ours), and for each brain region group a label predicted from its signals by "
        "nested ridge regression (the folds and the choice of the penalty are ours; the paper, section 2.1). Studies "
        "without brain signals use their own targets, such as mean ratings.",
        "Models. A network trained for another task stays as it is; only its last layer is replaced by one output that "
        "learns to judge valence from rated pictures" + value("heads.runs", ", in {} training runs")
        + value("heads.test_share", ", each holding out a share of {} of the pictures")
        + ". Of the learning rates tried" + value("heads.learning_rates", " ({})")
        + ", the head with the lowest error on the held-out pictures is kept (the paper, section 2.2). The held-out "
        "pictures thus also choose the head, which makes their error a little too low.",
        "Agreement. Spearman’s rho between a model’s predictions for the stimuli and a target, within the target’s "
        "condition. p is two-sided and not corrected, as in the paper; q is corrected for the number of tests (ours).",
        "Objects. A detector finds objects in the training pictures"
        + value("detector.confidence", ", keeping boxes with a confidence of at least {}")
        + ". For each filter of a target layer, GradCAM gives a map of where the filter drives the output; a box "
        "gets a score from the map inside it" + value("sensitivity.score", ", here “{}”")
        + value("sensitivity.cam_scale", ", with maps scaled by {}")
        + ". What enters the score, the map’s mean and maximum in the box, is the paper’s (section 3.1, equation 1); "
        "its form is our reading. Boxes are not weighted by their confidence.",
        "Object2Brain. Each filter is switched off in turn; its effect on a target is rho of the whole model minus rho "
        "without the filter (this sign is ours). A class’ weight is the sum over a layer’s filters of its mean box "
        "score times the filter’s effect. Of the detected classes, the highest and the lowest"
        + value("object2brain.share", " (a share of {} each)")
        + " are summed by category, positive and negative apart (the paper, section 3.2). The paper names nine of its "
        "34 categories with their sizes; the other categories are ours.",
    ]  # fmt: skip
