"""A project that `o2b new` makes is complete, also where the package was installed from a wheel."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers import ROOT, SMALL, environment, merged

from o2b_helpers.core.errors import ParameterError
from o2b_helpers.core.options import options
from o2b_helpers.project_maker import make_project
from o2b_helpers.studies.registry import Profile, load_params, studies

BY_DEFAULT = [study.name for study in studies() if study.by_default]
BUILT_FROM = ("o2b_helpers", "notebooks", "params", "templates")


def _switched_on(text: str) -> str:
    """Take every sign # away that stands directly before an option."""
    return re.sub(r"^( *)#(?=\S|  )", r"\1", text, flags=re.M)


@pytest.mark.parametrize("names", [[], *([study.name] for study in studies())])
def test_the_profile_is_valid_as_it_stands_and_with_every_option_switched_on(tmp_path, names):
    project = make_project(tmp_path / "mine", names, Profile)
    file = project.folder / "params" / "mine.yaml"
    text = file.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 120
    params = load_params(file)
    assert params.studies == (names or BY_DEFAULT)
    file.write_text(_switched_on(text), encoding="utf-8")
    whole = load_params(file)
    shown = yaml.safe_load(_switched_on(text))
    wanted = [study for study in studies() if any(step in study.steps for step in params.steps)]
    blocks = [name for study in wanted for name in study.options.model_fields]
    assert list(shown["analysis"]) == list(dict.fromkeys(blocks))
    for name, *_ in options(Profile):
        first, *inner = name.split(".")
        if first == "execution" or inner and inner[0].removesuffix("[]") in blocks:
            if ".select." not in name:  # one example stands for all conditions
                assert re.search(rf"^[ #-]*{inner[-1]}: ", text, re.M), name
    assert whole.steps == params.steps


def test_what_is_commented_out_is_the_default(tmp_path):
    file = make_project(tmp_path / "mine", [], Profile).folder / "params" / "mine.yaml"
    text = file.read_text(encoding="utf-8")
    own = yaml.safe_load(text)["analysis"]
    switched = load_params(_write(file, _switched_on(text))).analysis.model_dump()
    default = Profile().analysis.model_dump()
    assert switched["significance"] == default["significance"]
    assert switched["sensitivity"] == default["sensitivity"] and switched["lesions"] == default["lesions"]
    assert {k: v for k, v in switched["heads"].items() if k not in own["heads"]} == {
        k: v for k, v in default["heads"].items() if k not in own["heads"]
    }


def test_the_folder_holds_all_that_a_project_needs(tmp_path):
    project = make_project(tmp_path / "a project", [], Profile)
    notebooks = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert sorted(path.name for path in (project.folder / "notebooks").iterdir()) == notebooks
    assert (project.folder / "params" / "demo.yaml").read_bytes() == (ROOT / "params" / "demo.yaml").read_bytes()
    assert load_params(project.folder / "params" / "demo.yaml").project == project.folder
    guide = (project.folder / "data" / "README.md").read_text(encoding="utf-8")
    profile = (project.folder / "params" / "a project.yaml").read_text(encoding="utf-8")
    for path in re.findall(r"data/[\w/]+\.(?:csv|pt)", profile):
        assert path.removeprefix("data/").removeprefix("weights/") in guide, path
    assert "/runs/" in (project.folder / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "o2b run 'a project'" in project.next_steps()


def test_a_study_brings_the_notebooks_of_the_steps_that_it_needs(tmp_path):
    for study in studies():
        project = make_project(tmp_path / study.name / "mine", [study.name], Profile)
        needed = {step.notebook for own in study.steps for step in own.closure()}
        assert {path.stem for path in (project.folder / "notebooks").iterdir()} == needed


@pytest.mark.parametrize(
    ("folder", "names", "message"),
    [
        ("full", [], "is not empty"),
        ("file", [], "a file of that name"),
        ("demo", [], "cannot have this name"),
        ("store", [], "cannot have this name"),
        ("new", [f"{BY_DEFAULT[0]}s"], f"did you mean {BY_DEFAULT[0]!r}"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(tmp_path, folder, names, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.docx").touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ParameterError, match=message):
        make_project(tmp_path / folder, names, Profile)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the wheel from a copy of the repository and install it into a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for file in (path for path in ROOT.iterdir() if path.is_file()):
        shutil.copyfile(file, folder / "source" / file.name)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(folder / "source")]
    _pip(*build)
    (wheel,) = folder.glob("*.whl")
    shutil.rmtree(folder / "source")
    _pip("install", "--no-deps", "--no-index", "--target", str(folder / "site"), str(wheel))
    return folder / "site"


@pytest.mark.slow
def test_a_wheel_carries_notebooks_profiles_and_templates(site):
    for name in ("notebooks", "params", "templates"):
        carried = {path.name for path in (site / "o2b_helpers" / "project" / name).iterdir()}
        assert carried == {path.name for path in (ROOT / name).iterdir() if path.is_file()}
    assert (site / "o2b_helpers" / "py.typed").is_file()
    for study in studies():
        source = ROOT / "o2b_helpers" / "studies" / study.name
        for file in [*source.rglob("*.yaml"), *source.rglob("*.md"), *source.rglob("*.js"), *source.rglob("*.jinja")]:
            assert (site / file.relative_to(ROOT)).is_file(), file


@pytest.mark.slow
def test_an_installed_package_makes_a_project_and_runs_it_to_its_report(site, tmp_path):
    _o2b(site, tmp_path, "new", "mine")
    project = tmp_path / "mine"
    assert "everything is there" in _o2b(site, project, "doctor", "demo")
    # the notebooks of one study: what a wheel may lack is the same for all
    tree = {**merged(SMALL, significance={"permutations": 99, "bootstrap": 99}), "studies": ["alignment"]}
    _write(project / "params" / "mine-small.yaml", yaml.safe_dump(tree))
    printed = _o2b(site, project, "run", "mine-small")
    report = project / "runs" / "mine-small" / "report" / "index.html"
    assert str(report) in printed and report.stat().st_size > 100_000
    executed = project / "runs" / "mine-small" / "notebooks"
    usual = {f"{step.notebook}.ipynb" for study in studies() if study.name == "alignment" for step in study.steps}
    assert {path.name for path in executed.glob("*.ipynb")} == usual
    assert usual <= {path.name for path in (project / "notebooks").iterdir()}
    assert json.loads((project / "runs" / "mine-small" / "results" / "provenance.json").read_text())["steps"]


@pytest.mark.slow
def test_outside_a_project_an_installed_package_says_how_to_make_one(site, tmp_path):
    """It must not write results into its own folder."""
    before = _files(site)
    assert "`o2b new FOLDER` makes a project" in _o2b(site, tmp_path, "run", "demo", fails=True)
    assert not any(tmp_path.iterdir()) and _files(site) == before


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def _write(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def _pip(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "-q", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _o2b(site: Path, folder: Path, *arguments: str, fails: bool = False) -> str:
    """Run the installed command in a folder, with nothing of the clone on the path."""
    variables = environment(PYTHONPATH=str(site), PYTHONSAFEPATH="1")
    source = "import o2b_helpers; print(o2b_helpers.__file__)"
    where = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True, cwd=folder, env=variables
    )
    assert Path(where.stdout.strip()).is_relative_to(site)
    done = subprocess.run(
        [sys.executable, "-m", "o2b_helpers.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
        cwd=folder,
        env=variables,
    )
    assert done.returncode == int(fails), done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr
