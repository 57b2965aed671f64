"""Write a small, complete results folder with the contract's columns, for tests of what is drawn from it."""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from affect_fixture import write_affect
from emotion_fixture import without_emotions, write_emotions, write_pasted
from scipy.stats import spearmanr
from selectivity_fixture import without_selectivity, write_selectivity

from o2b_helpers.core.contract import Table
from o2b_helpers.core.files.sealed import write_sealed
from o2b_helpers.studies.alignment import tables as alignment
from o2b_helpers.studies.alignment.contrasts.pairs import target_pairs
from o2b_helpers.studies.common.tables import TARGET, TARGETS
from o2b_helpers.studies.object2brain import tables as object2brain
from o2b_helpers.studies.object2brain.semantic import tables as semantic
from o2b_helpers.studies.registry import studies

TOY_CLASSES = {
    "Person": "Human", "Man": "Human", "Woman": "Human", "Human face": "Body Parts", "Human arm": "Body Parts",
    "Car": "Transport", "Bus": "Transport", "Tree": "Nature", "Flower": "Nature", "Chair": "Furniture",
    "Couch": "Furniture", "House": "Places", "Ball": "Sports", "Balloon": "Toys",
}  # fmt: skip
SEED = 20
STUDIES = studies()
HOSTILE = "<script>alert(1)</script>"
TARGET_COLUMNS = [column.name for column in TARGET]


