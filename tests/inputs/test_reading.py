"""The one reader of tables: what it reads as it was meant, and what it refuses with the row."""

from __future__ import annotations

import os
import struct

import numpy as np
import openpyxl
import pandas as pd
import pytest

from o2b_helpers.core.errors import EnvironmentFault, InputError
from o2b_helpers.inputs.corpora.reading import read_frame, read_text

ROWS = [(f"p{n:02d}.png", n / 8 - 2, f"remark {n}") for n in range(40)]


def _file(tmp_path, content: str | bytes, name: str = "corpus.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def _refused(path, *words: str, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_frame(path, **options)
    for word in (*words, "found:", "expected:", "to do:", path.name.partition("#")[0]):
        assert word in str(caught.value), str(caught.value)
    return str(caught.value)


def _lines(separator: str = ",") -> list[str]:
    return [separator.join(("image", "valence", "remark")), *(separator.join(map(str, row)) for row in ROWS)]


# quotation marks


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("row", "cell", "changed"),
    [
        (25, 2, '"party{s} loud'),  # never closed
        (3, 0, '"p03.png'),  # in the first column
        (17, 1, '"0.5'),  # in the column of values
        (40, 2, '"'),  # alone, at the end of the file
        (8, 2, '"5 year" old'),  # closed before the cell ends
    ],
)
def test_a_stray_quotation_mark_is_refused_with_its_row(tmp_path, separator, row, cell, changed):
    lines = _lines(separator)
    cells = lines[row].split(separator)
    cells[cell] = changed.format(s=separator)
    lines[row] = separator.join(cells)
    _refused(_file(tmp_path, "\n".join(lines)), "quotation mark", f"row {row} (line {row + 1})")


@pytest.mark.parametrize(("first", "second", "column"), [(5, 15, 2), (1, 2, 2), (7, 40, 1), (30, 31, 0)])
def test_two_stray_marks_that_swallow_whole_rows_are_refused(tmp_path, first, second, column):
    lines = _lines()
    for row, mark in ((first, '"{}'), (second, '{}"')):
        cells = lines[row].split(",")
        cells[column] = mark.format(cells[column])
        lines[row] = ",".join(cells)
    _refused(_file(tmp_path, "\n".join(lines)), "quotation mark", f"row {first} (line {first + 1})", "holds whole rows")


def test_quotation_marks_as_they_should_be(tmp_path):
    text = 'image,"valence",remark\n"a, b.png",1,"say ""x"""\nc.png,2,"two\nlines"\nd.png,3,5" wide\n'
    frame = read_frame(_file(tmp_path, text), text=("image",))
    assert frame["image"].tolist() == ["a, b.png", "c.png", "d.png"]
    assert frame["remark"].tolist() == ['say "x"', "two lines", '5" wide']


# cells, rows and columns


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3\n", "rows 2 with"),
        ("a,b\n1,2\n\n3,4,5\n", "rows 3 with"),
        ("a;b\n1;2\n3;4;x\n", "rows 2 with"),
        ("a\tb\n1\n", "rows 1 with"),
        ("a,b,a \n1,2,3\n", "'a' twice"),
        ("a,,b\n1,x,2\n", "column 2 (row 1: 'x')"),
        ("my ratings,\na,b\n1,2\n", "column 2 (row 1: 'b')"),
        ("a,b\n", "without rows"),
        ("a,b\n,\n", "without rows"),
        (" \n\n", "empty file"),
        ("s;v,w;c\na;1,5;x\nb;2,5;y\n", "commas"),
    ],
)
def test_what_is_uneven_or_has_no_name_is_refused(tmp_path, text, words):
    _refused(_file(tmp_path, text), words)


def test_empty_rows_and_columns_are_skipped_and_rows_keep_their_numbers(tmp_path):
    text = "\n,image , valence,,\n1,a.png,1,,\n\n,,,,\n2, b.png ,2,,\n"
    frame = read_frame(_file(tmp_path, text), text=("image",))
    assert list(frame) == ["image", "valence"] and frame["image"].tolist() == ["a.png", "b.png"]
    assert frame.index.tolist() == [1, 4] and frame.index.name == "row"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "T.CSV"])
