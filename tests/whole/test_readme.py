"""What the README shows is run as it stands there."""

from __future__ import annotations

import re

import yaml
from helpers import ROOT

from o2b_helpers.studies.registry import load_params, studies

README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_WORDS = 1500


def test_it_is_short():
    assert len(README.split()) <= MOST_WORDS


def test_the_profile_of_ones_own_is_valid(tmp_path):
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.S)
    assert len(block.strip().splitlines()) <= 10
    file = tmp_path / "params" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(block, encoding="utf-8")
    assert load_params(file).path("data") == tmp_path / "data"
    assert set(yaml.safe_load(block)["analysis"]) == {"corpus", "stimuli", "human", "models", "detector"}


def test_every_notebook_and_every_study_is_named():
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"| {notebook.stem} |" in README
    for study in studies():
        assert re.search(rf"`(studies: \[)?{study.name}\]?`", README), study.name


def test_the_picture_is_there_and_no_number_is_left_open():
    (picture,) = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert (ROOT / picture).is_file()
    assert not re.search(r"\b(TODO|TBD|XX+)\b", README)


def test_the_rows_on_planted_truth_are_those_that_were_measured():
    """A row of the README says the same as the row of that name where the whole table is."""
    measured = (ROOT / "benchmarks" / "planted_truth.md").read_text(encoding="utf-8")
    rows = {}
    for line in measured.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows.setdefault(cells[0], cells[1:])
    table = README.split("| Spearman with the true influence |")[1].split("\n\n")[0]
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.strip().splitlines()[1:]]
    assert len(shown) == 4
    for name, auc, spearman in shown:
        full = rows[name.split(":")[0]]
        assert full[0] == auc and full[1].startswith(spearman), name
