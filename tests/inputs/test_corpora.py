"""Corpora: OASIS, FindingEmo and any table; and what is wrong with a table."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.corpus import binary_labels, read_table, valence_labels
from o2b_helpers.inputs.corpora.known_corpora import findingemo_annotations, read_findingemo, read_oasis

SCALE = {"valence_range": (-3, 3), "neutral": 0}


def _write(folder, text: str, name: str = "corpus.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _refused(path, folder, *words: str, **options) -> None:
    with pytest.raises(InputError) as caught:
        read_table(path, folder, **{**SCALE, **options})
    for word in (*words, "expected:", "to do:"):
        assert word in str(caught.value)


def test_findingemo_counts_are_the_papers():
    table = findingemo_annotations()
    labels = valence_labels(table["valence"], 0)
    assert (len(labels), labels.isna().sum()) == (25_869, 3_403)
    assert ((labels == 0).sum(), (labels == 1).sum()) == (8_469, 13_997)
    assert table["image"].is_unique
    assert table["image"].str.match(r"Run_[12]/").all()
    assert table["valence"].between(-3, 3).all()
    assert "user" not in table


def test_findingemo_without_images_says_how_to_get_them(tmp_path):
    with pytest.raises(InputError, match="download_data"):
        read_findingemo(tmp_path / "nowhere")
    corpus = read_findingemo(tmp_path)
    assert len(corpus) == 25_869
    assert (binary_labels(corpus) == 0).sum() == 8_469


def test_findingemo_without_its_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "findingemo_light.data.read_annotations", None)
    with pytest.raises(InputError, match="pip install findingemo-light"):
        findingemo_annotations()


def test_oasis(real_data):
    corpus = read_oasis(real_data / "oasis")
    assert len(corpus) == 303
    assert corpus.table["category"].value_counts().to_dict() == {
        "Person": 144,
        "Object": 66,
        "Scenery": 61,
        "Animal": 32,
    }
    assert all((corpus.folder / name).is_file() for name in corpus.table["image"])
    assert "Crosswalk 1.jpg" in set(corpus.table["image"])  # its theme carries a stray blank
    row = corpus.table.set_index("image").loc["Acorns 1.jpg"]
    assert row["valence"] == 4.68627451 and row["arousal"] == 2.346534653
    assert (corpus.valence_range, corpus.neutral) == ((1, 7), 4)


def test_oasis_missing(tmp_path):
    with pytest.raises(InputError, match="OASIS"):
        read_oasis(tmp_path / "nowhere")
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match=r"OASIS\.csv"):
        read_oasis(tmp_path)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_own_table(tmp_path, suffix):
    frame = pd.DataFrame(
        {"file": ["001", "NA", "c.png"], "score": [-3, 0, 2.5], "arousal": [1, 2, np.nan], "who": ["x", "y", "7"]}
    )
    path = tmp_path / f"corpus.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    corpus = read_table(path, tmp_path, "file", "score", **SCALE)
    assert corpus.table["image"].tolist() == ["001", "NA", "c.png"]  # names stay text
    assert corpus.table["valence"].tolist() == [-3, 0, 2.5]
    assert corpus.table["arousal"].dtype == np.float64 and np.isnan(corpus.table["arousal"][2])
    assert corpus.table["who"].tolist() == ["x", "y", "7"]
    labels = binary_labels(corpus)
    assert labels["001"] == 0 and np.isnan(labels["NA"]) and labels["c.png"] == 1
    assert len(labels) == 3


def test_keep_and_without(tmp_path):
    path = _write(tmp_path, "image,valence\na,1\nb,2\nc,-1\n")
    corpus = read_table(path, tmp_path, **SCALE)
    assert corpus.keep(["c", "a"]).table["image"].tolist() == ["a", "c"]
    assert corpus.without(["b"]).table["image"].tolist() == ["a", "c"]
    assert len(corpus) == 3


def test_byte_order_mark_is_no_part_of_the_header(tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text("image,valence\na,1\nb,2\n", encoding="utf-8-sig")
    assert len(read_table(path, tmp_path, **SCALE)) == 2


def test_missing_folder(tmp_path):
    _refused(_write(tmp_path, "image,valence\na,1\n"), tmp_path / "nowhere", "folder", "nowhere")


def test_missing_table(tmp_path):
    _refused(tmp_path / "no.csv", tmp_path, "missing", "no.csv")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("a,NaN\nb,1", ["row 1: NaN", "-3 to 3"]),
        ("a,\nb,1", ["row 1"]),
        ("a,inf\nb,1", ["row 1: inf"]),
        ("a,1\nb,3.01", ["row 2: 3.01", "-3 to 3"]),
        ("a,1\nb,good", ["row 2: good", "finite numbers"]),
        ('a,1\nb,"1,5"', ["row 2: 1,5", "decimal point"]),
        ("a,1\nb,1\nc,1", ["same valence", "1 for 3"]),
        ("a,1\nb,2\na,2", ["more than once", "'a'"]),
        (",1\nb,2", ["empty", "rows 1"]),
        ("a,1\nb,2,3", ["rows 2", "2 cells"]),
        ("a,1\nb,-99", ["row 2: -99", "-3 to 3", "analysis.corpus.missing: [-99]"]),
        ("a,1\nb,2\na ,2", ["more than once", "'a'"]),
        ("", ["without rows"]),
    ],
)
def test_bad_rows(tmp_path, rows, words):
    _refused(_write(tmp_path, f"image,valence\n{rows}\n"), tmp_path, *words)


def test_bad_files(tmp_path):
    _refused(_write(tmp_path, ""), tmp_path, "empty file")
    _refused(_write(tmp_path, "image,valence,image\na,1,b\n"), tmp_path, "'image' twice")
    _refused(_write(tmp_path, "image|valence\na|1\n"), tmp_path, "lacks the columns", "commas, semicolons or tabs")
    _refused(_write(tmp_path, "imag,valence\na,1\n"), tmp_path, "lacks the column image", "imag -> image")
    _refused(_write(tmp_path, "x", "corpus.xlsx"), tmp_path, ".xlsx")
    _refused(_write(tmp_path, "x", "corpus.parquet"), tmp_path, "corpus.parquet")
    (tmp_path / "latin.csv").write_bytes("image,valence\nfée.png,1\n".encode("latin-1"))
    _refused(tmp_path / "latin.csv", tmp_path, "UTF-8")


def test_two_columns_for_one_meaning(tmp_path):
    path = _write(tmp_path, "image,valence,score\na,1,2\nb,2,1\n")
    _refused(path, tmp_path, "column valence beside", valence_column="score")


def test_neutral_point_outside_the_scale(tmp_path):
    path = _write(tmp_path, "image,valence\na,1\nb,2\n")
    _refused(path, tmp_path, "neutral", valence_range=(1, 7), neutral=0)


@pytest.mark.parametrize("code", ["-99", "n/a", "", "999"])
def test_a_picture_without_a_rating_is_left_out_and_the_corpus_says_so(tmp_path, code):
    path = _write(tmp_path, f"image,valence\na,1\nb,{code}\nc,-1\n")
    corpus = read_table(path, tmp_path, missing=[code], **SCALE)
    assert corpus.table["image"].tolist() == ["a", "c"]
    assert corpus.warnings == ("corpus.csv: 1 rating is missing, as a code says, and is left out.",)
    _refused(path, tmp_path, "row 2: ")


def test_a_picture_is_called_as_its_file(tmp_path):
    (tmp_path / "fe\u0301e  1.png").touch()
    corpus = read_table(_write(tmp_path, "image,valence\nf\u00e9e 1.png ,1\nb.png,2\n"), tmp_path, **SCALE)
    assert corpus.table["image"].tolist() == ["fe\u0301e  1.png", "b.png"]


def test_the_columns_that_later_steps_need_come_without_those_of_the_user(tmp_path):
    path = _write(tmp_path, "image,width,valence,label,path,sha256,scaled\na,1,1,x,y,z,2\nb,1,2,x,y,z,2\n")
    corpus = read_table(path, tmp_path, **SCALE)
    assert list(corpus.ratings) == ["image", "valence"] and {"width", "label", "path"} <= set(corpus.table)
