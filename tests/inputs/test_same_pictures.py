"""The same picture under two names is found, whatever the file format, and named in a warning."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from o2b_helpers.inputs.images.image_check import check_images, left_out_warnings, with_checked
from o2b_helpers.inputs.images.same_pictures import compare, equal_files, stimuli_in_corpus, stimuli_warnings


def _scene(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    """Write eight pictures; 0 and 1 also as a file of the same bytes, and in another format."""
    for number in range(8):
        _scene(number).save(tmp_path / f"{number}.png")
    shutil.copy(tmp_path / "0.png", tmp_path / "copy of 0.png")
    _scene(1).save(tmp_path / "1 again.bmp")
    _scene(2).save(tmp_path / "2 near.jpg", quality=60)
    return tmp_path


def _table(folder, names: dict[str, float]) -> pd.DataFrame:
    table = pd.DataFrame({"image": list(names), "valence": list(names.values())})
    labels = np.sign(table["valence"])
    table["label"] = np.where(labels == 0, np.nan, (labels > 0).astype(float))
    return with_checked(table, check_images(folder, list(names)))


def test_stimuli_in_the_corpus_are_named_in_every_format(folder):
    stimuli = _table(folder, {"0.png": 0, "1 again.bmp": 0, "2.png": 0, "3.png": 0})
    corpus = _table(folder, {"copy of 0.png": 1, "1.png": -1, "2 near.jpg": 2, "3.png": 1, "7.png": 1})
    assert stimuli_in_corpus(corpus, stimuli) == {"copy of 0.png": "0.png", "1.png": "1 again.bmp", "3.png": "3.png"}
    same = compare(corpus, stimuli)
    assert same.near_stimuli == ["2.png ~ 2 near.jpg"] and same.near_stimuli_total == 1 and not same.copies
    (said,) = same.warnings()
    assert "in 1 pair: 2.png ~ 2 near.jpg" in said


def test_what_is_said_of_stimuli_that_are_kept_and_left_out():
    both = {"a.png": "s.png", "b.png": "s.png", "c.png": "t.png", "d.png": "u.png"}
    (left_out,) = stimuli_warnings(both, kept=False)
    assert (
        left_out.startswith("4 pictures of the corpus are also stimuli, and are left out") and "and 1 more" in left_out
    )
    (kept,) = stimuli_warnings(both, kept=True)
    assert kept.startswith("3 stimuli are also in the training pictures: a.png (= s.png)") and "keep" in kept
    assert stimuli_warnings({}, kept=True) == []


def test_copies_in_the_corpus_and_contradictions_are_named(folder):
    corpus = _table(
        folder,
        {"0.png": 1, "copy of 0.png": -2, "1.png": 1, "1 again.bmp": 2, "4.png": 1, "2.png": -1, "2 near.jpg": -1},
    )
    same = compare(corpus, _table(folder, {"5.png": 0, "6.png": 0}))
    assert same.copies == [["0.png", "copy of 0.png"], ["1.png", "1 again.bmp"]]
    assert same.contradictions == [["0.png (1)", "copy of 0.png (-2)"]]
    assert same.near_corpus == ["2.png ~ 2 near.jpg"]
    copies, opposite, near = same.warnings()
    assert "2 pictures more than once: 0.png = copy of 0.png, 1.png = 1 again.bmp" in copies
    assert "opposite labels" in opposite and "0.png (1) = copy of 0.png (-2)" in opposite
    assert "nearly the same" in near and same.facts()["nearly_the_same_in_the_corpus"] == ["2.png ~ 2 near.jpg"]


def test_a_neutral_copy_contradicts_nothing(folder):
    corpus = _table(folder, {"0.png": 0, "copy of 0.png": -2, "4.png": 1})
    assert compare(corpus, _table(folder, {"5.png": 0})).contradictions == []


def test_stimuli_under_two_names_are_named_and_one_in_two_conditions_is_not(folder):
    corpus = _table(folder, {"4.png": 1, "7.png": -1})
    stimuli = pd.concat([_table(folder, {"0.png": 0, "copy of 0.png": 0}), _table(folder, {"0.png": 0, "5.png": 0})])
    same = compare(corpus, stimuli)
    assert same.stimulus_copies == [["0.png", "copy of 0.png"]]
    assert "under several names: 0.png = copy of 0.png" in same.warnings()[0]
    assert compare(corpus, _table(folder, {"0.png": 0, "5.png": 0})).warnings() == []


def test_equal_files_are_found_by_size_ends_and_content(tmp_path):
    middle = bytearray(20_000)
    contents = {"a": bytes(middle), "c": bytes(middle), "short": bytes(100), "empty": b"", "also empty": b""}
    middle[10_000] = 1  # differs only where neither end is
    contents["b"], contents["d"] = bytes(middle), bytes(middle)
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = {name: tmp_path / name for name in [*contents, "missing"]}
    assert equal_files(files) == [["a", "c"], ["b", "d"]]
    assert equal_files({}) == []


def test_columns_of_the_users_own_give_way_to_what_was_measured(folder):
    table = pd.DataFrame({"image": ["0.png"], "width": ["wide"], "pixels": [3], "look": ["nice"], "sha256": [""]})
    measured = with_checked(table, check_images(folder, ["0.png"]))
    assert measured["width"].tolist() == [120] and len(measured["pixels"].item()) == len(measured["look"].item()) == 64


def test_what_is_left_out_is_counted_for_each_role():
    rows = [(f"{n}.png", "The image is missing.", "corpus") for n in range(5)]
    left_out = pd.DataFrame([*rows, ("s.png", "Broken.", "stimuli")], columns=["image", "problem", "role"])
    corpus, stimuli = left_out_warnings(left_out)
    assert corpus.startswith("5 pictures of the corpus are left out: 0.png (The image is missing)")
    assert corpus.endswith("and 2 more.") and stimuli == "1 picture of the stimuli is left out: s.png (Broken)."
    assert left_out_warnings(left_out[:0]) == []
