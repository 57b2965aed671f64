"""Do random answers agree with networks that met the stimuli, and are random labels learnt from copies?

    python benchmarks/leakage.py --seeds 20

Pictures are noise, answers and ratings are drawn at random, so an honest rho is around 0. Of each setting: the mean
over seeds with its 95 % interval (Student's t), for rho with the answers and for rho on held-out pictures.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from PIL import Image
from scipy.stats import t

from o2b_helpers.core.running.run import run_step
from o2b_helpers.studies.registry import load_params

CORPUS, STIMULI, SIDE = 80, 16, 24
ANALYSIS = {
    "corpus": {"kind": "table", "folder": "corpus", "table": "corpus.csv", "valence_range": [-3, 3], "neutral": 0},
    "stimuli": {"kind": "table", "folder": "stimuli", "table": "stimuli.csv"},
    "human": {"kind": "targets", "targets": "targets.csv"},
    "models": [{"architecture": "toynet", "weights": "toyworld", "layer_models": False, "object2brain": False}],
    "heads": {"runs": 5, "learning_rates": [0.01, 0.1], "full": {"epochs": 80}},
    "significance": {"permutations": 99, "bootstrap": 99},
}
SETTINGS = {  # which pictures are also in the corpus under another name, and what happens to stimuli in it
    "no copies": ("", "leave_out"),
    "all stimuli also in the corpus, left out (default)": ("stimuli", "leave_out"),
    "all stimuli also in the corpus, kept": ("stimuli", "keep"),
    "every picture of the corpus twice": ("corpus", "leave_out"),
}


def write_pictures(folder: Path, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Write noise with a random value each: image, value."""
    folder.mkdir(parents=True)
    names = [f"{number:03d}.png" for number in range(count)]
    for name in names:
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(folder / name)
    return pd.DataFrame({"image": names, "value": rng.uniform(-3, 3, count)})


def write_study(folder: Path, seed: int, copied: str, also_in_corpus: str) -> Path:
    rng = np.random.default_rng(seed)
    tables = {"corpus": write_pictures(folder / "corpus", CORPUS, rng)}
    tables["stimuli"] = write_pictures(folder / "stimuli", STIMULI, rng)
    corpus = tables["corpus"]
    if copied:
        copies = tables[copied].assign(image="copy_" + tables[copied]["image"])
        for old, new in zip(tables[copied]["image"], copies["image"], strict=True):
            (folder / "corpus" / new).write_bytes((folder / copied / old).read_bytes())
        corpus = pd.concat([corpus, copies])
    corpus.rename(columns={"value": "valence"}).to_csv(folder / "corpus.csv", index=False)
    stimuli = tables["stimuli"].assign(condition=np.repeat(["one", "other"], STIMULI // 2))
    stimuli[["image", "condition"]].to_csv(folder / "stimuli.csv", index=False)
    targets = stimuli.rename(columns={"image": "stimulus"}).assign(valence_type="IV", source="random")
    targets.to_csv(folder / "targets.csv", index=False)
    stimuli_options = {**ANALYSIS["stimuli"], "also_in_corpus": also_in_corpus}
    profile = folder / "study.yaml"
    tree = {"analysis": {**ANALYSIS, "stimuli": stimuli_options}, "execution": {"device": "cpu", "threads": 1}}
    profile.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return profile


def rho(profile: Path) -> tuple[float, float]:
    """Return mean rho with the answers, and on held-out pictures."""
    params = load_params(profile)
    results = {}
    for step in ("inputs", "human_targets", "valence_models", "alignment_by_architecture"):
        results[step] = run_step(params, step)
    alignment = results["alignment_by_architecture"].table("alignment.csv")["rho"].mean()
    return float(alignment), results["valence_models"].facts["toynet (toyworld)"]["held_out_rho_with_ratings"]


def interval(values: np.ndarray) -> str:
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():+.2f} ({values.mean() - half:+.2f} to {values.mean() + half:+.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()
    rows = ["| setting | rho with the answers | rho on held-out pictures |", "|---|---|---|"]
    for name, setting in SETTINGS.items():
        with tempfile.TemporaryDirectory() as folder:
            seeds = range(arguments.seeds)
            both = np.array([rho(write_study(Path(folder) / str(seed), seed, *setting)) for seed in seeds])
        rows.append(f"| {name} | {interval(both[:, 0])} | {interval(both[:, 1])} |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
