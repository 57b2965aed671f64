"""Sham boxes held against the truth of toy worlds: how often is a class named, by what its true change is?

    python benchmarks/planted_truth_shams.py

Reads the worlds that planted_truth.py has stored, and writes planted_truth_shams.md. In a null world nobody
cares for any class; the network may. "Boxes lent" takes one sham for the class and the others for its
shams, so that nothing is there in any world. Shares come with 99 % intervals over worlds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from lent_boxes import p_of_lent_boxes
from planted_truth import FIRST, FOLDER
from planted_truth_estimators import World, class_weights, truth_counterfactual
from planted_truth_scores import coincides

from o2b_helpers.kernels.statistics.rank_correlation import rank_correlation
from o2b_helpers.studies.common.targets import target_groups
from o2b_helpers.studies.object2brain.weights.inference import Evidence, Shams, sham_p

SIZES = ((0.0, 0.01), (0.01, 0.03), (0.03, 0.06), (0.06, 0.1), (0.1, 2.0))


def rows_of_world(seed: int, world: World) -> pd.DataFrame:
    """One row for each class and target: p by shams and by exchanged targets, the true change, and rho."""
    base, without = world["base"], world["occluded"]
    label, place = world["sham_pairs"].T
    shown = np.zeros(world["shown"].shape, dtype=bool)
    shown[label, place] = True
    lent = np.logical_not((world["shown"] & ~shown).any(1))
    shams = Shams(world["sham_predictions"], label, place, lent)
    groups = target_groups(world["values"])
    tested = class_weights(world, test=True)
    rho = rank_correlation(base, world["values"]).mean(0)
    rows = []
    for name in ("occlusion", "mediation"):
        weight, p = tested[name, "full"]
        assert p is not None  # tested as asked for
        evidence = Evidence.of_hidden(base, without, soft=name == "mediation", shams=shams)
        p_sham = sham_p(evidence, groups, weight)
        p_lent = p_of_lent_boxes(evidence, groups, 0)
        truth = truth_counterfactual(world)
        for number, target in enumerate(world["target"]):
            if coincides(world["values"], number):
                continue
            rows.append(
                pd.DataFrame(
                    {
                        "seed": seed, "estimator": name, "target": str(target), "rho": rho[number],
                        "true_change": np.abs(truth[:, number]), "p": p[:, number], "p_sham": p_sham[:, number],
                        "p_lent": p_lent[:, number],
                        "shown": (world["shown"] & np.isfinite(world["values"][number])).any(1),
                    }
                )
            )  # fmt: skip
    return pd.concat(rows)


def share(table: pd.DataFrame, column: str) -> str:
    """The share of classes with p < 0.05, and its 99 % interval over worlds."""
    by_world = table.dropna(subset=[column]).groupby("seed")[column].agg(lambda p: (p < 0.05).mean())
    if len(by_world) < 2:
        return ""
    half = 2.576 * by_world.std(ddof=1) / np.sqrt(len(by_world))
    return f"{by_world.mean():.3f} ({max(0, by_world.mean() - half):.3f} to {by_world.mean() + half:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    parts = []
    for file in sorted(folder.glob("world_[0-9]*.npz")):
        seed = int(file.stem.rpartition("_")[2])
        with np.load(file) as stored:
            world = dict(stored)
        if "sham_predictions" not in world:
            continue
        split = "null" if FIRST["null"] <= seed < FIRST["null"] + 100 else "report"
        parts.append(rows_of_world(seed, world).assign(split=split))
    table = pd.concat(parts)
    table = table[table["shown"]]
    lines = [
        "# Sham boxes, held against the truth",
        "",
        "`python benchmarks/planted_truth_shams.py`",
        "",
    ]
    lines += ["Share of classes with p < 0.05, 99 % interval over worlds.", ""]
    lines += [
        "| worlds | estimator | true change | rho | classes | p, targets exchanged | p_sham | boxes lent |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (split, name), part in table.groupby(["split", "estimator"]):
        columns = " | ".join(share(part, column) for column in ("p", "p_sham", "p_lent"))
        lines.append(f"| {split} | `{name}` | any | any | {len(part):,} | {columns} |")
        for low, high in SIZES:
            for strong in (False, True):
                some = part[part["true_change"].between(low, high, inclusive="left") & ((part["rho"] > 0.6) == strong)]
                if len(some):
                    words = f"{low} to {high}" if high < 1 else f"above {low}"
                    lines.append(
                        f"| {split} | `{name}` | {words} | {'above 0.6' if strong else 'up to 0.6'} | {len(some):,} "
                        f"| {share(some, 'p')} | {share(some, 'p_sham')} | {share(some, 'p_lent')} |"
                    )
    Path(__file__).with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