def write_results(folder: Path, case: str = "toy", *, hostile: bool = False) -> Path:
    """Write every file of the results contract into `folder`.

    `case` is "toy" (24 targets, 2 models, 4 layers, 5 runs) or "oasis" (2 targets, 1 model). With `hostile` a
    model, a target's source, a class and a category carry markup as their names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random, other = np.random.default_rng(SEED), np.random.default_rng(SEED + 1)
    if case == "toy":
        models = [("toynet", "toyworld"), ("toynet_untrained", "untrained")]
        layers, channels = ["features.1", "features.4", "features.7", "features.9"], [6, 8, 10, 12]
        valence_types, conditions, stimuli = ["IV", "PV", "SV"], ["congruent", "incongruent"], 48
        sources = ["true", "LLR", "MLR", "HLR"]
    else:
        models = [("squeezenet1_1", "imagenet")]
        layers, channels = ["features.4", "features.7", "features.10", "features.12"], [8, 10, 12, 14]
        valence_types, conditions, stimuli, sources = ["IV"], ["people", "scenery"], 48, ["rating"]
    classes = dict(TOY_CLASSES)
    if hostile:
        models[0] = (HOSTILE, '"onmouseover=alert(1)')
        sources[0], classes = "</script><b>true", {f"{HOSTILE} {c}": "<!-- " + k for c, k in classes.items()}
    runs = range(5)

    condition_of = {f"stimulus_{i:02d}": conditions[i % 2] for i in range(stimuli)}
    latent = {v: dict(zip(condition_of, random.normal(size=stimuli), strict=True)) for v in valence_types}
    targets = pd.DataFrame(
        [
            (s, f"{v}/{source}/{c}", v, source, c, latent[v][s] + random.normal() * 0.6)
            for v, source in product(valence_types, sources)
            for s, c in condition_of.items()
        ],
        columns=["stimulus", "target", "valence_type", "source", "condition", "value"],
    )
    info = targets.drop_duplicates("target").set_index("target")[["valence_type", "source", "condition"]]
    target_names = list(info.index)

    def predictions(skill: float) -> dict[str, float]:
        return {
            s: skill * np.mean([latent[v][s] for v in valence_types]) * (1 if c == conditions[0] else -0.4)
            + random.normal()
            for s, c in condition_of.items()
        }

    def align(predicted: dict[str, float]) -> list[tuple]:
        rows = []
        for target, group in targets.groupby("target", sort=False):
            rho, p = spearmanr([predicted[s] for s in group["stimulus"]], group["value"])
            rows.append((target, *info.loc[target], len(group), rho, p, p, min(1.0, 2 * p), min(1.0, 20 * p)))
        return rows

    heads, full, full_rows, layer_rows, layer_predictions = [], [], [], [], []
    score_files, weights, summed = {}, [], []
    for number, (model, weight) in enumerate(models):
        skill = [1.5, 0.3][number]
        for layer, run, rate in product([*layers, "full"], runs, (0.001, 0.01)):
            for epoch, split in product(range(3), ("train", "test")):
                mae = 0.42 - 0.05 * skill - 0.01 * epoch * (rate == 0.01) + random.normal() * 0.01
                row = (model, weight, layer, run, rate, epoch, split)
                heads.append((*row, mae, mae**2, 0.3 * skill, "full" if layer == "full" else "layer"))
                if layer == "full":
                    worse = mae + 0.01
                    heads.append((*row, worse, worse**2, 0.28 * skill, "full_under_layer_rules"))
        for run in runs:
            predicted = predictions(skill)
            full += [(model, weight, run, s, value) for s, value in predicted.items()]
            full_rows += [(model, weight, run, *row) for row in align(predicted)]
            whole = {s: value + 0.3 * other.normal() for s, value in predicted.items()}
            for depth, layer in enumerate(layers):
                predicted = predictions(skill * (depth + 1) / len(layers))
                layer_predictions += [(model, weight, layer, run, s, value) for s, value in predicted.items()]
                layer_rows += [(model, weight, run, *row, layer) for row in align(predicted)]
            layer_predictions += [(model, weight, "full", run, s, value) for s, value in whole.items()]
            layer_rows += [(model, weight, run, *row, "full") for row in align(whole)]
        scores, lesions, class_weights = _filters(random, model, layers, channels, list(classes), target_names, runs)
        score_files[model] = (scores, lesions)
        weights.append(class_weights.assign(category=class_weights["class"].map(classes)))
        summed.append(_category_weights(weights[-1]))

    align_columns = [*TARGET_COLUMNS, "n", "rho", "p", "p_perm", "q", "p_fwer"]
    model_columns = ["architecture", "weights"]
    full_rows = pd.DataFrame(full_rows, columns=[*model_columns, "run", *align_columns])
    layer_rows = pd.DataFrame(layer_rows, columns=[*model_columns, "run", *align_columns, "layer"])
    TARGETS.write(targets, folder)
    _write(alignment.PREDICTIONS, full, folder)
    _write(alignment.HEADS, heads, folder)
    _write(alignment.LAYER_PREDICTIONS, layer_predictions, folder)
    alignment.ALIGNMENT.write(full_rows, folder)
    alignment.LAYER_ALIGNMENT.write(layer_rows, folder)
    alignment.CEILINGS.write(_ceilings(info.reset_index(), known=case == "toy"), folder)
    alignment.ALIGNMENT_SUMMARY.write(_summary(full_rows, model_columns), folder)
    alignment.LAYER_ALIGNMENT_SUMMARY.write(_summary(layer_rows, [*model_columns, "layer"]), folder)
    alignment.CONTRASTS.write(_contrasts(full_rows, [] if sources[0] == "rating" else sources[:1]), folder)
    _write_controls(full_rows, list(condition_of), folder)
    _write_semantic_control(full_rows, list(condition_of), runs, folder)
    of_runs = pd.concat(weights)
    keys = ["architecture", "layer", "target", "class", "category"]
    mean = of_runs.groupby(keys, sort=False)["weight"].agg(weight="mean", sd="std").reset_index()
    compared = pd.concat([_tested(mean).assign(estimator=name) for name in ("sum", "centred")])
    compared = compared.assign(p_sham=np.nan, q_sham=np.nan)
    object2brain.OBJECT_WEIGHTS.write(_tested(of_runs), folder)
    object2brain.OBJECT_WEIGHTS_MEAN.write(_tested(mean), folder)
    object2brain.OBJECT_WEIGHTS_BY_ESTIMATOR.write(compared, folder)
    object2brain.CATEGORY_WEIGHTS.write(_tested(pd.concat(summed)), folder)
    categories = sorted(set(classes.values()))
    overlap = [
        (a, b, 1.0 if a == b else round(float(random.uniform()), 3))
        for a, b in product(categories, categories)
        if {a, b} != {"Sports", "Toys"}
    ]
    _write(object2brain.CATEGORY_OVERLAP, overlap, folder)
    _write(object2brain.DETECTIONS, _detections(random, classes), folder)
    shown = list(product([model for model, _ in models], classes.items()))
    patched = [(model, layers[-1], *of_class, 6, 1, 0.5, 0.1) for model, of_class in shown]
    _write(object2brain.PATCH_TEST, patched, folder)
    planted = [(model, target, *of_class, 0.5, 0.02) for (model, of_class), target in product(shown, target_names)]
    _write(object2brain.PLANTED_TRUTH, planted, folder)
    write_emotions(folder, models, classes, f"{HOSTILE} " if hostile else "")
    write_pasted(folder, models, classes, f"{HOSTILE} " if hostile else "")
    write_selectivity(folder, models, layers)
    write_affect(folder, HOSTILE if hostile else "object")
    for model, (scores, lesions) in score_files.items():
        scores.to_netcdf(folder / object2brain.FILTER_SCORES.file(model), engine="h5netcdf")
        lesions.to_netcdf(folder / object2brain.LESION_EFFECTS.file(model), engine="h5netcdf")
    provenance = {
        "profile": HOSTILE if hostile else case,
        "overrides": {},
        "analysis": {
            "human": _human(sources[0]),
            "heads": {"runs": 5, "full": {"epochs": 250}, "full_under_layer_rules": {"epochs": 75}},
            "detector": {"confidence": 0.25, "iou": 0.7},
            "sensitivity": {"score": "homogeneity", "cam_scale": "filter"},
            "object2brain": {"category_weight": "mean", "category_classes": "chosen"},
            "emotion_heads": {"folds": 5},
            "models": [{"architecture": HOSTILE if hostile else "toynet", "weights": "toyworld"}],
        },
        "options": {
            "analysis.heads.runs": _option("runs", "paper 2.2.2", "training runs, each with its own split", 5),
            "analysis.heads.full.epochs": _option("epochs", "paper 2.2.2", "at most this many epochs", 250),
            "analysis.detector.confidence": _option("", "paper 3.1", "detections below are dropped", 0.25),
            "analysis.sensitivity.score": _option("", "ours", "score of a box", "homogeneity"),
        },
        "versions": {"python": "3.11", "torch": "2.14.0"},
        "steps": {"objects": {"notebook": "05_objects", "key": "ab" * 16, "facts": {"images": 20, "boxes": 60}}},
    }
    write_sealed(folder / "provenance.json", provenance)
    return folder


def _human(people: str) -> dict:
    """Declare whose ratings a fixture's first source is, as the profile of such a run does."""
    known = {"true": {"kind": "measurements"}, "rating": {"kind": "corpus"}}
    return known.get(people, {"kind": "targets", "people": [people]})