def test_ends_of_lines_and_endings_of_names(tmp_path, end, name):
    frame = read_frame(_file(tmp_path, end.join(_lines("\t")), name), text=("image",))
    assert frame["valence"].tolist() == [value for _, value, _ in ROWS]


def test_the_line_that_excel_writes_for_itself(tmp_path):
    assert read_frame(_file(tmp_path, "sep=;\r\nimage;valence\r\na;1,5\r\n"))["valence"].tolist() == [1.5]


# encodings, and files that are no tables


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_say_what_they_are(tmp_path, encoding):
    frame = read_frame(_file(tmp_path, "image,valence\nfée.png,1\n".encode(encoding)), text=("image",))
    assert list(frame) == ["image", "valence"] and frame["image"].tolist() == ["fée.png"]


def test_encodings_that_cannot_be_told_are_refused(tmp_path):
    _refused(_file(tmp_path, "image,valence\na,1\nfée.png,1\n".encode("cp1252")), "UTF-8", "line 3", "fée.png")
    _refused(_file(tmp_path, "image,valence\na,1\n".encode("utf-16-le")), "null character")


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"PK\x03\x04rest", "t.csv", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "t.xlsx", "password"),
        (b"PAR1rest", "t.csv", "Parquet"),
        (b"version https://git-lfs.github.com/spec/v1\noid x", "t.parquet", "Git LFS"),
        (b"<!DOCTYPE html><p>404", "t.csv", "web page"),
        (b"PK\x03\x04rest", "t.xlsx", "no Excel workbook"),
        (b"x", "t.xlsx", "no Excel workbook"),
        (b"x", "t.parquet", "t.parquet"),
        (b"x", "t.ods", "ends in .ods"),
        (b"x", "t", "ends in nothing"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, content, name, words):
    _refused(_file(tmp_path, content, name), words)


def test_a_missing_file_and_one_that_cannot_be_read_now(tmp_path, monkeypatch):
    _refused(tmp_path / "no.csv", "missing")
    path = _file(tmp_path, "a,b\n1,2\n")

    def failing(self):
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(type(path), "read_bytes", failing)
    with pytest.raises(EnvironmentFault, match="Input/output error"):
        read_frame(path)


# numbers


def test_numbers_are_exactly_what_is_written(tmp_path):
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**63, 3000, dtype=np.int64)
    values = np.array([struct.unpack("<d", struct.pack("<q", b))[0] for b in bits])
    values = np.concatenate([values[np.isfinite(values)], rng.normal(size=3000), [0.1 + 0.2, 1e-300, 5e-324]])
    path = _file(tmp_path, "value\n" + "\n".join(map(repr, values.tolist())))
    np.testing.assert_array_equal(read_frame(path)["value"], values)


def test_kinds_of_columns(tmp_path):
    text = "whole,part,gap,word,huge\n1,1.5,,x,99999999999999999999\n-2,2,3,1,1\n"
    frame = read_frame(_file(tmp_path, text))
    assert frame["whole"].dtype == np.int64 and frame["part"].dtype == np.float64
    assert np.isnan(frame["gap"].iloc[0]) and frame["word"].tolist() == ["x", "1"] and frame["huge"].iloc[0] == 1e20


@pytest.mark.parametrize("cell", ["nan", "inf", "1_000", "٣", "0x10", "1 000", "50%", "3,5"])
def test_what_python_or_pandas_would_take_for_a_number_and_is_none(tmp_path, cell):
    assert read_frame(_file(tmp_path, f"a,b\n1,x\n{cell!r},y\n".replace("'", '"')))["a"].tolist() == ["1", cell]


