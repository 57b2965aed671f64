"""The documentation is true: what is generated is up to date, what it shows runs, and its links lead somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from helpers import ROOT

from o2b_helpers.core.contract import Table
from o2b_helpers.core.errors import StoreError
from o2b_helpers.core.options import options
from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import load_definition
from o2b_helpers.reference import page_with, pages
from o2b_helpers.studies.registry import Profile, studies

DOCS = ROOT / "docs"
TEXTS = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]


@pytest.mark.parametrize("name", ["results.md", "options.md", "departures.md"])
def test_what_is_generated_is_what_the_declarations_say(name):
    """`make docs` writes it anew."""
    assert (DOCS / name).read_text(encoding="utf-8") == pages(Profile, DOCS)[DOCS / name]


def test_a_page_without_a_place_for_the_generated_part_is_refused():
    with pytest.raises(StoreError, match="no place"):
        page_with("# Results\n", "a table", "results.md")


def test_every_file_and_column_is_described():
    text = (DOCS / "results.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^### `(.+?)`\n(.*?)(?=^##|^<!--)", text, re.S | re.M))
    for step in (step for study in studies() for step in study.steps):
        for table in step.tables:
            is_table = isinstance(table, Table)
            part = parts[table.file if is_table else table.file("<model>")]
            names = table.names if is_table else [variable.name for variable in table.variables]
            assert re.findall(r"^\| `(\w+)` \|", part, re.M) == names
            assert f"`{step.notebook}`" in part
    assert "provenance.json" in text


def test_every_option_is_described():
    text = (DOCS / "options.md").read_text(encoding="utf-8")
    for name, *_ in options(Profile):
        assert f"| `{name}` |" in text


def test_every_departure_names_options_that_there_are():
    known = {name for name, *_ in options(Profile)}
    departures = [departure for study in studies() for departure in study.section.departures]
    assert len({departure.what for departure in departures}) == len(departures) > 20
    for departure in departures:
        assert set(departure.options) <= known, departure.what


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_links_lead_to_files(file):
    for target in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "#")):
            assert (file.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_files_and_folders_that_are_named_exist(file):
    for name in re.findall(r"`((?:o2b_helpers|tests|benchmarks|params|notebooks|docs)/[\w./]*\w)`", file.read_text()):
        if name not in ("params/mine.yaml",):
            assert (ROOT / name).exists(), name


def test_the_contents_name_every_page():
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "index.md" or f"({page.name})" in text


def test_every_network_at_hand_is_named():
    # in a process of its own: other tests register networks, too
    source = (
        "from o2b_helpers.studies.common import networks\n"
        "from o2b_helpers.models.backbones.registry import architecture_names; print(*architecture_names())"
    )
    shipped = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout.split()
    line = (DOCS / "own_network.md").read_text(encoding="utf-8").split("Networks at hand: ")[1].split(".\n")[0]
    assert sorted(line.split(", ")) == sorted(shipped)


@pytest.mark.slow
def test_the_network_of_ones_own_loads_and_splits(tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", (DOCS / "own_network.md").read_text(encoding="utf-8"), re.S)
    file = tmp_path / "my_networks.py"
    file.write_text(block, encoding="utf-8")
    load_definition(file)
    backbone = load_backbone("vgg11", "untrained", seed=0)  # checks every split
    assert backbone.n_features == 4096 and len(backbone.target_layers) == 4


def test_the_table_of_speed_is_the_one_that_was_measured():
    printed = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--table"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    text = (DOCS / "speed.md").read_text(encoding="utf-8")
    assert len(rows) == 1 + len(json.loads((ROOT / "benchmarks" / "latest.json").read_text(encoding="utf-8")))
    for row in rows:
        assert row in text
