"""Names are compared in one form, in tables and on the disk."""

from __future__ import annotations

import unicodedata

import pandas as pd
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.corpora.names import names_alike, names_on_disk, normal_name, normal_names

SPELLINGS = [
    "congruent ",
    " congruent",
    "\tcongruent",
    "congruent\u00a0",
    "\ufeffcongruent",
    "con\u00adgruent",
    "congruent\u200b",
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_what_nobody_sees_makes_no_difference(name):
    assert normal_name(name) == "congruent"


def test_the_forms_of_accents_and_blanks_inside():
    both = {normal_name(unicodedata.normalize(form, "Zoë  Müller")) for form in ("NFC", "NFD")}
    assert both == {"Zoë Müller"}
    assert normal_names(["a\u2009b", "a b", "A b"]) == ["a b", "a b", "A b"]


def test_names_that_are_written_alike_are_named():
    frame = pd.DataFrame({"condition": ["Congruent", "congruent", "other"], "annotator": ["a", "b", "c"]})
    (said,) = names_alike(frame, ("condition", "annotator"), "stimuli.csv")
    assert "'Congruent' and 'congruent' (condition)" in said and "count as different" in said


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (["7", "7.0", "8"], True),
        (["non-congruent", "non_congruent"], True),
        (["non congruent", "non\u2013congruent"], True),
        (["\uff21nna", "anna"], True),
        (["IV+", "IV-", "-1", "1"], False),
        (["s1.1", "s11", "s1"], False),
    ],
)
def test_which_names_are_written_alike(names, alike):
    assert bool(names_alike(pd.DataFrame({"roi": names}), ["roi"], "t.csv")) == alike


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_files_are_matched_in_the_same_form(tmp_path, form):
    folder, file = (unicodedata.normalize(form, name) for name in ("Über uns", "fée  1.png"))
    (tmp_path / folder).mkdir()
    (tmp_path / folder / file).touch()
    (tmp_path / "plain.png").touch()
    asked = ["plain.png", "Über uns/fée 1.png", "Über uns/other.png", "../plain.png", "/plain.png"]
    assert names_on_disk(tmp_path, asked) == ["plain.png", f"{folder}/{file}", *asked[2:]]


@pytest.mark.parametrize("pair", [("a.png", "a.png "), ("fée.png", "fe\u0301e.png"), ("a b.png", "a\u00a0b.png")])
def test_two_files_with_one_name_are_refused(tmp_path, pair):
    for name in pair:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="Two files have the same name"):
        names_on_disk(tmp_path, [normal_name(pair[0])])
    assert names_on_disk(tmp_path, ["other.png"]) == ["other.png"]