def _tested(table: pd.DataFrame) -> pd.DataFrame:
    """Add p, q and an interval that are made up: every third row survives."""
    p = np.where(np.arange(len(table)) % 3, 0.2, 0.001)
    return table.assign(p=p, q=2 * p, ci_low=table["weight"] - 0.1, ci_high=table["weight"] + 0.2)


def _ceilings(described: pd.DataFrame, known: bool) -> pd.DataFrame:
    """Give every target a ceiling but the last one, or none."""
    value = np.where(np.arange(len(described)) < (len(described) - 1 if known else 0), 1.0, np.nan)
    return described[TARGET_COLUMNS].assign(
        n=24, reliability=0.9 * value, ceiling=0.8 * value, ceiling_low=0.7 * value, ceiling_high=0.85 * value,
        splits=1000, method=np.where(np.isnan(value), "unknown: not at hand", "random halves of 50 annotators"),
    )  # fmt: skip


def _summary(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Average a table's rho over runs; the interval is made up, and not symmetric."""
    summary = table.groupby([*by, *TARGET_COLUMNS, "n"], sort=False)["rho"]
    summary = summary.agg(runs="count", rho="mean", sd="std").reset_index()
    return summary.assign(ci_low=summary["rho"] - 0.2, ci_high=summary["rho"] + 0.1)


def _contrasts(table: pd.DataFrame, people: list[str]) -> pd.DataFrame:
    """Compare all pairs of targets and models; p is made up: every fifth is beyond chance, every eighth is missing."""
    mean = table.groupby(["architecture", "weights", *TARGET_COLUMNS], sort=False)["rho"].mean().reset_index()
    names = list(mean[["architecture", "weights"]].drop_duplicates().itertuples(index=False, name=None))
    described, rows = mean[TARGET_COLUMNS].drop_duplicates().reset_index(drop=True), []
    rho = mean.set_index(["architecture", "weights", "target"])["rho"]
    for name, (kind, pairs) in product(names, target_pairs(described, people).items()):
        for a, b in pairs:
            both = described["target"][a], described["target"][b]
            rows.append((kind, *name, *name, *both, rho[(*name, both[0])], rho[(*name, both[1])]))
    for (first, second), target in product(combinations(names, 2), described["target"]):
        rows.append(("models", *first, *second, target, target, rho[(*first, target)], rho[(*second, target)]))
    pair = ["architecture", "weights", "second_architecture", "second_weights", "first_target", "second_target"]
    made = pd.DataFrame(rows, columns=["contrast", *pair, "rho_a", "rho_b"])
    number = np.arange(len(made))
    p = np.where(number % 8 == 7, np.nan, np.where(number % 5, 0.4, 0.001))
    difference = made["rho_a"] - made["rho_b"]
    return made.assign(
        n=24, second_n=24, runs=5, difference=difference, p=p, q=2 * p, ci_low=difference - 0.2,
        ci_high=difference + 0.1,
    )  # fmt: skip


def _write_controls(table: pd.DataFrame, stimuli: list[str], folder: Path) -> None:
    """Write controls that are made up: three untrained networks around 0, and low-level features at 0.1."""
    described = table[TARGET_COLUMNS].drop_duplicates()
    kinds = [("untrained", seed) for seed in (1, 2, 3)] + [("low_level", 0)]
    names = ["control", "architecture", "seed"]
    rows = [(kind, "toynet", seed, stimulus, 0.5) for kind, seed in kinds for stimulus in stimuli]
    _write(alignment.CONTROL_PREDICTIONS, rows, folder)
    made = [
        described.assign(
            n=24, rho=0.1 * (seed - 2) if seed else 0.1, **dict(zip(names, (kind, "toynet", seed), strict=True))
        )
        for kind, seed in kinds
    ]
    alignment.CONTROL_ALIGNMENT.write(pd.concat(made), folder)
    mean = _summary(table, ["architecture", "weights"])
    seeds = np.where(mean["weights"] != "untrained", 3, 0)
    known = pd.Series(np.where(seeds > 0, 1.0, np.nan))
    p = np.where(np.arange(len(mean)) % 4, 0.3, 0.01)
    alignment.ALIGNMENT_CONTROLS.write(
        mean.assign(
            untrained_seeds=seeds, untrained_mean=0 * known, untrained_low=-0.1 * known, untrained_high=0.1 * known,
            p_untrained=0.25 * known, low_level_rho=0.1, partial_rho=0.9 * mean["rho"], p_partial=p, q_partial=2 * p,
        ),
        folder,
    )  # fmt: skip


def _write_semantic_control(table: pd.DataFrame, stimuli: list[str], runs, folder: Path) -> None:
    """Write a semantic control that is made up: rho 0.3 with every target, a third of it shared with the models."""
    _write(semantic.SEMANTIC_PREDICTIONS, [(stimulus, 2, 0.5) for stimulus in stimuli], folder)
    _write(semantic.SEMANTIC_HELD_OUT, [(run, 80, 20, 0.2, 0.45) for run in runs], folder)
    mean = _summary(table, ["architecture", "weights"])
    p = np.where(np.arange(len(mean)) % 4, 0.3, 0.01)
    left = {f"{name}{end}": values for end in ("", "_both") for name, values in (
        ("partial_rho", mean["rho"] * 2 / 3), ("p_partial", p), ("q_partial", 2 * p),
        ("ci_low", mean["rho"] * 2 / 3 - 0.2), ("ci_high", mean["rho"] * 2 / 3 + 0.1),
    )}  # fmt: skip
    own = {"semantic_rho": 0.3, "semantic_ci_low": 0.1, "semantic_ci_high": 0.6, "semantic_p": p, "semantic_q": 2 * p}
    semantic.SEMANTIC_CONTROL.write(mean.assign(**own, **left), folder)


def _filters(random, model, layers, channels, classes, targets, runs):
    layer = np.repeat(layers, channels)
    channel = np.concatenate([np.arange(n) for n in channels])
    count = random.integers(5, 400, len(classes))
    score = random.uniform(0, 1, (len(runs), len(layer), len(classes))) * count
    delta = random.normal(0, 0.03, (len(runs), len(layer), len(targets)))
    axes = {"run": list(runs), "layer": ("filter", layer), "channel": ("filter", channel)}
    scores = xr.Dataset(
        {"score_sum": (("run", "filter", "class"), score), "box_count": ("class", count)},
        coords={**axes, "class": classes},
    )
    lesions = xr.Dataset(
        {
            "delta": (("run", "filter", "target"), delta),
            "rho": (("run", "target"), random.uniform(-1, 1, (len(runs), len(targets)))),
            "left_out": (("run", "filter"), np.zeros((len(runs), len(layer)), dtype=np.int64)),
        },
        coords={**axes, "target": targets},
    )
    rows = []
    for name in layers:
        inside = layer == name
        weight = np.einsum("rkc,rkt->rct", score[:, inside] / count, delta[:, inside])
        rows += [
            (model, name, run, target, kind, weight[r, c, t])
            for (r, run), (t, target), (c, kind) in product(*map(enumerate, (runs, targets, classes)))
        ]
    return scores, lesions, pd.DataFrame(rows, columns=["architecture", "layer", "run", "target", "class", "weight"])


def _category_weights(weights: pd.DataFrame, chosen: int = 3) -> pd.DataFrame:
    keys = ["architecture", "layer", "target"]
    mean = weights.groupby([*keys, "class", "category"], sort=False, as_index=False)["weight"].mean()
    rows = []
    for key, group in mean.groupby(keys, sort=False):
        ordered = group.sort_values("weight", ascending=False)
        for sign, part in (("positive", ordered.head(chosen)), ("negative", ordered.tail(chosen))):
            for category, members in part.groupby("category"):
                rows.append((*key, category, sign, members["weight"].mean(), len(members)))
    return pd.DataFrame(rows, columns=[*keys, "category", "sign", "weight", "n_classes"])


def _detections(random: np.random.Generator, classes: dict[str, str]) -> list[tuple]:
    names, rows = list(classes), []
    for number in range(60):
        name = names[int(random.integers(len(names)))]
        x0, y0 = random.uniform(0, 60, 2)
        rows.append((f"image_{number % 20}.png", name, classes[name], 0.5, x0, y0, x0 + 30, y0 + 30, 128, 128))
    return rows


def _option(unit: str, source: str, meaning: str, default) -> dict:
    return {"unit": unit, "source": source, "meaning": meaning, "default": default}


def _write(table: Table, rows: list[tuple], folder: Path) -> None:
    """Write rows whose values stand in the order of the declared columns."""
    columns = [column.name for column in table.columns if not column.optional]
    table.write(pd.DataFrame(rows, columns=columns), folder)


def without_object_models(folder: Path) -> Path:
    """Make of a results folder what a profile with ``object2brain: false`` for every model writes."""
    for path in folder.glob("*.nc"):
        path.unlink()
    for table in (
        object2brain.OBJECT_WEIGHTS,
        object2brain.OBJECT_WEIGHTS_MEAN,
        object2brain.OBJECT_WEIGHTS_BY_ESTIMATOR,
        object2brain.CATEGORY_WEIGHTS,
    ):
        table.write(table.empty(), folder)
    without_emotions(folder)
    without_selectivity(folder)
    return folder
