"""The structure that CONTRIBUTING describes: small files, small folders, layers without circles."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib

import pytest
from helpers import ROOT

from o2b_helpers.studies.registry import NAMES

MOST_LINES, MOST_MODULES = 350, 16
PACKAGE = ROOT / "o2b_helpers"


def test_no_module_is_long_and_no_folder_is_crowded():
    long = {p: n for p in PACKAGE.rglob("*.py") if (n := len(p.read_text(encoding="utf-8").splitlines())) > MOST_LINES}
    assert not long
    crowded = {f: n for f in PACKAGE.rglob("*") if f.is_dir() and (n := len(list(f.glob("*.py")))) > MOST_MODULES}
    assert not crowded


def test_every_folder_says_what_belongs_there():
    for folder in {path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE}:
        assert (folder / "__init__.py").read_text(encoding="utf-8").startswith('"""'), folder


def test_the_contracts_know_every_study():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    by_name = {contract["id"]: contract for contract in contracts}
    assert set(NAMES) <= set(by_name["studies"]["layers"])
    first = by_name["studies"]["layers"][-2]  # the lowest study may be read by all others, and reads none
    siblings = {f"o2b_helpers.studies.{name}" for name in NAMES if name != first}
    assert siblings <= set(by_name["siblings"]["source_modules"])


def _lint(folder) -> subprocess.CompletedProcess:
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    return subprocess.run([sys.executable, "-c", lint], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("core/errors.py", "import o2b_helpers.core.params", "No circle of imports"),
        ("kernels/checks.py", "import o2b_helpers.report.style", "A layer imports only from the layers below it"),
        (
            "studies/alignment/inputs.py",
            "import o2b_helpers.studies.object2brain.objects",
            "The registry stands above the studies",
        ),
        (
            "studies/object2brain/objects.py",
            "import o2b_helpers.studies.alignment.section",
            "A study reads of another one only",
        ),
    ],
)
def test_a_forbidden_import_is_noticed(tmp_path, module, line, broken):
    shutil.copytree(PACKAGE, tmp_path / "o2b_helpers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file = tmp_path / "o2b_helpers" / module
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    done = _lint(tmp_path)
    assert done.returncode == 1 and any(broken in row and "BROKEN" in row for row in done.stdout.splitlines())


def test_the_imports_as_they_are_break_no_contract():
    done = _lint(ROOT)
    assert done.returncode == 0 and "0 broken" in done.stdout, done.stdout
