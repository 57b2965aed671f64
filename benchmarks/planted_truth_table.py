"""The tables of the planted-truth benchmark, from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from planted_truth_estimators import ADDED, ALL, LOCAL
from planted_truth_scores import COUNTERFACTUAL, EVERY, PLANTED
from planted_truth_world import SETTINGS

from o2b_helpers.kernels.statistics.sensitivity import ESTIMATORS

BEGIN, END = "<!-- tables, written by the benchmark -->", "<!-- end of tables -->"
NETWORKS = {
    "toynet": "toynet",
    "mononet": "one filter per class",
    "bignet": "as AlexNet, 96 filters",
    "toynet_200": "toynet, 200 stimuli",
}
MAIN = "toynet"
OWN = ["true boxes", "IV", "PV", "SV", "by sign", "p < 0.05", "p < 0.05, null worlds", "Spearman, null worlds"]
OWN += ["planted: AUC", "planted: p < 0.05"]
Key = tuple[str, str]  # estimator and layer


def markdown(rows: list[dict], patches: pd.DataFrame, restored: Sequence[str]) -> str:
    """Every network's table of the true change of rho, then more on toynet, then the patched filters.

    Weights summed over all target layers stand in the rows only.
    """
    rows = [row for row in rows if row["layer"] != ALL]
    parts = ["### What happens to rho when the stimuli are drawn again without the class", _by_network(rows)]
    parts += ["### More on toynet", _own(rows), "### Filters put back", _patched(patches, restored)]
    parts += ["\n".join(f"- `{name}`: {says}" for name, says in {**ESTIMATORS, **ADDED}.items())]
    return "\n\n".join(parts)


def written_between(file: Path, tables: str) -> None:
    """Put the tables into the text, in place of those that stand there."""
    text = file.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    file.write_text(f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}", encoding="utf-8")


def _name(key: Key) -> str:
    estimator, layer = key
    if estimator.endswith(LOCAL):
        return f"`{estimator.removesuffix(LOCAL)}`, lesions only where the class is shown"
    return f"`{estimator}`, {layer} layer" if estimator == "map_occlusion" else f"`{estimator}`"


def _by_network(rows: list[dict]) -> str:
    """AUC and Spearman with intervals over worlds, the best for toynet first."""
    tables = {name: _pick(rows, name, "report", COUNTERFACTUAL, EVERY) for name in NETWORKS if name in SETTINGS}
    head = ["estimator"]
    for name in NETWORKS:
        head += [f"{NETWORKS[name]}: AUC", "Spearman"]
    lines = [_line(head), "|" + "---|" * len(head)]
    for key in sorted(tables[MAIN], key=lambda key: -tables[MAIN][key]["auc"]):
        cells = [_name(key)]
        for table in tables.values():
            cells += [_with_interval(table.get(key), "auc"), _with_interval(table.get(key), "spearman")]
        lines.append(_line(cells))
    said = []
    for name, table in tables.items():
        if table:
            row = next(iter(table.values()))
            said.append(
                f"{NETWORKS[name]}: {row['worlds']} worlds, AUC {_short(row['baseline_auc'])} by how many stimuli show "
                f"the class and {_short(row['baseline_corpus_auc'])} by how many images of the corpus do"
            )
    return "\n".join(lines) + "\n\nIn brackets 95 % intervals over worlds. " + "; ".join(said) + "."


def _own(rows: list[dict]) -> str:
    """What else was measured on toynet: AUC with true boxes, by type of valence and by sign; p; the planted effects."""
    report, null = (_pick(rows, MAIN, split, COUNTERFACTUAL, EVERY) for split in ("report", "null"))
    kinds = [_pick(rows, MAIN, "report", COUNTERFACTUAL, kind) for kind in ("IV", "PV", "SV")]
    planted = _pick(rows, MAIN, "report", PLANTED, EVERY)
    lines = [_line(["estimator", *OWN]), "|" + "---|" * (1 + len(OWN))]
    for key in sorted(planted, key=lambda key: -planted[key]["auc"]):
        row, nothing = report.get(key, {}), null.get(key, {})
        cells = [_name(key), _short(row.get("oracle_auc"))]
        cells += [_short(kind.get(key, {}).get("auc")) for kind in kinds]
        cells += [_short(row.get("signed_auc")), _short(row.get("share_p_below_05"))]
        cells += [_short(nothing.get(name)) for name in ("share_p_below_05", "spearman")]
        cells += [_with_interval(planted[key], "auc"), _short(planted[key]["share_p_below_05"])]
        lines.append(_line(cells))
    count = next(iter(null.values()))["worlds"] if null else 0
    return "\n".join(lines) + f"\n\n{count} null worlds: nobody cares for any class there."


def _patched(patches: pd.DataFrame, restored: Sequence[str]) -> str:
    """The share of a class's effect that returns with a tenth of the last layer's filters."""
    lines = [_line(["network", "worlds", *restored]), "|" + "---|" * (2 + len(restored))]
    for network, part in patches[patches["split"] == "report"].groupby("network", sort=False):
        cells = [f"{part[name].mean():.2f} (sd {part[name].std(ddof=1):.2f})" for name in restored]
        lines.append(_line([NETWORKS[str(network)], str(len(part)), *cells]))
    return "\n".join(lines) + "\n\nIn brackets the standard deviation over worlds."


def _pick(rows: list[dict], network: str, split: str, truth: str, kind: str) -> dict[Key, dict]:
    wanted = (network, split, truth, EVERY, kind)
    return {
        (row["estimator"], row["layer"]): row
        for row in rows
        if (row["network"], row["split"], row["truth"], row["target"], row["valence_type"]) == wanted
    }


def _with_interval(row: dict | None, name: str) -> str:
    return f"{_short(row[name])} ({_short(row[f'{name}_low'])} to {_short(row[f'{name}_high'])})" if row else ""


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
