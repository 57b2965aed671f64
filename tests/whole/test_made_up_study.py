"""A study is one folder and one line of the registry: a made-up one runs from profile to report."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from helpers import ROOT, SMALL, environment, write_profile

MADE_UP = ROOT / "tests" / "made_up_study"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """Copy the package, add the made-up study, and return the copy; git says what that touched."""
    folder = tmp_path_factory.mktemp("clone")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "o2b_helpers", folder / "o2b_helpers", ignore=ignored)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=ignored)
    git = ["git", "-c", "user.name=tests", "-c", "user.email=tests@localhost", "-C", str(folder)]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "before"]):
        subprocess.run([*git, *arguments], check=True)
    shutil.copytree(MADE_UP, folder / "o2b_helpers" / "studies" / "made_up_study", ignore=ignored)
    registry = folder / "o2b_helpers" / "studies" / "registry.py"
    source = registry.read_text(encoding="utf-8")
    last = '    "object2brain",\n'
    assert source.count(last) == 1
    registry.write_text(source.replace(last, last + '    "made_up_study",\n'), encoding="utf-8")
    subprocess.run([*git, "add", "."], check=True)
    touched = subprocess.run([*git, "diff", "--cached", "--numstat"], capture_output=True, text=True, check=True).stdout
    return folder, [line.split("\t") for line in touched.splitlines()]


def test_adding_it_touches_its_own_folder_and_one_line_of_the_registry(clone):
    _, touched = clone
    elsewhere = [row for row in touched if "studies/made_up_study/" not in row[2]]
    assert elsewhere == [["1", "0", "o2b_helpers/studies/registry.py"]]
    assert len(touched) > 8


@pytest.mark.slow
def test_it_runs_from_profile_to_report(clone, tmp_path):
    folder, _ = clone
    profile = write_profile(tmp_path, {**SMALL, "studies": ["made_up_study"]})
    surroundings = environment(PYTHONPATH=str(folder))

    def o2b(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "o2b_helpers.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            env=surroundings,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    assert "made-up thing: everywhere" in o2b("doctor", profile)
    said = o2b("run", profile, "--set", "analysis.name_length.longest=7")
    assert "done      21_name_length_by_label" in said and "03_" not in said and "05_" not in said
    status = o2b("status", profile, "--set", "analysis.name_length.longest=7")
    assert [line.split()[-1] for line in status.splitlines()[1:4]] == ["there"] * 3
    results = tmp_path / "runs" / "study" / "results"
    assert {p.name for p in results.iterdir()} == {"name_lengths.csv", "name_length_by_label.csv", "provenance.json"}
    provenance = json.loads((results / "provenance.json").read_text())
    assert provenance["analysis"]["name_length"] == {"longest": 7}
    assert provenance["options"]["analysis.name_length.longest"]["unit"] == "letters"
    page = (tmp_path / "runs" / "study" / "report" / "index.html").read_text(encoding="utf-8")
    for words in (
        "Do pleasant pictures have longer names?",
        "The made-up answer stands here.",
        "Names longer than 7 letters were cut.",
        "What a picture is called.",
        "Figure 20",
        "name_length_by_label.csv",
    ):
        assert words in page, words
    for words in ("Figure 1.", "Look at single filters", "Object2Brain."):
        assert words not in page, words
    assert (tmp_path / "figures" / "study" / "figure_20_name_length.html").is_file()
