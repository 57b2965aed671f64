from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.emotions import QUADRANTS, labels_of_column, quadrant_labels


def corpus(*labels, column="emotion", **more) -> pd.DataFrame:
    images = [f"{number}.jpg" for number in range(len(labels))]
    return pd.DataFrame({"image": images, column: labels, **more})


def test_spaces_and_capitals_are_one_label_and_a_sentence_says_so():
    labels = labels_of_column(corpus("Joy", "joy ", "joy", "self-pity", "Self pity", "self pity"), "emotion", "t.csv")
    assert labels.table["emotion"].tolist() == ["joy"] * 3 + ["Self pity"] * 3
    assert labels.warnings == (
        "t.csv: 'Joy' (emotion) is counted as 'joy'.",
        "t.csv: 'self pity' and 'self-pity' (emotion) are counted as 'Self pity'.",
    )


def test_the_same_labels_in_any_order_have_the_same_names():
    first = labels_of_column(corpus("JOY", "joy", "fear"), "emotion", "t.csv").table["emotion"]
    second = labels_of_column(corpus("joy", "JOY", "fear"), "emotion", "t.csv").table["emotion"]
    assert first.tolist() == second.tolist() == ["JOY", "JOY", "fear"]


def test_blanks_and_codes_leave_a_picture_out_and_are_counted():
    table = corpus("joy", "", None, " ", float("nan"), "n/a", "fear")
    labels = labels_of_column(table, "emotion", "t.csv", missing=["N/A"])
    assert labels.table["image"].tolist() == ["0.jpg", "6.jpg"]
    assert labels.warnings == ("t.csv: 5 pictures without a label in emotion left out of this study.",)


def test_numbers_are_labels_like_any_other():
    labels = labels_of_column(corpus(1.0, 2.0, 1.0, -99.0), "emotion", "t.csv", missing=[-99])
    assert labels.table["emotion"].tolist() == ["1", "2", "1"]


def test_labels_that_are_named_are_kept_and_others_are_counted():
    labels = labels_of_column(corpus("joy", "fear", "Calm"), "emotion", "t.csv", keep=["Joy", "calm"])
    assert labels.table["emotion"].tolist() == ["joy", "Calm"]
    assert labels.warnings[0].startswith("t.csv: 1 picture with another label than those of analysis.emotions.labels")
    with pytest.raises(InputError, match="joyy"):
        labels_of_column(corpus("joy", "fear"), "emotion", "t.csv", keep=["joyy"])


def test_a_corpus_without_emotions_says_what_to_add():
    with pytest.raises(InputError, match="says nothing of emotions") as raised:
        labels_of_column(corpus("joy", column="emotions"), "emotion", "t.csv")
    assert "add the column emotion" in raised.value.remedy and "perhaps emotions" in raised.value.remedy
    assert "quadrants" not in raised.value.remedy
    with pytest.raises(InputError) as raised:
        labels_of_column(corpus("a", column="theme", arousal=[1.0]), "emotion", "t.csv")
    assert "quadrants" in raised.value.remedy


def test_an_error_of_a_spreadsheet_is_no_label():
    with pytest.raises(InputError, match="#N/A"):
        labels_of_column(corpus("joy", "#N/A"), "emotion", "t.csv")


def test_a_label_with_few_pictures_is_one_error_with_its_number():
    labels = labels_of_column(corpus(*["sadness"] * 6, *["joy"] * 6, "sadnes", "fear", "fear"), "emotion", "t.csv")
    with pytest.raises(InputError) as raised:
        labels.enough(5)
    assert raised.value.value == "'fear: 2 pictures', 'sadnes: 1 picture'" and "at least 5" in raised.value.expected
    assert "'sadnes' may be 'sadness'" in raised.value.remedy
    assert len(labels.enough(1).table) == 15
    with pytest.raises(InputError, match="two emotion labels"):
        labels.enough(1, [f"{number}.jpg" for number in range(6)])


def test_quadrants_are_cut_at_the_medians():
    rng = np.random.default_rng(0)
    valence, arousal = rng.permutation(21), rng.permutation(21)
    labels = quadrant_labels(corpus(*valence, column="valence", arousal=arousal), "t.csv")
    table = labels.table.set_index("image")["emotion"]
    for number, (pleasant, aroused) in enumerate(zip(valence, arousal, strict=True)):
        if 10 in (pleasant, aroused):
            assert f"{number}.jpg" not in table.index
        else:
            assert table[f"{number}.jpg"] == QUADRANTS[2 * (pleasant < 10) + (aroused < 10)]
    count = 21 - len(table)
    assert f"{count} picture" in labels.warnings[0]
    with pytest.raises(InputError, match="need arousal"):
        quadrant_labels(corpus(1, 2, column="valence"), "t.csv")
