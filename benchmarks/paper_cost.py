"""Work out what the paper's full setting costs, step by step, from rates measured on this machine.

python benchmarks/paper_cost.py      # after make bench; writes benchmarks/paper_cost.md

Rates of the kernels come from latest.json; forward passes are timed here. The column for a GPU is no measurement: it
divides the same operations by an assumed rate.
"""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import torch
from common import network, pictures, timed
from run import machine
from torch.utils.flop_counter import FlopCounterMode

from o2b_helpers.models.backbones.meta import meta_backbone
from o2b_helpers.models.backbones.registry import architecture

HERE = Path(__file__).parent
GPU = 10e12  # operations a second, assumed: what a present-day GPU sustains in single precision on such networks
CORPUS, LABELLED, STIMULI, RUNS, RATES = 25_869, 22_466, 48, 5, 3
MODELS: tuple[str, ...] = (
    "alexnet",
    "vgg16",
    "resnet18",
    "vgg19",
    "resnet34",
    "resnet50",
    "resnet101",
    "densenet121",
    "densenet161",
)
MODELS += ("googlenet", "alexnet", "densenet161", "resnet18", "resnet50")  # the last four with Places365 weights
CUT = ("alexnet", "vgg16", "resnet18")
EPOCHS = 20  # of a layer model until it stops early; an assumption, at most 75
BOXES = 6  # in a picture, as in the benchmark
DETECTOR = 257.8e9  # operations for one picture, as published for YOLOv8x at 640 pixels


def operations(name: str, until: str | None = None) -> float:
    """Of one forward pass of one picture, to the end or to a layer."""
    backbone = meta_backbone(name)
    size = backbone.preprocessing.crop
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        backbone.run(torch.empty(1, 3, size, size, device="meta"), (), until=until)
    return counted.get_total_flops()


def forward_seconds(name: str, count: int = 16) -> float:
    """Seconds for one picture, in passes of 16."""
    backbone, images = network(name), pictures(name, count)
    with torch.no_grad():
        return timed({"forward": partial(backbone.features, images)})["forward"].median / count


def row_of(rows: list[dict], kernel: str, name: str | None = None, runs: int | None = None, setting: str = "") -> dict:
    """The row of latest.json for a kernel, architecture and number of runs; times that are not a number without one."""
    result = [
        row
        for row in rows
        if row["kernel"] == kernel
        and name in (None, row["architecture"])
        and runs in (None, row["runs"])
        and setting in row["setting"].split(";")[0]
    ]
    unknown = {"ours_s": math.nan, "needed_tflop": 0.0, "setting": "48 stimuli, all filters of all cuts"}
    return result[0] if result else unknown


