"""Measure the memory of whole steps, each in a process of its own, against the estimate made before it starts.

    python benchmarks/memory.py

Pictures are photographs (or toy pictures) under new names, mirrored and cut so that all differ; detections are drawn,
networks are untrained. Prints a table and writes it to benchmarks/memory.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import yaml
from PIL import Image, ImageOps

BATCH, RUNS, BOXES, CLASSES, STIMULI = 32, 5, 6, 100, 48


@dataclass(frozen=True)
class Setting:
    """One process: a step, an architecture (its cuts, or some of them) and a number of corpus images."""

    step: str
    architecture: str
    images: int
    layers: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        cuts = "" if self.layers is None else f" {', '.join(self.layers)}"
        return f"{self.step} {self.architecture}{cuts}, {self.images} images, batch {BATCH}, {RUNS} runs"


SCORING = (Setting("filter_sensitivity", "alexnet", 300), Setting("filter_sensitivity", "alexnet", 3000))
SETTINGS = (
    *SCORING,
    Setting("valence_models", "alexnet", 400, ("features.1",)),
    Setting("filter_lesions", "vgg16", 100, ("features.29",)),
)


def draw_pictures(folder: Path, count: int) -> pd.DataFrame:
    """Write different pictures: image, path, width, height, sha256, pixels."""
    from common import picture_files

    folder.mkdir(parents=True)
    sources = picture_files(303, folder.parent / "drawn")
    rows = []
    for number in range(count):
        picture = Image.open(sources[number % len(sources)]).convert("RGB")
        turn = number // len(sources)
        picture = ImageOps.crop(ImageOps.mirror(picture) if turn % 2 else picture, turn // 2)
        path = folder / f"{number:05d}.jpg"
        picture.save(path, quality=90)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        rows.append((path.name, str(path), *picture.size, digest, digest))
    return pd.DataFrame(rows, columns=["image", "path", "width", "height", "sha256", "pixels"])


def write_study(folder: Path, setting: Setting, pictures: pd.DataFrame) -> None:
    """Write the profile and what the earlier steps would have stored: tables, detections, heads, targets."""
    from safetensors.numpy import save_file

    from o2b_helpers.core.facts import write_facts
    from o2b_helpers.core.files.names import file_of
    from o2b_helpers.models.backbones.meta import meta_backbone

    rng = np.random.default_rng(0)
    corpus = pictures[: setting.images].drop(columns="path").assign(valence=rng.uniform(1, 7, setting.images))
    corpus["label"], corpus["scaled"] = (corpus["valence"] > 4).astype(float), (corpus["valence"] - 1) / 6
    stimuli = pictures[-STIMULI:].drop(columns="path").assign(condition="one")
    stimuli.insert(0, "stimulus", stimuli["image"])
    model = {"architecture": setting.architecture, "weights": "untrained"}
    profile = {
        "analysis": {
            "corpus": {
                "kind": "table",
                "folder": str(pictures["path"].iloc[0].rpartition("/")[0]),
                "table": "corpus.csv",
            },
            "stimuli": {
                "kind": "table",
                "folder": str(pictures["path"].iloc[0].rpartition("/")[0]),
                "table": "stimuli.csv",
            },
            "models": [model | ({"layers": list(setting.layers)} if setting.layers else {})],
            "heads": {
                "runs": RUNS,
                "full": {"epochs": 3},
                "full_under_layer_rules": {"epochs": 3},
                "layer": {"epochs": 3},
            },
        },
        "execution": {"device": "cpu", "batch_size": BATCH},
    }
    (folder / "profile.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    corpus.to_csv(folder / "corpus.csv", index=False)
    stimuli[["stimulus", "image", "condition"]].to_csv(folder / "stimuli.csv", index=False)
    for step in ("inputs", "objects/results", "valence_models", "human_targets/results", "out"):
        (folder / step).mkdir(parents=True)
    for step in ("inputs", "valence_models"):
        write_facts(folder / step, {})
    corpus.to_parquet(folder / "inputs" / "corpus.parquet")
    stimuli.to_parquet(folder / "inputs" / "stimuli.parquet")
    boxes = corpus.loc[corpus.index.repeat(BOXES), ["image", "width", "height"]].reset_index(drop=True)
    boxes["class"] = [f"class {number:03d}" for number in rng.integers(0, CLASSES, len(boxes))]
    for near, far, side in (("x0", "x1", "width"), ("y0", "y1", "height")):
        boxes[near] = rng.uniform(0, 0.5, len(boxes)) * boxes[side]
        boxes[far] = boxes[near] + rng.uniform(0.1, 0.5, len(boxes)) * boxes[side]
    boxes.to_parquet(folder / "objects" / "results" / "detections.parquet")
    features = meta_backbone(setting.architecture).n_features
    heads = {"weight": rng.normal(size=(RUNS, features)).astype(np.float32), "bias": np.zeros(RUNS, np.float32)}
    name = file_of("full_under_layer_rules", (setting.architecture, "untrained"), ".safetensors")
    save_file(heads, folder / "valence_models" / name)
    targets = pd.DataFrame({"stimulus": stimuli["stimulus"], "target": "IV/people/one", "valence_type": "IV"})
    targets = targets.assign(source="people", condition="one", value=rng.normal(size=len(stimuli)))
    targets.to_csv(folder / "human_targets" / "results" / "targets.csv", index=False)


def measure_here(setting: Setting, folder: Path) -> None:
    """Run the step in this process; print the estimate made before it and the peak of the resident set, bytes."""
    from o2b_helpers.core.resources import resident_bytes
    from o2b_helpers.core.store import Store
    from o2b_helpers.studies.registry import load_params

    params = load_params(folder / "profile.yaml")
    step = params.step(setting.step)
    assert step.cost is not None  # the settings name steps that state their cost
    folders = {need.name: folder / need.name for need in step.needs}
    held = resident_bytes()
    estimate = held + max(need.memory for need in step.cost(params, folders, Store(params.store)))
    step.compute(params, folders, folder / "out")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print("\n" + json.dumps({"held": held, "estimate": estimate, "peak": peak}))


def measure(setting: Setting, pictures: pd.DataFrame) -> dict:
    with TemporaryDirectory() as folder:
        write_study(Path(folder), setting, pictures)
        own = [sys.executable, __file__, "--here", json.dumps(asdict(setting)), "--folder", folder]
        done = subprocess.run(own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    actual = json.loads(done.stdout.splitlines()[-1])
    return {"setting": setting.name, **actual, "ratio": actual["estimate"] / actual["peak"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "memory.json")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.here:
        options = json.loads(chosen.here)
        layers = options.pop("layers")
        measure_here(Setting(**options, layers=layers and tuple(layers)), chosen.folder)
        return
    from run import machine

    rows = []
    with TemporaryDirectory() as folder:
        pictures = draw_pictures(Path(folder) / "pictures", max(setting.images for setting in SETTINGS) + STIMULI)
        print("| setting | held before | estimated peak | measured peak | estimated / measured |\n|" + "---|" * 5)
        for setting in SETTINGS:
            rows.append(measure(setting, pictures))
            sizes = " | ".join(f"{rows[-1][name] / 2**20:.0f} MiB" for name in ("held", "estimate", "peak"))
            print(f"| {setting.name} | {sizes} | {rows[-1]['ratio']:.2f} |", flush=True)
    few, many = (row["peak"] for row in rows[:2])
    print(f"\npeak of scoring {SCORING[1].images} images over {SCORING[0].images}: {many / few:.3f}\n{machine()}")
    result = {"date": date.today().isoformat(), "machine": machine(), "rows": rows, "growth": many / few}
    chosen.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
