"""A folder that may not be written to ends in a clear error of the command, never in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from helpers import SMALL, write_profile

# root may write anywhere, so it steps down first, after the imports: its interpreter may be readable to root only
SOURCE = """
    import os, sys
    from o2b_helpers import cli, doctor, series
    from o2b_helpers.report import publish
    from o2b_helpers.studies.registry import load_params
    load_params(sys.argv[-1]).known_steps
    import papermill
    "".encode("unicode_escape")  # a codec that reading a notebook loads
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    cli.main()
"""


def _command(*arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SOURCE), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture
def readable():
    """Make a folder that others may look into, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize(
    ("name", "writable"), [("run", ()), ("run", ("store",)), ("run", ("store", "study")), ("status", ())]
)
def test_a_read_only_folder_is_said(readable, writable, name):
    profile = write_profile(readable / "project", SMALL)
    runs = profile.parent / "runs"
    (runs / "store").mkdir(parents=True)
    for folder in ("study/notebooks", "study/results"):
        (runs / folder).mkdir(parents=True)
    for folder in (runs, *runs.rglob("*")):
        folder.chmod(0o777 if str(folder.relative_to(runs)) in writable else 0o555)
    done = _command(name, profile)
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode == 1 and "\nError: " in done.stderr and "Permission denied" in done.stderr, done.stderr
    assert "execution.runs_folder" in done.stderr
    assert not [path for folder in ("notebooks", "results") for path in (runs / "study" / folder).iterdir()]
    for folder in (runs, *runs.rglob("*")):
        os.chmod(folder, 0o777)
