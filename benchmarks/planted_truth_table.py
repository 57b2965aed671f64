"""The tables of the planted-truth benchmark, from its rows."""

from __future__ import annotations

from planted_truth_estimators import ADDED, ALL
from planted_truth_scores import COUNTERFACTUAL, EVERY, PLANTED

from o2b_helpers.kernels.statistics.sensitivity import ESTIMATORS

TITLES = {
    COUNTERFACTUAL: "What happens to rho when the stimuli are drawn again without the class",
    PLANTED: "Which classes were given an effect on the target's valence type",
}
HEAD = ("estimator", "layer", "AUC", "true boxes", "IV", "PV", "SV", "Spearman", "true boxes", "p < 0.05")
HEAD_NULL = ("Spearman, null worlds", "p < 0.05, null worlds", "AUC, choosing worlds")


def markdown(rows: list[dict]) -> str:
    """One table for each truth, all targets together, the best first; then what the estimators are.

    Weights summed over all target layers stand in the rows only.
    """
    lines = []
    for truth, title in TITLES.items():
        lines += [f"\n### {title}\n", _table([row for row in rows if row["truth"] == truth and row["layer"] != ALL])]
    lines += ["", *(f"- `{name}`: {says}" for name, says in {**ESTIMATORS, **ADDED}.items())]
    return "\n".join(lines)


def _table(rows: list[dict]) -> str:
    report, choose, null = (_pick(rows, split, EVERY) for split in ("report", "choose", "null"))
    kinds = [_pick(rows, "report", kind) for kind in ("IV", "PV", "SV")]
    head = HEAD + HEAD_NULL
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for key, row in sorted(report.items(), key=lambda item: -item[1]["auc"]):
        nothing, before = null.get(key, {}), choose.get(key, {})
        cells = [*key, _with_interval(row, "auc"), _short(row["oracle_auc"])]
        cells += [_short(of_kind[key]["auc"]) for of_kind in kinds]
        cells += [_with_interval(row, "spearman"), _short(row["oracle_spearman"]), _short(row["share_p_below_05"])]
        cells += [_short(nothing.get(name)) for name in ("spearman", "share_p_below_05")]
        lines.append("| " + " | ".join([*cells, _short(before.get("auc"))]) + " |")
    single = next(iter(report.values()))
    counts = {
        name: next(iter(some.values()))["worlds"] for name, some in (("choosing", choose), ("null", null)) if some
    }
    others = ", ".join(f"{count} {name} worlds" for name, count in counts.items())
    lines.append(
        f"\n{single['worlds']} worlds; in brackets 95 % intervals over worlds. Besides: {others}. "
        f"Baseline AUC: {_short(single['baseline_auc'])} by how many stimuli show the class, "
        f"{_short(single['baseline_corpus_auc'])} by how many images of the corpus do."
    )
    return "\n".join(lines)


def _pick(rows: list[dict], split: str, kind: str) -> dict[tuple[str, str], dict]:
    wanted = (split, EVERY, kind)
    return {
        (row["estimator"], row["layer"]): row
        for row in rows
        if (row["split"], row["target"], row["valence_type"]) == wanted
    }


def _with_interval(row: dict, name: str) -> str:
    return f"{_short(row[name])} ({_short(row[f'{name}_low'])} to {_short(row[f'{name}_high'])})"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