def steps(rows: list[dict]) -> list[tuple[str, str, float, float]]:
    """Step, what is counted, seconds here, operations (0 where a GPU does not help, NaN if not counted)."""
    result = []
    decode = row_of(rows, "images", setting="first use")["ours_s"] / 303
    result.append(("02, 06", f"decode and resize {CORPUS:,} pictures, once for all", decode * CORPUS, 0.0))
    forward = {name: forward_seconds(name) for name in dict.fromkeys(MODELS)}
    amount = {name: operations(name) for name in forward}
    shown = LABELLED + STIMULI
    result.append(
        (
            "02",
            f"features of {len(MODELS)} networks for {shown:,} pictures",
            shown * sum(forward[name] for name in MODELS),
            shown * sum(amount[name] for name in MODELS),
        )
    )
    full = row_of(rows, "heads", "alexnet", setting="full")
    per_value = full["ours_s"] / (2000 * 4096)
    values = LABELLED * sum(meta_backbone(name).n_features for name in MODELS)
    result.append(("02", f"{len(MODELS)} x {RATES} x {RUNS} full heads", per_value * values, 0.0))
    values = LABELLED * sum(meta_backbone(name).n_features for name in CUT)
    second = f"{len(CUT)} x {RATES} x {RUNS} full heads under the rules of the layer models, on the same features"
    result.append(("02", second, per_value * values, 0.0))
    layer = row_of(rows, "heads", "alexnet", setting="layer")
    per_value = layer["ours_s"] / (2000 * 43264)
    for name in CUT:
        backbone, layers = meta_backbone(name), architecture(name).target_layers
        total = sum(math.prod(backbone.shape(at)) for at in layers)
        prefix = sum(operations(name, at) for at in layers)
        what = f"{len(layers)} x {RATES} x {RUNS} layer heads of {name} ({total:,} features)"
        result.append(
            (
                "02",
                f"{what}, streamed, {EPOCHS} epochs",
                LABELLED * (EPOCHS + 2) * prefix / amount[name] * forward[name] + per_value * LABELLED * total,
                LABELLED * (EPOCHS + 2) * prefix,
            )
        )
    rate = amount["resnet50"] / forward["resnet50"]
    result.append(
        (
            "05",
            f"YOLOv8x on {CORPUS:,} pictures (from its published operations)",
            CORPUS * DETECTOR / rate,
            CORPUS * DETECTOR,
        )
    )
    for name in CUT:
        scores = row_of(rows, "filter_scores", name, RUNS)
        behind = amount[name] - operations(name, architecture(name).target_layers[0])
        result.append(
            (
                "06",
                f"filter scores of {name}, {RUNS} runs, {CORPUS:,} pictures x {BOXES} boxes",
                scores["ours_s"] / 64 * CORPUS,
                CORPUS * (amount[name] + RUNS * behind),
            )
        )
    for name in CUT:
        lesions = row_of(rows, "lesions", name)
        result.append(
            (
                "07",
                f"lesions of {name}, {lesions['setting'].split(', ')[1]}",
                lesions["ours_s"],
                lesions["needed_tflop"] * 1e12,
            )
        )
    for name in CUT:
        for what, setting in (("mediation", "hidden"), ("sham boxes", "sham boxes")):
            row = row_of(rows, "mediation", name, setting=setting)
            result.append(("08", f"{what} of {name} ({row['setting'].split(';')[0]})", row["ours_s"], math.nan))
    ranks = row_of(rows, "rank_correlation")
    result.append(("07, 08", f"rank correlations ({ranks['setting']})", ranks["ours_s"], 0.0))
    return result


def in_words(seconds: float) -> str:
    if math.isnan(seconds):
        return "not measured"
    for size, name in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.1f} s"


def page(rows: list[dict]) -> str:
    result = steps(rows)
    lines = [
        "# What the paper's full setting costs",
        "",
        f"Worked out by `python benchmarks/paper_cost.py` from the rates in `latest.json` ({rows[0]['date']}) and "
        f"forward passes timed in the same way, on: {machine()}.",
        "",
        "The GPU column was **not measured**: it divides the same operations by an assumed "
        f"{GPU / 1e12:.0f} TFLOP/s; what does not run on a GPU costs the same there. "
        "Operations of mediation and sham boxes were not counted.",
        "",
        "| notebook | what | 2 cores | one GPU (assumed rate) |",
        "|---|---|---|---|",
    ]
    total = on_gpu = 0.0
    for step, what, seconds, amount in result:
        there = amount / GPU if amount else seconds
        total, on_gpu = total + np.nan_to_num(seconds), on_gpu + np.nan_to_num(there)
        lines.append(f"| {step} | {what} | {in_words(seconds)} | {in_words(there)} |")
    lines += [f"| | **together, what was measured** | **{in_words(total)}** | **{in_words(on_gpu)}** |", ""]
    lines += [
        f"Assumed: a layer model stops after {EPOCHS} of at most 75 epochs, and its features are streamed (one pass of "
        f"the network's first part per epoch, shared by all {RATES * RUNS} heads); {BOXES} boxes in a picture; the "
        "detector runs at the rate of ResNet50. Untrained networks cost what trained ones cost, but for empty maps.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    rows_ = json.loads((HERE / "latest.json").read_text(encoding="utf-8"))
    (HERE / "paper_cost.md").write_text(page(rows_), encoding="utf-8")
    print(page(rows_))