@pytest.mark.parametrize(
    ("separator", "cells", "meant"),
    [
        (";", ["3,5", "4", "-0,25"], [3.5, 4, -0.25]),
        (";", ["1,234", "2,345"], [1.234, 2.345]),
        ("\t", ["3,5", "4,25"], [3.5, 4.25]),
        ("\t", ["1,234", "950"], ["1,234", "950"]),  # thousands, or not: nobody knows
        (";", ["1,5", "2.5"], ["1,5", "2.5"]),
        (";", ["1.234,5", "2,5"], ["1.234,5", "2.5"]),
    ],
)
def test_decimal_commas_where_the_separator_is_none(tmp_path, separator, cells, meant):
    rows = [f"name{separator}value", *(f"n{separator}{cell}" for cell in cells)]
    assert read_frame(_file(tmp_path, "\n".join(rows)))["value"].tolist() == meant


def test_annotations_that_are_at_hand_as_text_go_through_the_same_reader():
    with pytest.raises(InputError, match="stray quotation mark in row 1"):
        read_text('a,b\n1,"2\n3,4\n', "made-up annotations")


# workbooks and Parquet


def _workbook(tmp_path, sheets: dict[str, list[list]], name: str = "t.xlsx"):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / name)
    return tmp_path / name


def test_a_workbook_as_people_save_it(tmp_path):
    rows = [
        ["image ", "valence", None, "subject"],
        ["a.png", 0.1 + 0.2, None, 7],
        [" b.png", "2.5", None, 8.0],
        [None] * 4,
    ]
    path = _workbook(tmp_path, {"data": [[], *rows], "empty": []})
    frame = read_frame(path, text=("image", "subject"))
    assert frame["image"].tolist() == ["a.png", "b.png"] and frame["subject"].tolist() == ["7", "8"]
    assert frame["valence"].tolist() == [0.1 + 0.2, 2.5]


def test_numbers_stored_as_text_with_decimal_commas(tmp_path):
    path = _workbook(tmp_path, {"data": [["image", "valence"], ["a", "3,5"], ["b", "4,25"]]})
    assert read_frame(path)["valence"].tolist() == [3.5, 4.25]


def test_a_sheet_is_chosen_by_name(tmp_path):
    path = _workbook(tmp_path, {"one": [["a"], [1]], "zwei ": [["a"], [2]]})
    _refused(path, "2 sheets: 'one', 'zwei '", "t.xlsx#one")
    assert read_frame(f"{path}#zwei")["a"].tolist() == [2]
    _refused(tmp_path / "t.xlsx#three", "no sheet 'three'", "'one'")
    _refused(_workbook(tmp_path, {"one": []}), "sheets are empty")
    _refused(tmp_path / "t.xlsx#one", "empty file")


def test_a_formula_without_a_stored_value_is_refused(tmp_path):
    path = _workbook(tmp_path, {"data": [["a", "b"], ["x", 1], ["y", "=1+1"]]})
    _refused(path, "formula", "row 3 of the sheet: =1+1")


def test_a_title_above_the_header_of_a_workbook_is_refused(tmp_path):
    _refused(_workbook(tmp_path, {"data": [["My ratings"], ["a", "b"], ["x", 1]]}), "rows 1, 2")


def test_parquet_goes_through_the_same_rules(tmp_path):
    frame = pd.DataFrame(
        {"image ": ["a ", "e\u0301"], "value": ["1.5", ""], "subject": [1.0, 2.0], "flag": [True, False]}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    read = read_frame(tmp_path / "t.parquet", text=("image", "subject"))
    assert read["image"].tolist() == ["a", "\u00e9"] and read["subject"].tolist() == ["1", "2"]
    assert read["value"].iloc[0] == 1.5 and np.isnan(read["value"].iloc[1])
    frame.set_index("image ").to_parquet(tmp_path / "t.parquet")
    assert read_frame(tmp_path / "t.parquet", text=("image",))["image"].tolist() == ["a", "\u00e9"]
    frame.head(0).to_parquet(tmp_path / "t.parquet")
    _refused(tmp_path / "t.parquet", "without rows")
