"""Near-duplicates within and across corpora: found, listed and grouped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance

from o2b_helpers.inputs.images.looks import look_of, pixel_digest
from o2b_helpers.inputs.images.near_duplicates import near_duplicates

OASIS = Path(os.environ.get("O2B_REAL_DATA", Path(__file__).parents[3] / "shared" / "real")) / "oasis" / "images"


def _scene(seed: int) -> Image.Image:
    colours = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(colours).resize((320, 240), Image.Resampling.BICUBIC)


def _table(pictures: dict[tuple[str, str], Image.Image]) -> pd.DataFrame:
    rows = [(*name, look_of(image), pixel_digest(image)) for name, image in pictures.items()]
    return pd.DataFrame(rows, columns=["corpus", "image", "look", "pixels"])


def test_copies_are_found_within_and_across_corpora():
    scenes = [_scene(seed) for seed in range(6)]
    pictures = {("a", f"{n}.png"): scene for n, scene in enumerate(scenes)}
    pictures[("b", "small.png")] = scenes[2].resize((160, 120))
    pictures[("b", "bright.png")] = ImageEnhance.Brightness(scenes[4]).enhance(0.9)
    pictures[("a", "again.png")] = scenes[4].copy()
    pictures[("b", "new.png")] = _scene(99)
    pictures[("a", "white.png")] = pictures[("b", "flat.png")] = Image.new("RGB", (64, 64), "white")
    pictures[("a", "grey.png")] = Image.new("RGB", (64, 64), "grey")
    result = near_duplicates(_table(pictures).set_index(np.arange(len(pictures)) + 50))
    found = {frozenset([(a, b), (c, d)]) for a, b, c, d, _ in result.pairs.values.tolist()}
    four = [("a", "4.png"), ("b", "bright.png"), ("a", "again.png")]
    assert found == {
        frozenset([("a", "2.png"), ("b", "small.png")]),
        *(frozenset([first, second]) for first in four for second in four if first != second),
        frozenset([("a", "white.png"), ("b", "flat.png")]),
    }
    by_name = dict(zip(pictures, result.group.tolist(), strict=True))
    assert len({by_name[name] for name in four}) == 1 and len(set(by_name.values())) == len(pictures) - 4
    assert result.pairs["bits"].is_monotonic_increasing and (result.pairs["bits"] == -1).sum() == 2


def test_pictures_that_are_all_different_are_groups_of_their_own():
    result = near_duplicates(_table({("a", str(seed)): _scene(seed) for seed in range(8)}))
    assert result.pairs.empty and sorted(result.group) == list(range(8))
    assert list(result.pairs) == ["corpus", "image", "other_corpus", "other_image", "bits"]


def test_a_chain_of_pairs_is_one_group_however_many_there_are(monkeypatch):
    monkeypatch.setattr("o2b_helpers.inputs.images.looks.MOST_PAIRS", 3)
    looks = [f"{(1 << (20 * step)) - 1:064x}" for step in range(8)]  # each differs from the next in 20 bits
    table = pd.DataFrame({"corpus": "a", "image": map(str, range(8)), "look": looks, "pixels": looks})
    result = near_duplicates(table)
    assert len(result.pairs) == 7 and (result.pairs["bits"] == 20).all() and set(result.group) == {0}


@pytest.mark.skipif(not OASIS.is_dir(), reason="needs the photographs of shared/real")
def test_photographs_find_their_copy_in_another_corpus():
    files = sorted(OASIS.glob("*.jpg"))[::6]
    pictures = {("oasis", file.name): Image.open(file).convert("RGB") for file in files}
    copies = {("other", f"{n}.jpg"): image.resize((300, 240)) for n, (_, image) in enumerate(pictures.items()) if n < 9}
    result = near_duplicates(_table(pictures | copies))
    across = result.pairs[result.pairs["corpus"] != result.pairs["other_corpus"]]
    assert across["other_image"].nunique() == 9
