"""Simulated people: annotators who rate the stimuli and subjects who see them in the scanner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from o2b_helpers.toyworld.truth import planted, planted_regions
from o2b_helpers.toyworld.valence import Effects
from o2b_helpers.toyworld.world import CELLS, stimulus_name, stimulus_scene


@dataclass(frozen=True)
class HumanFiles:
    """Where the human data of the toy world were written."""

    ratings: Path
    signals: Path
    regions: Path


def write_human(folder: Path, seed: int, effects: Effects | None = None, per_cell: int | None = None) -> HumanFiles:
    """Simulate ratings and brain signals for the 48 stimuli of the same seed.

    Parameters
    ----------
    folder
        Where to write; made if absent.
    seed
        Seed of the stimuli and of all noise.
    effects
        What the classes do to valence; the shipped table where left out.
    per_cell
        Stimuli in each cell, as in :func:`~o2b_helpers.toyworld.world.write_stimuli`.

    Returns
    -------
    HumanFiles
        ``ratings.csv`` (stimulus, annotator, valence_type IV/PV/SV, rating 1..7), ``signals.csv`` (subject, stimulus,
        roi, value without unit) and ``regions.csv`` (roi, region LLR/MLR/HLR).
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    per_cell = per_cell or planted("stimuli_per_cell")
    count = per_cell * len(CELLS)
    valences = [stimulus_scene(seed, index, effects, per_cell).valence() for index in range(count)]
    stimuli = [Path(stimulus_name(index)).stem for index in range(count)]
    people = np.array([valence.people for valence in valences])
    scene = np.array([valence.scene for valence in valences])
    files = HumanFiles(folder / "ratings.csv", folder / "signals.csv", folder / "regions.csv")
    tables = (ratings(stimuli, people, scene, seed), signals(stimuli, people, scene, seed))
    for table, path in zip(tables, (files.ratings, files.signals), strict=True):
        table.to_csv(path, index=False, lineterminator="\n")
    planted_regions()[["roi", "region"]].to_csv(files.regions, index=False, lineterminator="\n")
    return files


def ratings(stimuli: list[str], people: np.ndarray, scene: np.ndarray, seed: int) -> pd.DataFrame:
    """Simulate 50 annotators who rate image, people and scene valence of each stimulus.

    Parameters
    ----------
    stimuli
        Names.
    people, scene
        True valence of each stimulus, ``(stimulus,)``.
    seed
        Seed of the annotators.

    Returns
    -------
    pandas.DataFrame
        stimulus, annotator, valence_type, rating (whole numbers, 1..7). A rating is the middle of the scale plus
        slope times valence, the annotator's own shift and noise, rounded and kept on the scale.
    """
    rng = np.random.default_rng([seed, planted("rating_stream")])
    low, high = planted("rating_low"), planted("rating_high")
    annotators = [f"annotator_{index:02d}" for index in range(planted("annotators"))]
    bias = rng.normal(0.0, planted("annotator_bias"), len(annotators))
    tables = []
    for kind, valence in (("IV", (people + scene) / 2), ("PV", people), ("SV", scene)):
        noise = rng.normal(0.0, planted("annotator_noise"), (len(stimuli), len(annotators)))
        meant = (low + high) / 2 + planted("rating_slope") * valence[:, None] + bias + noise
        given = np.clip(np.rint(meant), low, high).astype(int)
        index = pd.MultiIndex.from_product([stimuli, annotators], names=["stimulus", "annotator"])
        tables.append(pd.DataFrame({"valence_type": kind, "rating": given.ravel()}, index=index).reset_index())
    return pd.concat(tables, ignore_index=True)


def signals(stimuli: list[str], people: np.ndarray, scene: np.ndarray, seed: int) -> pd.DataFrame:
    """Simulate the mean activation of every brain area of 22 subjects for each stimulus.

    Parameters
    ----------
    stimuli
        Names.
    people, scene
        True valence of each stimulus, ``(stimulus,)``.
    seed
        Seed of the subjects.

    Returns
    -------
    pandas.DataFrame
        subject, stimulus, roi, value. A value is the subject's gain times (people loading x people valence + scene
        loading x scene valence) plus noise that all subjects share for that stimulus and area, plus the subject's own.
    """
    rng = np.random.default_rng([seed, planted("signal_stream")])
    areas = planted_regions()
    subjects = [f"subject_{index:02d}" for index in range(planted("subjects"))]
    felt = np.tanh(np.stack([people, scene]) / planted("signal_scale"))
    loadings = areas[["people_loading", "scene_loading"]].to_numpy()
    meant = felt.T @ loadings.T
    shared = rng.normal(0.0, planted("stimulus_noise"), meant.shape)
    gain = 1.0 + rng.normal(0.0, planted("subject_gain"), (len(subjects), 1, 1))
    own = rng.normal(0.0, planted("subject_noise"), (len(subjects), *meant.shape))
    values = gain * meant + shared + own
    index = pd.MultiIndex.from_product([subjects, stimuli, areas["roi"]], names=["subject", "stimulus", "roi"])
    return pd.DataFrame({"value": values.ravel()}, index=index).reset_index()
