"""A table is declared once: what is written is read again letter by letter, and what lacks a column is refused."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from o2b_helpers.core.contract import Arrays, Column, Table
from o2b_helpers.core.errors import InputError
from o2b_helpers.studies.registry import studies

TABLE = Table(
    "made_up.csv",
    "a thing",
    (Column("name", "text", "its name"), Column("count", "integer", "how many"), Column("size", "number", "how large")),
)


def test_text_stays_text_and_numbers_keep_their_digits(tmp_path):
    names = ["007", "NA", "true", "nan", "", "a,b", 'say "x"', "1e3", "ä\u2028z"]
    sizes = [0.1 + 0.2, math.pi, 1e-300, float("nan"), -0.0, 1.0, 2.0, 3.0, 4.0]
    TABLE.write(pd.DataFrame({"size": sizes, "name": names, "count": range(9), "more": 1}), tmp_path)
    header, *_ = (tmp_path / "made_up.csv").read_text(encoding="utf-8").split("\n")
    assert header == "name,count,size"
    again = TABLE.read(tmp_path)
    assert again["name"].tolist() == names and again["count"].dtype == "int64"
    assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(again["size"], sizes, strict=True))


def test_an_empty_table_keeps_its_columns(tmp_path):
    TABLE.write(TABLE.empty(), tmp_path)
    assert TABLE.read(tmp_path).empty and list(TABLE.read(tmp_path)) == TABLE.names


def test_a_missing_file_and_a_missing_column_are_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="lack made_up.csv"):
        TABLE.read(tmp_path)
    (tmp_path / "made_up.csv").write_text("name,size\nx,1\n")
    with pytest.raises(InputError, match="lacks a column") as refused:
        TABLE.read(tmp_path)
    assert "name, size" in str(refused.value) and "count" in refused.value.expected


def test_no_two_steps_share_a_name_or_a_file():
    steps = [step for study in studies() for step in study.steps]
    assert len({step.name for step in steps}) == len(steps)
    files = [table.file if isinstance(table, Table) else table.stem for step in steps for table in step.tables]
    assert len(set(files)) == len(files)
    figures = [figure for study in studies() for figure in study.figures]
    assert len({figure.number for figure in figures}) == len({figure.name for figure in figures}) == len(figures)


def test_every_column_and_variable_says_what_it_holds():
    for study in studies():
        for table in study.tables:
            for part in table.variables if isinstance(table, Arrays) else table.columns:
                assert part.meaning and not part.meaning.endswith("."), (table, part)


def test_what_is_needed_comes_first():
    seen: set[str] = set()
    for study in studies():
        for step in study.steps:
            needed = (*step.needs, *(need for need, _ in step.needs_where))
            assert {need.name for need in needed} <= seen, step.name
            seen.add(step.name)


def test_a_model_name_does_not_lead_out_of_the_folder():
    assert Arrays("scores", ()).file("../a\\b") == "scores_.._a_b.nc"


def test_reading_a_table_warns_of_nothing(tmp_path, recwarn):
    TABLE.write(pd.DataFrame({"name": ["a"], "count": [1], "size": [0.1]}), tmp_path)
    assert TABLE.read(tmp_path)["size"].tolist() == [0.1] and not recwarn.list
