"""Do maps find the classes that raise an emotion? Toy worlds know.

    python benchmarks/planted_truth_emotions.py --worlds 30     # a minute a world on one free core
    python benchmarks/planted_truth_emotions.py --table         # nothing is computed: the tables of the .json

In each world other classes raise other emotions. Its pictures are studied twice by the steps of notebook 10: with
labels that the classes raise, and with labels that are noise. Every CAM method makes its own maps. A world is stored in
runs/planted_truth_emotions when it is done, so a killed run goes on where it was. The tables are written into
planted_truth_emotions.md.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from planted_truth_emotions_scores import BOTH, CALLS, NULLS, TESTS, over_worlds, scored
from planted_truth_emotions_world import METHODS, MOST, stored_world
from planted_truth_table import written_between

FOLDER = Path(__file__).parents[1] / "runs" / "planted_truth_emotions"
OUTPUT = Path(__file__).with_suffix(".json")
FIRST = 510  # seed of the first world
ORDERED = {"presence": "presence", "importance": "importance (M')", "conditional": "conditional", "lift": "lift"}
CONTRASTS = {"presence_contrast": "presence less that of all pictures",
             "importance_contrast": "importance less that of all pictures",
             **{p: f"how sure: {p}" for p in TESTS}}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=30, help=f"how many worlds, from seed {FIRST}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where worlds are stored")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--table", action="store_true", help="write the tables of what was computed")
    chosen = parser.parse_args()
    if not chosen.table:
        torch.set_num_threads(1)
        chosen.folder.mkdir(parents=True, exist_ok=True)
        worlds = []
        for seed in range(FIRST, FIRST + chosen.worlds):
            began = time.perf_counter()
            worlds.append(stored_world(seed, chosen.folder))
            print(f"world {seed}: {time.perf_counter() - began:.1f} s", flush=True)
        rows = over_worlds(scored(pd.concat(worlds, ignore_index=True)))
        text = '{"rows": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]}\n"
        chosen.output.write_text(text, encoding="utf-8")
    tables = markdown(pd.DataFrame(json.loads(chosen.output.read_text(encoding="utf-8"))["rows"]))
    written_between(chosen.output.with_suffix(".md"), tables)
    print(tables)


def markdown(rows: pd.DataFrame) -> str:
    """Every table of the page."""
    parts = ["### Order: AUC with which planted pairs come first", *_order(rows)]
    parts += ["### Single pairs", _pairs(rows), "### Where nothing is there", *(_null(rows, test) for test in TESTS)]
    parts += [_null_of_both(rows), "### How often the heads are right", _heads(rows)]
    parts += ["### One world's pairs among those of all others with exchanged boxes", _large(rows)]
    return "\n\n".join(parts)


def _order(rows: pd.DataFrame) -> list[str]:
    own = rows[rows["section"] == "order"]
    lines = [[f"`{method}`", *(_said(own, method, name, "auc") for name in ORDERED)] for method in METHODS]
    names = [name for name in ORDERED if name != "presence"]
    less = [[f"`{method}`", *(_said(own, method, name, "beyond_presence", "+.2f") for name in names)]
            for method in METHODS]  # fmt: skip
    more = [[f"`{method}`", *(_said(own, method, name, "auc") for name in CONTRASTS)] for method in METHODS]
    return [
        _table(["method", *ORDERED.values()], lines),
        "Difference to presence, in the same worlds:",
        _table(["method", *(ORDERED[name] for name in names)], less),
        "Other ways to put the same numbers in order:",
        _table(["method", *CONTRASTS.values()], more),
    ]


def _pairs(rows: pd.DataFrame) -> str:
    own, measures = rows[rows["section"] == "pairs"], ("found", "called", "false")
    lines = [[f"`{name}`", f"`{method}`", *(_said(own, method, name, what) for what in measures)]
             for name in CALLS for method in METHODS]  # fmt: skip
    return _table(["below 0.05", "method", "planted pairs found", "other pairs called", "of all called, not planted"],
                  lines)  # fmt: skip


def _null(rows: pd.DataFrame, test: str) -> str:
    lines = [[world, f"`{method}`", *(_said(own, method, test, what, form) for what, form in
                                      (("p", ".3f"), ("q", ".3f"), ("any", ".2f")))]
             for world, own in _nulls(rows) for method in METHODS]  # fmt: skip
    return _table([f"`{test}`", "method", "pairs with p < 0.05", "pairs with q < 0.05", "worlds with any"], lines)


def _null_of_both(rows: pd.DataFrame) -> str:
    lines = [[world, f"`{method}`", _said(own, method, BOTH, "q", ".3f"), _said(own, method, BOTH, "any")]
             for world, own in _nulls(rows) for method in METHODS]  # fmt: skip
    return _table(["`q` and `q_lift`", "method", "pairs with both < 0.05, more often", "worlds with any"], lines)


def _nulls(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    own = rows[rows["section"] == "null"]
    return [("labels are noise" if labels == "noise" else null, own[(own["labels"] == labels) & (own["null"] == null)])
            for labels, null in NULLS]  # fmt: skip


def _heads(rows: pd.DataFrame) -> str:
    own = rows[rows["section"] == "heads"]
    lines = [[labels, *(_said(part, METHODS[0], "heads", what) for what in ("accuracy", "p_below"))]
             for labels, part in own.groupby("labels", sort=False)]  # fmt: skip
    return _table(["labels", "balanced accuracy", "worlds where its p is below 0.05"], lines)


def _large(rows: pd.DataFrame) -> str:
    own = rows[rows["section"] == "large"]
    lines = [[f"{most:,}", f"`{method}`", *(_said(own, method, name, what) for what in ("found", "called", "empty"))]
             for name, most in MOST.items() for method in METHODS]  # fmt: skip
    head = ["exchanges at most", "method", "planted pairs with `q_lift` < 0.05", "other pairs of the world",
            "pairs with exchanged boxes, of all"]  # fmt: skip
    return _table(head, lines)


def _said(rows: pd.DataFrame, method: str, name: str, what: str, form: str = ".2f") -> str:
    (own,) = rows[(rows["method"] == method) & (rows["statistic"] == name) & (rows["measure"] == what)].itertuples()
    return f"{own.mean:{form}} ({own.low:{form}} to {own.high:{form}})"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines))


if __name__ == "__main__":
    main()
