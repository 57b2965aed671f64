"""What the README shows is run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import yaml
from helpers import ROOT
from test_contract import COLUMNS, NETCDF, OCCLUDED, SCORES

from o2b_helpers.models.backbones.loading import load_backbone
from o2b_helpers.models.backbones.registry import load_definition
from o2b_helpers.studies.registry import load_params

README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


def test_the_profile_of_ones_own_is_valid(tmp_path):
    (block,) = _blocks("yaml")
    assert len(block.strip().splitlines()) <= 10
    file = tmp_path / "params" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(block, encoding="utf-8")
    assert load_params(file).path("data") == tmp_path / "data"
    assert set(yaml.safe_load(block)["analysis"]) == {"corpus", "stimuli", "human", "models", "detector"}


@pytest.mark.slow
def test_the_network_of_ones_own_loads_and_splits(tmp_path):
    (block,) = _blocks("python")
    file = tmp_path / "my_networks.py"
    file.write_text(block, encoding="utf-8")
    load_definition(file)
    backbone = load_backbone("vgg11", "untrained", seed=0)  # checks every split
    assert backbone.n_features == 4096 and len(backbone.target_layers) == 4


def test_every_column_of_the_contract_is_described():
    table = README.split("## What comes out: the results contract")[1].split("\n## ")[0]
    for name, columns in COLUMNS.items():
        assert f"| {name} |" in table
        for column in columns:
            assert re.search(rf"\b{column}\b", table), (name, column)
    for name in ("detections.parquet", *(f"{kind}_<A>.nc" for kind in NETCDF), "provenance.json"):
        assert f"| {name} |" in table
    for column in ("confidence", "x0", *SCORES, *OCCLUDED, "delta"):
        assert re.search(rf"\b{column}\b", table), column


def test_every_network_and_notebook_is_named():
    # in a process of its own: other tests register networks, too
    source = "from o2b_helpers.models.backbones.architectures import architecture_names; print(*architecture_names())"
    shipped = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout.split()
    line = README.split("Networks at hand: ")[1].split(";")[0]
    assert sorted(line.split(", ")) == sorted(shipped)
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"| {notebook.stem} |" in README


def test_no_figure_is_left_open():
    table = README.split("## How sure")[1].split("`oasis.yaml`")[0]
    assert not re.search(r"\b[A-Z]+_[A-Z]+\b", table)
