"""Do class weights find the classes that really drive an alignment? Toy worlds know.

python benchmarks/planted_truth.py --worlds 20            # 20 worlds to report on, 8 to choose estimators on, 8 null
python benchmarks/planted_truth.py --table                # nothing is computed: the tables of planted_truth.json

Each world has its own pictures, people and planted effects; in a null world no class matters. A world is stored in
runs/planted_truth when it is done. Truth "planted" is whether a class was given an effect on the target's valence
type; truth "counterfactual" is the change of rho when every stimulus is drawn again without the class and with
all else pixel for pixel the same, and the classes that matter are those above the median of its size.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import pandas as pd
import torch
from planted_truth_scores import rows_of, scores_of
from planted_truth_table import markdown
from planted_truth_world import stored_world

FOLDER = Path(__file__).parents[1] / "runs" / "planted_truth"
OUTPUT = Path(__file__).with_suffix(".json")
FIRST = {"choose": 100, "report": 400, "null": 300}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=20, help="worlds to report on; of the others 2 for every 5")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where worlds are stored")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--table", action="store_true", help="print the tables of what was computed")
    chosen = parser.parse_args()
    if not chosen.table:
        torch.set_num_threads(1)
        result = [scores_of(split, seed, world) for split, seed, world in _worlds(chosen.worlds, chosen.folder)]
        rows = rows_of(pd.concat(result, ignore_index=True))
        chosen.output.write_text(_as_json(rows), encoding="utf-8")
    print(markdown(json.loads(chosen.output.read_text(encoding="utf-8"))))


def _worlds(count: int, folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    for split, many in (("choose", math.ceil(count * 0.4)), ("report", count), ("null", math.ceil(count * 0.4))):
        for seed in range(FIRST[split], FIRST[split] + many):
            began = time.perf_counter()
            world = stored_world(seed, folder)
            print(f"world {seed} ({split}): {time.perf_counter() - began:.1f} s", flush=True)
            yield split, seed, world


def _as_json(rows: list[dict]) -> str:
    """One row a line, so that a new run shows what changed."""
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"


if __name__ == "__main__":
    main()
