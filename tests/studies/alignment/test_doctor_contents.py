"""The doctor looks into folders and files: what would stop a run after hours is said in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
from broken_projects import BROKEN, broken, set_options
from helpers import command
from study_fixture import Study, copy_study, write_study

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.findings import Finding
from o2b_helpers.doctor import examine
from o2b_helpers.studies.alignment.checks.near_names import advice, meant

DOUBTS = {"one stimulus that is missing", "a class without category"}  # a run starts in spite of these


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_study(tmp_path_factory.mktemp("whole") / "study")


def not_fine(study: Study) -> list[Finding]:
    return [finding for finding in examine(study.params()) if not finding.fine]


def test_a_whole_project_has_no_fault_and_nothing_is_written(whole, tmp_path):
    study = copy_study(whole, tmp_path / "study")
    before = sorted(tmp_path.rglob("*"))
    assert not_fine(study) == []
    said = [str(finding) for finding in examine(study.params())]
    assert any("pictures of the table: all 40" in line for line in said)
    assert any("ratings.csv: stimuli: all 16 have rows" in line for line in said)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_with_what_to_do(whole, tmp_path, name):
    study = broken(whole, tmp_path / "study", name)
    if name == "two models of the same name":
        with pytest.raises(ParameterError, match="appears twice"):
            study.params()
        return
    findings = not_fine(study)
    said = "\n".join(map(str, findings))
    assert all(words in said for words in BROKEN[name][1]), said
    assert any(finding.stops_a_run for finding in findings) != (name in DOUBTS), said
    assert all(finding.where and finding.source for finding in findings), said
    assert "Traceback" not in said and "weights_only" not in said


def test_the_command_says_so_and_fails(whole, tmp_path):
    done = command("doctor", broken(whole, tmp_path / "study", "a misspelt ending").profile)
    assert done.returncode == 1 and "WRONG" in done.stdout and "Traceback" not in done.stderr
    done = command("doctor", broken(whole, tmp_path / "other", "one stimulus that is missing").profile)
    assert done.returncode == 0 and "LOOK" in done.stdout and "1 to look at" in done.stdout


def test_ready_targets_without_a_word_on_people_deserve_a_look(whole, tmp_path):
    study = broken(whole, tmp_path / "study", "stimuli without target")
    said = "\n".join(map(str, not_fine(study)))
    assert "does not say which sources are people's own" in said and "sources mine" in said
    set_options(study, human__people=["mine"])
    assert "does not say" not in "\n".join(map(str, not_fine(study)))


def test_names_that_are_meant():
    there = ["Café 1.jpg", "b/dog.png", "Cow.JPG"]
    assert meant(["Cafe\u0301_1.JPEG", "dog.png", "cow.jpg", "horse.jpg"], there) == {
        "Cafe\u0301_1.JPEG": "Café 1.jpg",
        "dog.png": "b/dog.png",
        "cow.jpg": "Cow.JPG",
    }
    assert advice(["horse.jpg"], there) == ""
