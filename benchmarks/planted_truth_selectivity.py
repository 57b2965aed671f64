"""Does the network need the filters that are called emotion-selective? Toy worlds know.

    python benchmarks/planted_truth_selectivity.py --worlds 20               # half a minute a world on one free core
    python benchmarks/planted_truth_selectivity.py --worlds 20 --earlier     # and lesions of the layer before
    python benchmarks/planted_truth_selectivity.py --table                   # of what is stored; no world is computed

In each world other classes move valence. Its pictures are studied with the valence that the classes give, with the same
values dealt out anew among the pictures, and with filters selected by the latter for readouts of the former. A world is
stored in runs/planted_truth_selectivity when it is done, so a killed run goes on where it was. The tables are written
into planted_truth_selectivity.md.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import pandas as pd
import torch
from planted_truth_selectivity_scores import over_worlds
from planted_truth_selectivity_table import markdown
from planted_truth_selectivity_world import GAINS, LAST, stored_world
from planted_truth_table import written_between

FOLDER = Path(__file__).parents[1] / "runs" / "planted_truth_selectivity"
OUTPUT = Path(__file__).with_suffix(".json")
FIRST = 610  # seed of the first world
EARLIER = next(layer for layer in GAINS if layer != LAST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=20, help=f"how many worlds, from seed {FIRST}")
    parser.add_argument("--earlier", action="store_true", help=f"judge lesions and gains of {EARLIER}, too")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where worlds are stored")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--table", action="store_true", help="write the tables of the worlds that are stored")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[pd.DataFrame]] = {}
    for layer in (LAST, EARLIER) if chosen.earlier or chosen.table else (LAST,):
        for seed in range(FIRST, FIRST + chosen.worlds):
            if chosen.table and not (chosen.folder / f"{layer}_{seed}").exists():
                continue
            began, used = time.perf_counter(), time.process_time()
            for name, table in stored_world(seed, chosen.folder, layer).items():
                tables.setdefault(name, []).append(table)
            took = time.perf_counter() - began, time.process_time() - used
            print(f"{layer}, world {seed}: {took[0]:.1f} s, {took[1]:.1f} s of a core", flush=True)
    rows = over_worlds({name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()})
    text = '{"rows": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]}\n"
    chosen.output.write_text(text, encoding="utf-8")
    said = markdown(pd.DataFrame(rows))
    written_between(chosen.output.with_suffix(".md"), said)
    print(said)


if __name__ == "__main__":
    main()
