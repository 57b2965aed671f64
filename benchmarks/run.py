"""Time the kernels against the peers and the naive way, on the same input in the same process.

make bench                                              # everything; the lesions of VGG16 make it long
python benchmarks/run.py --kernel heads lesions --architecture alexnet     # a part of it

Prints a Markdown table and writes the same rows to benchmarks/latest.json.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
from datetime import date
from pathlib import Path

import torch

ARCHITECTURES = ("alexnet", "vgg16", "resnet18")
BY_ARCHITECTURE = ("filter_scores", "lesions", "screening")
OTHERS = ("heads", "rank_correlation", "images")


def machine() -> str:
    names = [line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def markdown(rows: list[dict]) -> str:
    columns = ["kernel", "architecture", "setting", "ours", "peer", "peer time", "naive", "floor"]
    columns += ["x peer", "x naive", "of floor", "largest difference", "note"]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        cells = [row["kernel"], row["architecture"], f"{row['setting']}, {row['runs']} run(s)", _seconds(row, "ours")]
        cells += [row["peer"] or "", _seconds(row, "peer"), _seconds(row, "naive"), _seconds(row, "floor")]
        cells += [
            "" if row[name] is None else f"{row[name]:.3g}" for name in ("ratio_peer", "ratio_naive", "ratio_floor")
        ]
        cells.append("" if row["max_difference"] is None else f"{row['max_difference']:.0e}")
        cells.append(row["note"])
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _seconds(row: dict, name: str) -> str:
    if row[f"{name}_s"] is None:
        return ""
    low, high = row[f"{name}_range_s"]
    return f"{row[f'{name}_s']:.3g} s ({low:.3g} to {high:.3g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", nargs="+", choices=BY_ARCHITECTURE + OTHERS, default=BY_ARCHITECTURE + OTHERS)
    parser.add_argument("--architecture", nargs="+", default=ARCHITECTURES)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "latest.json")
    chosen = parser.parse_args()
    said = {"date": date.today().isoformat(), "machine": machine()}
    rows = []
    for kernel in chosen.kernel:
        module = importlib.import_module(kernel)
        for name in chosen.architecture if kernel in BY_ARCHITECTURE else (None,):
            found = [one.as_dict() | said for one in (module.rows(name) if name else module.rows())]
            rows += found
            print(markdown(found), flush=True)
            chosen.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print("\n" + said["machine"] + "\n\n" + markdown(rows))


if __name__ == "__main__":
    main()
