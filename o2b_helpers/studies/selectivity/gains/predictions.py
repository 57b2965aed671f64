"""How well emotions are recognised with sets of filters of one layer lesioned and strengthened; a shard each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from o2b_helpers.core.digests import digest_of
from o2b_helpers.core.executor import Shard
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import progress
from o2b_helpers.core.store import Store
from o2b_helpers.kernels.lesions.set_gains import set_gains
from o2b_helpers.kernels.recognition.recognition_scores import (
    aurocs,
    balanced_accuracies,
    best_thresholds,
    f1_scores,
)
from o2b_helpers.studies.common.networks import loaded
from o2b_helpers.studies.common.options import Model
from o2b_helpers.studies.selectivity.filter_selectivity import found_filters
from o2b_helpers.studies.selectivity.found import Found
from o2b_helpers.studies.selectivity.gains.filter_sets import CONTROLS, RANDOM, SELECTIVE, FilterSets, filter_sets
from o2b_helpers.studies.selectivity.gains.readouts import FEATURES, load_readout, margins
from o2b_helpers.studies.selectivity.gains.tables import ALL_PICTURES, HELD_OUT, LESION, MEASURES
from o2b_helpers.studies.selectivity.image_sets import ImageSets
from o2b_helpers.studies.selectivity.options import EMOTIONS
from o2b_helpers.studies.selectivity.responses import Layers, network_part, shown_pictures
from o2b_helpers.studies.selectivity.tables import SETS, TEST, TRAIN, VALIDATION

FILE = "recognition.parquet"
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Selection:
    """What was selected, on which pictures, and in which split it is judged.

    Attributes
    ----------
    name : str
        `HELD_OUT` (training and validation pictures) or `ALL_PICTURES` (the paper's way).
    split : int
        The split.
    found : Found
        The selective filters.
    """

    name: str
    split: int
    found: Found


def selections(
    params: Params, sets: ImageSets, layers: Layers, seen: Pair, parts: Sequence[np.ndarray]
) -> list[Selection]:
    """Select filters in every split without its test pictures, and once on all pictures."""
    everything, made = found_filters(params, sets, layers, seen), []
    for split in range(len(parts[0])):
        rows = parts[0][split] != TEST, parts[1][split] != TEST
        made.append(Selection(HELD_OUT, split, found_filters(params, sets, layers, seen, rows)))
        made.append(Selection(ALL_PICTURES, split, everything))
    return made


def alphas(params: Params, kind: str) -> np.ndarray:
    """Return the strengths for sets of one kind: the lesion, the network as it is, and more."""
    options = params.analysis.emotion_gains
    step = options.alpha_step if kind == SELECTIVE else options.control_alpha_step or options.alpha_step
    count = round(options.highest_alpha / step)
    return np.concatenate([[LESION], np.round(np.arange(count + 1) * step, 9)])


def judged_pictures(part: np.ndarray, emotions: np.ndarray, most: int | None, seed: int) -> np.ndarray:
    """Return the numbers of the pictures of a split that are judged, in order: validation and test.

    Parameters
    ----------
    part, emotions : array (picture,)
        Part and number of the emotion.
    most : int or None
        How many are enough; each part gives the same share of every emotion, and at least two pictures of it.
    seed : int
        Which ones, where that is fewer than there are.

    Examples
    --------
    >>> part, emotions = np.array(["train", "test", "validation", "test"] * 30), np.arange(120) % 3
    >>> [len(judged_pictures(part, emotions, most, seed=0)) for most in (None, 30)]
    [90, 30]
    """
    judged = np.flatnonzero(part != TRAIN)
    if most is None or most >= len(judged):
        return judged
    rng, kept = np.random.default_rng(seed), []
    for name in (VALIDATION, TEST):
        for kind in range(len(EMOTIONS)):
            own = np.flatnonzero((part == name) & (emotions == kind))
            kept.append(rng.permutation(own)[: max(2, round(len(own) * most / len(judged)))])
    return np.sort(np.concatenate(kept))


def gain_shards(
    params: Params, store: Store, model: Model, sets: ImageSets, layers: Layers, chosen: list[Selection],
    parts: Sequence[np.ndarray], readouts: Sequence[Path],
) -> list[Shard]:  # fmt: skip
    """Return what judges the sets of each layer, for each of the two image sets."""
    network, options = network_part(params, model, store), params.analysis.emotion_gains
    shards = []
    for number, (table, readout) in enumerate(zip(sets.both, readouts, strict=True)):
        for place, (layer, of_layer) in enumerate(zip(layers.names, layers.places, strict=True)):
            seed = options.seed, number, place
            drawn = [
                (each.name, each.split, own)
                for each in chosen
                for own in filter_sets(
                    each.found, each.found.responses[number].mean(0), of_layer, options.draws, seed,
                    CONTROLS if each.name == HELD_OUT else (RANDOM,),
                )
            ]  # fmt: skip
            identity: dict[str, Any] = {
                "network": network,
                "layer": layer,
                "colours": params.analysis.selectivity.colours,
                "pictures": digest_of(table[["sha256", "number"]].values.tolist()),
                "parts": digest_of(parts[number].tolist()),
                "readout": readout.name,
                "sets": digest_of(
                    [[name, split, own.kind, own.emotion, own.members.tolist()] for name, split, own in drawn]
                ),
                "alphas": [alphas(params, kind).tolist() for kind in (SELECTIVE, RANDOM)],
                "judged": [options.most_pictures, options.seed],
            }  # fmt: skip
            label = f"{params.name} {model.label} ({model.weights_label}), {SETS[number]} set, {layer}"
            arguments = params, model, sets, number, layer, drawn, parts[number], readout
            shards.append(Shard("lesion_and_attention", label, identity, _judge, arguments))
    return shards


def _judge(
    params: Params, model: Model, sets: ImageSets, number: int, layer: str,
    drawn: list[tuple[str, int, FilterSets]], parts: np.ndarray, readouts: Path, folder: Path,
) -> None:  # fmt: skip
    backbone, emotions = loaded(params, model), sets.both[number]["number"].to_numpy()
    shown, readout = shown_pictures(params, Store(params.store), model, sets, number), load_readout(readouts)
    options, features = params.analysis.emotion_gains, torch.from_numpy(np.load(readouts / FEATURES))
    images = shown.batch(0, len(shown))
    # sets that share pictures and strengths share the pass up to the layer
    together: dict[tuple[int, bool], list[int]] = {}
    for place, (_, split, own) in enumerate(drawn):
        together.setdefault((split, own.kind == SELECTIVE), []).append(place)
    frames: list[pd.DataFrame] = [pd.DataFrame()] * len(drawn)
    for (split, _), places in progress(list(together.items()), f"sets of {layer}, {model.label}"):
        judged = judged_pictures(parts[split], emotions, options.most_pictures, options.seed)
        strengths = alphas(params, drawn[places[0]][2].kind)
        given = images[judged], None, features[judged].to(backbone.device), margins(readout, split)
        members = np.concatenate([drawn[place][2].members for place in places])
        scores, start = set_gains(backbone, *given, layer, members, strengths).numpy(), 0
        for place in places:
            name, _, own = drawn[place]
            of_set = scores[:, start : (start := start + len(own.members))]
            rows = recognition_rows(of_set, emotions[judged], parts[split][judged], own, strengths)
            frames[place] = rows.assign(selection=name, split=split)
    columns = ["emotion", "tested", "kind", "draw", "filters", "alpha", "part", *MEASURES, "selection", "split"]
    table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    table.to_parquet(folder / FILE, index=False)


def recognition_rows(
    scores: np.ndarray, emotions: np.ndarray, part: np.ndarray, own: FilterSets, strengths: np.ndarray
) -> pd.DataFrame:
    """Judge predictions with changed filters.

    Parameters
    ----------
    scores : array (tested emotion, set, alpha, picture)
        By how much the output of the emotion is above the other one.
    emotions, part : array (picture,)
        Number of the emotion; validation or test.
    own : FilterSets
        The sets. Draws are judged for their own emotion only.
    strengths : array (alpha,)
        The alphas.

    Returns
    -------
    DataFrame [emotion, tested, kind, draw, filters, alpha, part, f1, balanced_accuracy, auroc, f1_anew]
        `f1_anew`: with the threshold that is best on the validation pictures.
    """
    frames = []
    for tested in range(len(EMOTIONS)) if own.kind == SELECTIVE else [own.emotion]:
        thresholds = None
        for name in (VALIDATION, TEST):
            values, positive = scores[tested][..., part == name], emotions[part == name] == tested
            thresholds = best_thresholds(values, positive) if thresholds is None else thresholds
            draw, place = np.indices(values.shape[:2])
            frames.append(
                pd.DataFrame(
                    {
                        "draw": draw.ravel(), "alpha": strengths[place.ravel()], "part": name,
                        "tested": EMOTIONS[tested], "f1": f1_scores(values, positive, 0.0).ravel(),
                        "balanced_accuracy": balanced_accuracies(values, positive, 0.0).ravel(),
                        "auroc": aurocs(values, positive).ravel(),
                        "f1_anew": f1_scores(values, positive, thresholds).ravel(),
                    }
                )
            )  # fmt: skip
    rows = pd.concat(frames, ignore_index=True)
    return rows.assign(emotion=EMOTIONS[own.emotion], kind=own.kind, filters=int(own.members[0].sum()))
