"""Do class weights find the classes that really drive an alignment? Toy worlds know.

python benchmarks/planted_truth.py --worlds 30            # 30 worlds for each network, 12 in which no class matters
python benchmarks/planted_truth.py --table                # nothing is computed: the tables of planted_truth.json

Each world has its own pictures, people and planted effects; in a null world no class matters. A world is stored in
runs/planted_truth when it is done. Truth "planted" is whether a class was given an effect on the target's valence
type; truth "counterfactual" is the change of rho when every stimulus is drawn again without the class and with
all else pixel for pixel the same, and the classes that matter are those above the median of its size. The tables are
written into planted_truth.md.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from itertools import count as count_from
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from planted_truth_patches import RESTORED, restored
from planted_truth_scores import rows_of, scores_of
from planted_truth_table import markdown, written_between
from planted_truth_world import SETTINGS, Setting, stored_world

FOLDER = Path(__file__).parents[1] / "runs" / "planted_truth"
OUTPUT = Path(__file__).with_suffix(".json")
FIRST = {"report": 410, "null": 320}
MANY_STIMULI = 8  # worlds with 200 stimuli per condition: they take long


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=30, help="worlds to report on; null worlds: 2 for every 5")
    parser.add_argument("--networks", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where worlds are stored")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--table", action="store_true", help="write the tables of what was computed")
    chosen = parser.parse_args()
    if not chosen.table:
        torch.set_num_threads(1)
        scores, patches = [], []
        for setting in (SETTINGS[name] for name in chosen.networks):
            for split, seed, world in _worlds(setting, chosen.worlds, chosen.folder):
                scores.append(scores_of(split, seed, world).assign(network=setting.name))
                patches.append({"network": setting.name, "split": split, "seed": seed} | restored(world))
        chosen.output.write_text(_as_json(rows_of(pd.concat(scores, ignore_index=True)), patches), encoding="utf-8")
    measured = json.loads(chosen.output.read_text(encoding="utf-8"))
    tables = markdown(measured["rows"], pd.DataFrame(measured["patches"]), RESTORED)
    written_between(chosen.output.with_suffix(".md"), tables)
    print(tables)


def _worlds(setting: Setting, count: int, folder: Path) -> Iterator[tuple[str, int, dict[str, np.ndarray]]]:
    folder.mkdir(parents=True, exist_ok=True)
    counts = {"report": count if setting.per_cell < 50 else min(count, MANY_STIMULI)}
    if setting.shams:
        counts["null"] = math.ceil(count * 0.4)
    for split, many in counts.items():
        seeds = count_from(FIRST[split])
        while many:
            began, seed = time.perf_counter(), next(seeds)
            world = stored_world(setting, seed, folder)
            said = f"{time.perf_counter() - began:.1f} s" if world else "cannot be drawn, left out"
            print(f"{setting.name}, world {seed} ({split}): {said}", flush=True)
            if world:
                many -= 1
                yield split, seed, world


def _as_json(rows: list[dict], patches: list[dict]) -> str:
    """One row a line, so that a new run shows what changed."""
    parts = {"rows": rows, "patches": patches}
    blocks = [f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in part) + "\n]" for name, part in parts.items()]
    return "{\n" + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    main()
