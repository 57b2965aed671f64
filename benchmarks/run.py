"""Time the kernels against the peers and the naive way, on the same input in the same process.

make bench                                              # everything; the lesions of VGG16 make it long
python benchmarks/run.py --kernel heads lesions --architecture alexnet     # a part of it; other rows stay as they are
python benchmarks/run.py --table                        # nothing is timed: the table of docs/speed.md from latest.json

Prints a Markdown table and writes the same rows to benchmarks/latest.json, each with its date and machine.
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
BY_ARCHITECTURE = ("filter_scores", "lesions", "set_gains", "screening", "mediation", "emocam")
OTHERS = ("heads", "deep_affect", "rank_correlation", "class_weights", "images")
SEVERAL = {
    "emocam": ("emocam_associations", "ablation_cam", "lift_cam", "lime", "paste")
}  # modules whose rows are of several kernels


def machine() -> str:
    names = [line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _cpuinfo() -> list[str]:
    file = Path("/proc/cpuinfo")
    return file.read_text().splitlines() if file.exists() else []


def markdown(rows: list[dict]) -> str:
    """The table of docs/speed.md."""
    columns = ["kernel", "network", "setting", "ours", "peer", "x peer", "x naive", "of floor", "largest difference"]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        runs = f", {row['runs']} run{'s' * (row['runs'] > 1)}"
        cells = [row["kernel"], row["architecture"], row["setting"] + runs, _seconds(row), row["peer"] or ""]
        cells += [
            "" if row[name] is None else f"{row[name]:.3g}" for name in ("ratio_peer", "ratio_naive", "ratio_floor")
        ]
        cells.append("" if row["max_difference"] is None else f"{row['max_difference']:.0e}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def notes(rows: list[dict]) -> str:
    """What was sampled, and what else a row says about itself."""
    said = dict.fromkeys(f"{row['kernel']}, {row['architecture']}: {row['note']}" for row in rows if row["note"])
    return "\n".join(f"- {line}" for line in said)


def _seconds(row: dict) -> str:
    low, high = row["ours_range_s"]
    return f"{row['ours_s']:.3g} s ({low:.3g} to {high:.3g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", nargs="+", choices=BY_ARCHITECTURE + OTHERS, default=BY_ARCHITECTURE + OTHERS)
    parser.add_argument("--architecture", nargs="+", default=ARCHITECTURES)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "latest.json")
    parser.add_argument("--table", action="store_true", help="print the table of what was measured, and time nothing")
    chosen = parser.parse_args()
    rows = json.loads(chosen.output.read_text(encoding="utf-8")) if chosen.output.exists() else []
    if not chosen.table:
        rows = _measured(rows, chosen)
    print(f"\n{rows[0]['machine']}\n\n{markdown(rows)}\n\n{notes(rows)}")


def _measured(rows: list[dict], chosen: argparse.Namespace) -> list[dict]:
    said = {"date": date.today().isoformat(), "machine": machine()}
    for kernel in chosen.kernel:
        module = importlib.import_module(kernel)
        for name in chosen.architecture if kernel in BY_ARCHITECTURE else (None,):
            result = [item.as_dict() | said for item in (module.rows(name) if name else module.rows())]
            print(markdown(result), flush=True)
            own = SEVERAL.get(kernel, (kernel,))
            kept = [row for row in rows if row["kernel"] not in own or name not in (None, row["architecture"])]
            order = [
                each for module_name in BY_ARCHITECTURE + OTHERS for each in SEVERAL.get(module_name, (module_name,))
            ]
            rows = sorted([*kept, *result], key=lambda row: order.index(row["kernel"]))
            chosen.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return rows


if __name__ == "__main__":
    main()
