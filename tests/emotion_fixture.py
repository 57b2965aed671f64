"""Made-up results of the study `emocam`: what figures, answers and the report read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from o2b_helpers.kernels.paste.places import quincunx
from o2b_helpers.studies.emocam import tables as emocam
from o2b_helpers.studies.emocam.paste import tables as paste

PICTURES = 60


def write_emotions(
    folder: Path, models: Sequence[tuple[str, str]], classes: Mapping[str, str], prefix: str = ""
) -> None:
    """Write every file of the study; no picture is named the last emotion, and the first class is never important."""
    rng = np.random.default_rng(3)
    labels = [f"{prefix}{name}" for name in ("calm", "fear", "joy", "sadness")]
    scores, confusion, predictions, heads, boxes, rows = [], [], [], [], [], []
    for number, model in enumerate(models):
        truth, named = rng.integers(0, 4, PICTURES), rng.integers(0, 3, PICTURES)
        score = 0.6 - 0.2 * number
        scores.append((*model, PICTURES, 4, score, score - 0.1, score + 0.1, 0.3, score, score - 0.1, score + 0.1, 0.25,
                       0.01))  # fmt: skip
        for a, b in product(range(4), repeat=2):
            many, total = int(((truth == a) & (named == b)).sum()), int((truth == a).sum())
            share = many / total
            confusion.append((*model, labels[a], labels[b], many, share, share / 2, (1 + share) / 2))
        for picture in range(PICTURES):
            image, probability = f"image_{picture % 20}.png", 0.4
            predictions.append(
                (*model, image, labels[truth[picture]], picture % 5, labels[named[picture]], probability)
            )
            boxes.append(
                (*model, image, labels[named[picture]], picture, list(classes)[picture % len(classes)], 0.4, 1)
            )
        for run, epoch, split in product(range(5), range(2), ("train", "test")):
            heads.append((*model, run, 0.01, epoch, split, 1.2, score, score))
        for label, (place, (name, category)) in product(range(4), enumerate(classes.items())):
            pictures = int((named == label).sum())
            shown, count = (0, 0) if not pictures else (pictures // 2, 0 if place == 0 else place % (pictures // 2 + 1))
            rows.append(_association(model, labels[label], name, category, pictures, shown, count, label == place % 4))
        cams = xr.Dataset(
            {"cam": (("picture", "y", "x"), rng.uniform(size=(PICTURES, 4, 4)).astype(np.float32)),
             "predicted": (("picture",), named)},
            coords={"emotion": labels},
        )  # fmt: skip
        cams.to_netcdf(folder / emocam.EMOTION_CAMS.file(model[0]), engine="h5netcdf")
    planted = [(labels[a], name, category, float(a == place % 4))
               for a, (place, (name, category)) in product(range(4), enumerate(classes.items()))]  # fmt: skip
    for table, made in (
        (emocam.EMOTION_MODELS, scores),
        (emocam.EMOTION_CONFUSION, confusion),
        (emocam.EMOTION_PREDICTIONS, predictions),
        (emocam.EMOTION_HEADS, heads),
        (emocam.EMOTION_BOXES, boxes),
        (emocam.EMOTION_ASSOCIATIONS, rows),
        (emocam.PLANTED_EMOTIONS, planted),
        *_cam_methods(models, labels, classes, rng),
    ):
        table.write(pd.DataFrame(made, columns=table.names), folder)


def write_pasted(folder: Path, models: Sequence[tuple[str, str]], classes: Mapping[str, str], prefix: str = "") -> None:
    """Write the files of the step `paste`; the last object changes nothing, and the second class has no box."""
    labels = [f"{prefix}{name}" for name in ("calm", "fear", "joy", "sadness")]
    objects, kinds = (
        [f"{prefix}{name}" for name in ("rugby ball", "lotus")],
        ("object", "mean_colour", "phase_scrambled"),
    )
    rows = {table: [] for table in PASTED}
    for model, (number, name), kind in product(models, enumerate(objects), kinds):
        identity, none, is_object = (*model, name, kind), number == 1, kind == "object"
        cam = (0.1, 0.2) if is_object else (float("nan"),) * 2
        for position, (x, y) in enumerate(quincunx(), start=1):
            changed = 0 if none else position % 5
            often = ("", 0) if not changed else (labels[position % 3], changed)
            rows[paste.PASTE_POSITIONS].append((*identity, position, x, y, 20, changed, changed / 20, 0.0, 0.4, *often,
                                                1.0, *cam))  # fmt: skip
            rows[paste.PASTE_LABELS].append((*model, "image_1.png", name, kind, "position", position, "", x, y, 1.0,
                                             labels[0], labels[0 if none else position % 2], *cam))  # fmt: skip
        share = 0.0 if none else 0.1
        move = (0.1, 0.05, 0.15) if is_object else (float("nan"),) * 3
        rows[paste.PASTE_OBJECTS].append((*identity, 20, 17, share, share / 2, share + 0.1, 4 * share, 2 * share, 0.7,
                                          "" if none else labels[1], 0.0 if none else 30.5, 16, 1.0 if none else 0.001,
                                          1.0 if none else 0.003, *cam, *move))  # fmt: skip
        rows[paste.PASTE_SWITCHES] += [(*identity, a, b, 0 if none else 3, float("nan") if none else 1 / 3)
                                       for a, b in product(labels, repeat=2) if a != b]  # fmt: skip
        for place, of_class in enumerate(list(classes)[:2]):
            known = (0.2, 0.1, 0.4) if not place else (float("nan"),) * 3
            p = 0.01 if not place else float("nan")
            rows[paste.PASTE_BOXES].append((*identity, of_class, 0 if place else 12, *known, *known, *known, 3, 0, p,
                                            2 * p, "" if place else labels[2]))  # fmt: skip
        if not is_object:
            rows[paste.PASTE_CONTROLS] += [(*model, name, kind, position, 20, 6, 0, 0.3, 0.1, 0.5, 0.03, 0.04)
                                           for position in range(18)]  # fmt: skip
    for table, made in rows.items():
        table.write(pd.DataFrame(made, columns=table.names), folder)


PASTED = (paste.PASTE_LABELS, paste.PASTE_POSITIONS, paste.PASTE_OBJECTS, paste.PASTE_CONTROLS, paste.PASTE_SWITCHES,
          paste.PASTE_BOXES)  # fmt: skip


def without_emotions(folder: Path) -> None:
    """Make of the files what a profile without any model for this study writes."""
    for table in (
        emocam.EMOTION_MODELS,
        emocam.EMOTION_CONFUSION,
        emocam.EMOTION_PREDICTIONS,
        emocam.EMOTION_HEADS,
        emocam.EMOTION_BOXES,
        emocam.EMOTION_ASSOCIATIONS,
        emocam.CAM_METHODS,
        emocam.CAM_METHOD_ASSOCIATIONS,
        emocam.CAM_METHOD_AGREEMENT,
        emocam.CAM_METHOD_PICTURES,
        *PASTED,
    ):
        table.write(table.empty(), folder)


def _cam_methods(models, labels, classes, rng) -> list[tuple]:
    """Rows of the comparison of CAM methods; where the first one has no lift, nothing can be correlated."""
    nothing, names = float("nan"), ("grad_cam", "lime", "gradcam:HiResCAM")
    methods, associations, agreement, pictures = [], [], [], []
    for model, (place, name) in product(models, enumerate(names)):
        areas = (0.2 + 0.1 * place, 0.15, 0.5, 0.6 - 0.1 * place, 0.4, 0.8)
        methods.append((*model, name, PICTURES, place, 20, *areas, 0.7, 0.8, 0.9 - 0.1 * place))
        for label, (kind, category) in product(labels, classes.items()):
            associations.append((*model, name, label, kind, category, 12, 6, 3, 25.0, 50.0, 0.5, 0.4, 0.1))
        for picture in range(20):
            pictures.append((*model, name, f"image_{picture}.png", labels[picture % 3], 0.3, rng.uniform()))
    for model, statistic, (a, b) in product(models, ("count", "conditional", "lift"), combinations(names, 2)):
        undefined = statistic == "lift" and a == "grad_cam" and model == models[-1]
        values = (nothing,) * 4 if undefined else (0.8, 0.3, 0.005, 0.02 if statistic == "count" else 0.4)
        agreement.append((*model, statistic, a, b, 0 if undefined else 20, *values))
    return [
        (emocam.CAM_METHODS, methods),
        (emocam.CAM_METHOD_ASSOCIATIONS, associations),
        (emocam.CAM_METHOD_AGREEMENT, agreement),
        (emocam.CAM_METHOD_PICTURES, pictures),
    ]


def _association(model, label, name, category, pictures, shown, count, sure) -> tuple:
    nothing = float("nan")
    importance, presence = (100 * n / pictures if pictures else nothing for n in (count, shown))
    conditional = count / shown if shown else nothing
    lift, p = conditional - 0.2, (0.001 if sure else 0.6) if shown else nothing
    known = float(bool(pictures)) or nothing
    return (
        *model, label, name, category, pictures, shown, count, importance, importance / 2, importance + known, presence,
        presence / 2, presence + known, conditional, conditional / 2, conditional, 0.2 * (conditional * 0 + 1), lift,
        lift - 0.1, lift + 0.1, p, p, p, p, p, p,
    )  # fmt: skip
