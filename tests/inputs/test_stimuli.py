"""Stimuli from a table, or drawn from a corpus."""

from __future__ import annotations

import pandas as pd
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.corpus import make_corpus
from o2b_helpers.inputs.corpora.known_corpora import read_oasis
from o2b_helpers.inputs.people.stimuli import read_stimuli, select_stimuli


def _table(tmp_path, rows: list[tuple], columns=("image", "condition")):
    path = tmp_path / "stimuli.csv"
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, index=False)
    return path


def _rows(per_condition: int = 4) -> list[tuple[str, str]]:
    return [(f"{c}{n}.png", c) for c in ("congruent", "incongruent") for n in range(per_condition)]


def _refused(path, folder, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_stimuli(path, folder)
    for word in (*words, "expected:", "to do:"):
        assert word in str(caught.value)


def test_a_stimulus_is_called_as_its_image(tmp_path):
    stimuli = read_stimuli(_table(tmp_path, _rows()), tmp_path)
    assert list(stimuli.table.columns) == ["stimulus", "image", "condition"]
    assert stimuli.table["stimulus"].tolist() == stimuli.table["image"].tolist()
    assert stimuli.conditions == ["congruent", "incongruent"] and len(stimuli) == 8


def test_own_names_and_columns(tmp_path):
    rows = [(f"{n:03d}", image, condition, n) for n, (image, condition) in enumerate(_rows())]
    stimuli = read_stimuli(_table(tmp_path, rows, ("stimulus", "image", "condition", "people")), tmp_path)
    assert stimuli.table["stimulus"].tolist()[:2] == ["000", "001"]
    assert stimuli.table["people"].tolist() == list(range(8))


def test_duplicate_stimulus(tmp_path):
    rows = [("s", image, condition) for image, condition in _rows()]
    _refused(_table(tmp_path, rows, ("stimulus", "image", "condition")), tmp_path, "more than once", "'s'")
    _refused(_table(tmp_path, [*_rows(), ("congruent2.png", "congruent")]), tmp_path, "'congruent2.png'")


def test_image_twice_in_a_condition(tmp_path):
    rows = [(f"s{n}", image, condition) for n, (image, condition) in enumerate([*_rows(), _rows()[0]])]
    _refused(_table(tmp_path, rows, ("stimulus", "image", "condition")), tmp_path, "congruent / congruent0.png")


def test_condition_with_fewer_than_four_stimuli(tmp_path):
    _refused(_table(tmp_path, _rows()[:-1]), tmp_path, "too few", "incongruent: 3", "at least 4")


def test_missing_folder_table_and_column(tmp_path):
    _refused(_table(tmp_path, _rows()), tmp_path / "nowhere", "nowhere")
    _refused(tmp_path / "no.csv", tmp_path, "no.csv")
    _refused(_table(tmp_path, _rows(), ("image", "conditon")), tmp_path, "conditon -> condition")


def test_empty_cell(tmp_path):
    _refused(_table(tmp_path, [*_rows(), ("x.png", "")]), tmp_path, "empty", "condition", "rows 9")


def _corpus(tmp_path, count: int = 30):
    frame = pd.DataFrame({"image": [f"{n:02d}.png" for n in range(count)], "valence": range(count)})
    frame["kind"] = ["people" if n % 2 else "scenery" for n in range(count)]
    return make_corpus(frame, tmp_path, (0, count), 1, "test", "test")


RULES = {kind: {"column": "kind", "value": kind, "count": 5} for kind in ("people", "scenery")}


def test_draw_is_kept_out_of_the_corpus(tmp_path):
    corpus = _corpus(tmp_path)
    stimuli, rest = select_stimuli(corpus, RULES, seed=3)
    assert len(stimuli) == 10 and len(rest) == 20
    assert not set(stimuli.table["image"]) & set(rest.table["image"])
    assert set(stimuli.table["image"]) | set(rest.table["image"]) == set(corpus.table["image"])
    assert (stimuli.table["kind"] == stimuli.table["condition"]).all()
    assert stimuli.table["valence"].tolist() == [int(name[:2]) for name in stimuli.table["image"]]
    assert stimuli.conditions == ["people", "scenery"]


def test_draw_depends_on_the_seed_alone(tmp_path):
    corpus = _corpus(tmp_path)
    shuffled = make_corpus(corpus.table.sample(frac=1, random_state=1), tmp_path, (0, 30), 1, "test", "test")
    first = select_stimuli(corpus, RULES, seed=3)[0].table
    pd.testing.assert_frame_equal(first, select_stimuli(shuffled, RULES, seed=3)[0].table)
    assert set(first["image"]) != set(select_stimuli(corpus, RULES, seed=4)[0].table["image"])


def test_a_picture_is_drawn_once(tmp_path):
    rules = {name: {"column": "kind", "value": "people", "count": 7} for name in ("a", "b")}
    stimuli, _ = select_stimuli(_corpus(tmp_path), rules, seed=0)
    assert stimuli.table["image"].is_unique
    rules["b"]["count"] = 9
    with pytest.raises(InputError, match="8 with kind = people"):
        select_stimuli(_corpus(tmp_path), rules, seed=0)


def test_rules_that_do_not_fit(tmp_path):
    corpus = _corpus(tmp_path)
    with pytest.raises(InputError, match="kinds -> kind|kind -> kinds"):
        select_stimuli(corpus, {"a": {"column": "kinds", "value": "people", "count": 5}}, seed=0)
    with pytest.raises(InputError, match="0 with kind = animal"):
        select_stimuli(corpus, {"a": {"column": "kind", "value": "animal", "count": 5}}, seed=0)
    with pytest.raises(InputError, match="at least 4"):
        select_stimuli(corpus, {"a": {"column": "kind", "value": "people", "count": 3}}, seed=0)
    with pytest.raises(InputError, match="No rule"):
        select_stimuli(corpus, {}, seed=0)


def test_oasis_people_and_scenery(real_data):
    rules = {
        "people": {"column": "category", "value": "Person", "count": 24},
        "scenery": {"column": "category", "value": "Scenery", "count": 24},
    }
    stimuli, rest = select_stimuli(read_oasis(real_data / "oasis"), rules, seed=0)
    assert stimuli.table["condition"].value_counts().to_dict() == {"people": 24, "scenery": 24}
    assert len(rest) == 255


OWN = ["width", "height", "sha256", "path", "label", "scaled", "stimulus", "condition", "image_x", "role"]


@pytest.mark.parametrize("column", OWN)
def test_a_column_of_any_name_can_be_selected_by(tmp_path, column):
    corpus = _corpus(tmp_path)
    corpus.table[column] = corpus.table["kind"]
    rules = {kind: {**rule, "column": f"{column} ", "value": f" {kind}"} for kind, rule in RULES.items()}
    stimuli, _ = select_stimuli(corpus, rules, seed=3)
    assert stimuli.table["stimulus"].tolist() == stimuli.table["image"].tolist()
    assert (stimuli.table["kind"] == stimuli.table["condition"]).all() and len(stimuli) == 10
    assert list(stimuli.shown) == ["stimulus", "image", "condition", "valence"]


@pytest.mark.parametrize("value", ["2", "2.0", " 2"])
def test_numbers_are_selected_by_what_they_are_worth(tmp_path, value):
    corpus = _corpus(tmp_path)
    corpus.table["session"] = corpus.table["valence"] % 5
    stimuli, _ = select_stimuli(corpus, {"a": {"column": "session", "value": value, "count": 4}}, seed=0)
    assert (stimuli.table["valence"] % 5 == 2).all()


@pytest.mark.parametrize("spelling", ["congruent ", "\u00a0congruent", "con\u00adgruent"])
def test_a_blank_does_not_split_a_condition(tmp_path, spelling):
    rows = [(image, spelling if n in (1, 2) else condition) for n, (image, condition) in enumerate(_rows())]
    stimuli = read_stimuli(_table(tmp_path, rows), tmp_path)
    assert stimuli.conditions == ["congruent", "incongruent"] and stimuli.warnings == ()


def test_conditions_that_differ_in_capital_letters_are_named(tmp_path):
    rows = [*_rows(), *((f"more{n}.png", "Congruent") for n in range(4))]
    (said,) = read_stimuli(_table(tmp_path, rows), tmp_path).warnings
    assert "'congruent' and 'Congruent'" in said
