"""A study of one's own in a folder: pictures, two tables, ratings and a profile, small enough to run in seconds."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from helpers import write_profile

from o2b_helpers.core.params import Params
from o2b_helpers.studies.registry import load_params
from o2b_helpers.toyworld.world import write_corpus, write_stimuli

PICTURES, STIMULI = 40, 16


def write_study(folder: Path) -> Path:
    """Write a study with 40 corpus pictures, 16 stimuli in two conditions and ratings of five people."""
    corpus = pd.read_csv(write_corpus(folder / "corpus", images=PICTURES, seed=5))[["image", "valence", "emotion"]]
    corpus["valence"] = np.where(np.arange(PICTURES) % 2, 1, -1) * corpus["valence"].abs().clip(lower=1)
    corpus.to_csv(folder / "corpus.csv", index=False)
    stimuli = pd.read_csv(write_stimuli(folder / "stimuli", seed=5)).iloc[:: 48 // STIMULI]
    stimuli[["stimulus", "image", "condition"]].to_csv(folder / "stimuli.csv", index=False)
    rng = np.random.default_rng(5)
    ratings = pd.DataFrame(
        [(s, f"person {a}", "IV", r) for s in stimuli["stimulus"] for a, r in enumerate(rng.integers(1, 8, 5))],
        columns=["stimulus", "annotator", "valence_type", "rating"],
    )
    ratings.to_csv(folder / "ratings.csv", index=False)
    return write_profile(
        folder,
        {
            "analysis": {
                "corpus": {
                    "kind": "table",
                    "folder": "corpus/images",
                    "table": "corpus.csv",
                    "valence_range": [-3, 3],
                    "neutral": 0,
                    "min_images": 30,
                },
                "stimuli": {"kind": "table", "folder": "stimuli/images", "table": "stimuli.csv"},
                "human": {"kind": "measurements", "ratings": "ratings.csv"},
                "models": [{"architecture": "toynet", "weights": "toyworld"}],
                "emotions": {"min_pictures": 2},
                "emotion_heads": {"folds": 2, "epochs": 3},
                "heads": {"runs": 1, "learning_rates": [0.01], "full": {"epochs": 3}, "layer": {"epochs": 1}},
            },
            "execution": {"device": "cpu", "threads": 1},
        },
    )


class Study:
    """One copy of the study, to be spoilt.

    Parameters
    ----------
    profile : Path
        Its profile; everything else lies beside it.
    """

    def __init__(self, profile: Path) -> None:
        self.profile, self.folder = profile, profile.parent
        self.corpus, self.stimuli = self.folder / "corpus" / "images", self.folder / "stimuli" / "images"

    def params(self, **overrides) -> Params:
        """Read the profile; ``analysis__corpus__folder="x"`` overrides ``analysis.corpus.folder``."""
        return load_params(self.profile, {name.replace("__", "."): value for name, value in overrides.items()})

    def edit(self, table: str, change) -> None:
        """Read a table, let a function change it, and write it back."""
        frame = pd.read_csv(self.folder / table)
        changed = change(frame)
        (frame if changed is None else changed).to_csv(self.folder / table, index=False)


def copy_study(study: Path, folder: Path) -> Study:
    """Copy a study with all that was stored for it."""
    shutil.copytree(study.parent, folder)
    return Study(folder / study.name)


def huge_png(path: Path, side: int = 20_000) -> None:
    """Write a PNG whose header promises ``side x side`` pixels and that holds hardly any."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    )
