"""Made-up results of the study `selectivity`: responses are drawn, and the tables are worked out from them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from o2b_helpers.studies.common.options import Significance
from o2b_helpers.studies.common.tables import TARGETS
from o2b_helpers.studies.selectivity import tables
from o2b_helpers.studies.selectivity.examples import example_rows
from o2b_helpers.studies.selectivity.found import Found
from o2b_helpers.studies.selectivity.gain_alignment.rows import Changed, Targets, alignment_rows
from o2b_helpers.studies.selectivity.gain_alignment.tables import GAIN_ALIGNMENT
from o2b_helpers.studies.selectivity.gains import tables as gains
from o2b_helpers.studies.selectivity.gains.effects import curve_rows, effect_rows, specificity_rows
from o2b_helpers.studies.selectivity.gains.filter_sets import KINDS, SELECTIVE
from o2b_helpers.studies.selectivity.image_sets import ImageSets
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import Layers
from o2b_helpers.studies.selectivity.rows import filter_rows, layer_rows, overlap_rows, share_rows

PICTURES, SEEDS = 60, (1, 2)
FEW = Significance(permutations=99, bootstrap=99)


def write_selectivity(folder: Path, models: Sequence[tuple[str, str]], layers: Sequence[str]) -> None:
    """Write every table of the study; the filters of the first model answer to emotions, and one is constant."""
    rng, of_layers = np.random.default_rng(5), Layers({name: 6 + 2 * place for place, name in enumerate(layers)})
    sets = _sets(rng)
    rows: dict = {table: [] for table in TABLES}
    for number, (name, weights) in enumerate(models):
        found, *drawn = (_found(rng, sets, of_layers, 1.5 * (1 - number)), *(_found(rng, sets, of_layers, 0.2)
                                                                          for _ in SEEDS))  # fmt: skip
        twins = dict(zip(SEEDS, drawn, strict=True))
        exchanged = found.exchanged(0, FEW.permutations, 0), found.exchanged(1, FEW.permutations, 0)
        made = {
            tables.FILTER_SELECTIVITY: filter_rows(found, of_layers),
            tables.LAYER_SELECTIVITY: layer_rows(found, of_layers, twins, exchanged, FEW),
            tables.SELECTIVE_OVERLAP: overlap_rows(found, of_layers, twins, exchanged, FEW),
            tables.SELECTIVE_SHARES: share_rows(found, of_layers),
            tables.EXAMPLE_FILTERS: example_rows(found, of_layers, sets, 20),
            tables.FILTER_CATEGORIES: _anova(rng, of_layers),
            **_gains(rng, of_layers, 0.1 * (1 - number)),
            GAIN_ALIGNMENT: _agreement(rng, layers, TARGETS.read(folder), 0.5 * (1 - number)),
        }
        for table, frame in made.items():
            rows[table].append(frame.assign(architecture=name, weights=weights))
    for name, own in zip(tables.SETS, sets.both, strict=True):
        rows[tables.IMAGE_SETS].append(own.assign(image_set=name, valence=own["scaled_valence"]))
        part = np.resize([tables.TRAIN, tables.TEST, tables.TRAIN, tables.VALIDATION], len(own))
        rows[tables.IMAGE_SPLITS].append(
            pd.DataFrame({"image_set": name, "split": 0, "image": own["image"], "part": part})
        )
    simple = [(*key, split, 45, 15, 1.0, 0.6 + 0.1 * split, 0.55, 0.5, 0.5)
              for key, split in product(product(tables.SETS, EMOTIONS), range(3))]  # fmt: skip
    rows[tables.LOW_LEVEL_EMOTIONS].append(pd.DataFrame(simple, columns=tables.LOW_LEVEL_EMOTIONS.names))
    for table, frames in rows.items():
        table.write(pd.concat(frames), folder)


TABLES = (
    tables.IMAGE_SETS, tables.IMAGE_SPLITS, tables.FILTER_SELECTIVITY, tables.LAYER_SELECTIVITY,
    tables.SELECTIVE_OVERLAP, tables.SELECTIVE_SHARES, tables.EXAMPLE_FILTERS, tables.LOW_LEVEL_EMOTIONS,
    tables.FILTER_CATEGORIES, gains.EMOTION_READOUTS, gains.GAIN_EFFECTS, gains.GAIN_CURVES, gains.LESION_SPECIFICITY,
    GAIN_ALIGNMENT,
)  # fmt: skip


def without_selectivity(folder: Path) -> None:
    """Make of the files what a profile without any model for this study writes."""
    for table in TABLES:
        if any(column.name == "architecture" for column in table.columns):
            table.write(table.empty(), folder)


def _sets(rng: np.random.Generator) -> ImageSets:
    frames = []
    for start in (0, PICTURES):
        number = np.arange(PICTURES) % 3
        valence = np.array([2.5, 5.0, 7.5])[number] + rng.uniform(-1, 1, PICTURES)
        names = [f"image_{start + place}.png" for place in range(PICTURES)]
        frames.append(pd.DataFrame({"image": names, "number": number, "scaled_valence": valence,
                                    "emotion": np.array(EMOTIONS)[number]}))  # fmt: skip
    return ImageSets(frames[0], frames[1], pd.concat(frames), halves=False)


def _found(rng: np.random.Generator, sets: ImageSets, layers: Layers, strength: float) -> Found:
    filters = len(layers.channel)
    prefers, seen = rng.uniform(0, strength, (3, filters)) * np.eye(3)[:, np.arange(filters) % 3], []
    for table in sets.both:
        responses = rng.uniform(size=(len(table), filters)) + prefers[table["number"]]
        responses[:, 1] = 0
        seen.append(responses)
    numbers = tuple(table["number"].to_numpy() for table in sets.both)
    return Found((seen[0], seen[1]), (numbers[0], numbers[1]), layers.filters, 0.2, False)


def _anova(rng: np.random.Generator, layers: Layers) -> pd.DataFrame:
    frame = pd.DataFrame({"image_set": tables.FIRST, "layer": layers.layer, "channel": layers.channel})
    frame = frame.assign(pictures=PICTURES, categories=3)
    for term in ("emotion", "category", "interaction"):
        p = rng.uniform(size=len(frame))
        own = {f"f_{term}": 1 / p, f"p_{term}": p, f"q_{term}": p, f"eta_{term}": 1 - p}
        frame = frame.assign(**own)
    return frame


def _gains(rng: np.random.Generator, layers: Layers, strength: float) -> dict:
    """Recognition is drawn; selective sets lose and gain by `strength`."""
    frames = []
    for layer, emotion, tested, kind, selection in product(layers.names, EMOTIONS, EMOTIONS, KINDS, gains.SELECTIONS):
        if kind != SELECTIVE and tested != emotion:
            continue
        keys = list(
            product(range(3), range(1 if kind == SELECTIVE else 20), (-1.0, 0.0, 1.0), (tables.VALIDATION, tables.TEST))
        )
        frame = pd.DataFrame(keys, columns=["split", "draw", "alpha", "part"])
        moved = strength * frame["alpha"] * (kind == SELECTIVE and tested == emotion)
        noise = np.where(frame["alpha"] == 0, 0.0, rng.normal(0, 0.02, len(frame)))
        values = {name: 0.6 + moved + noise for name in gains.MEASURES}
        frames.append(frame.assign(layer=layer, emotion=emotion, tested=tested, kind=kind, selection=selection,
                                   filters=3, **values))  # fmt: skip
    judged, made = pd.concat(frames, ignore_index=True), {}
    for table, rows in ((gains.GAIN_EFFECTS, effect_rows(judged, 0.95)), (gains.GAIN_CURVES, curve_rows(judged)),
                        (gains.LESION_SPECIFICITY, specificity_rows(judged))):  # fmt: skip
        made[table] = pd.concat([rows.assign(image_set=name) for name in tables.SETS])
    readouts = pd.DataFrame(product(tables.SETS, EMOTIONS, range(3), tables.PARTS),
                            columns=["image_set", "emotion", "split", "part"])  # fmt: skip
    made[gains.EMOTION_READOUTS] = readouts.assign(pictures=15, positive=5, f1=0.6, balanced_accuracy=0.65, auroc=0.7,
                                                   f1_always=0.5)  # fmt: skip
    return made


def _agreement(rng: np.random.Generator, layers: Sequence[str], targets: pd.DataFrame, strength: float) -> pd.DataFrame:
    """Predictions are drawn; selective sets lose a part of `strength` to noise."""
    stimuli = targets["stimulus"].drop_duplicates()
    whole, draws = rng.normal(size=(2, len(stimuli))), (19, 2, 2, len(stimuli))

    def changed(layer: str, emotion: str) -> Changed:
        selective = whole[:, None] + strength * rng.normal(size=draws[1:])
        controls = {kind: whole[:, None] + 0.1 * rng.normal(size=draws) for kind in ("random", "matched")}
        return Changed(layer, emotion, 2, selective, controls)

    every = (changed(layer, emotion) for layer, emotion in product(layers, EMOTIONS))
    return alignment_rows(whole, every, [gains.LESION, 2.0], Targets(targets, stimuli, FEW))
