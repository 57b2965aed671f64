from __future__ import annotations

import pandas as pd
import pytest
from view_fixture import write_results

from o2b_helpers.report.results import Results
from o2b_helpers.studies.emocam.answers.emotions import BEYOND, looked_at
from o2b_helpers.studies.emocam.answers.reading import beyond_both
from o2b_helpers.studies.emocam.tables import EMOTION_ASSOCIATIONS, EMOTION_MODELS


@pytest.fixture
def folder(tmp_path):
    return write_results(tmp_path / "results")


def words(folder) -> str:
    return " ".join(statement.words for statement in looked_at(Results(folder)).statements)


def cell(folder) -> tuple[pd.DataFrame, int]:
    """The associations, of which one alone has a large lift and importance and is beyond chance in both."""
    table = EMOTION_ASSOCIATIONS.read(folder).assign(q=0.9, q_lift=0.9)
    own = int(table.index[(table["count"] > 0) & (table["architecture"] == table["architecture"].iloc[0])][0])
    table.loc[own, ["q", "q_lift", "lift", "importance"]] = 0.001, 0.001, 0.7, 99.0
    return table, own


def test_only_what_is_beyond_chance_in_lift_and_importance_is_told(folder):
    table, own = cell(folder)
    EMOTION_ASSOCIATIONS.write(table, folder)
    said = f"{BEYOND}: {table.at[own, 'class']} (lift 0.70"
    assert words(folder).count(said) == 1 and words(folder).count(f"{BEYOND}: nothing that is sure") >= 1
    mine = table[table["architecture"] == table.at[own, "architecture"]]
    assert beyond_both(mine).sum() == 1 and beyond_both(mine)[own]
    for changed in ({"q": 0.2}, {"q_lift": 0.2}, {"lift": -0.7}, {"importance": 0.0}):
        other = table.copy()
        for name, value in changed.items():
            other.loc[own, name] = value
        EMOTION_ASSOCIATIONS.write(other, folder)
        assert said not in words(folder)
        assert not beyond_both(other[other["architecture"] == table.at[own, "architecture"]]).any()


def test_a_network_that_names_emotions_by_guessing_is_told_first(folder):
    assert "by guessing" not in words(folder)
    scores = EMOTION_MODELS.read(folder)
    scores.loc[0, "p"] = 0.3
    EMOTION_MODELS.write(scores, folder)
    first = looked_at(Results(folder)).statements[0]
    assert first.lead == f"Model {scores.at[0, 'architecture']}" and "no better than by guessing" in first.words
    assert words(folder).count("by guessing") == 1


def test_where_nobody_knows_what_is_right_nothing_is_said_of_guessing(folder):
    scores = EMOTION_MODELS.read(folder)
    scores.loc[0, "p"] = float("nan")  # a ready network, and a corpus with none of its labels
    EMOTION_MODELS.write(scores, folder)
    assert "by guessing" not in words(folder)
