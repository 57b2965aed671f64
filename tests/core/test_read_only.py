"""A folder that may not be written to ends in a clear error of the command, never in a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from helpers import SMALL, write_profile

# the command, and the folders below runs/ that may be written to
CASES = [("run", ()), ("run", ("store",)), ("run", ("store", "study")), ("status", ())]

# Root may write anywhere, so it steps down first, after the imports: its interpreter may be readable to root only.
SOURCE = """
    import contextlib, io, json, os, sys, traceback
    from o2b_helpers import cli, doctor, series
    from o2b_helpers.report import publish
    from o2b_helpers.studies.registry import load_params
    cases = json.loads(sys.argv[1])
    load_params(cases[0][1]).known_steps
    import papermill
    "".encode("unicode_escape")  # a codec that reading a notebook loads
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    said = []
    for arguments in cases:
        sys.argv[1:], code = arguments, 0
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
            try:
                cli.main()
            except SystemExit as end:
                code = end.code
            except BaseException:
                traceback.print_exc()
        said.append([code, out.getvalue()])
    print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def outcomes():
    """Run all cases in one process; the folder is one that others may look into, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        profiles = []
        for number, (_, writable) in enumerate(CASES):
            profiles.append(write_profile(Path(name) / f"project {number}", SMALL))
            runs = profiles[-1].parent / "runs"
            for folder in ("store", "study/notebooks", "study/results"):
                (runs / folder).mkdir(parents=True)
            for folder in (runs, *runs.rglob("*")):
                folder.chmod(0o777 if str(folder.relative_to(runs)) in writable else 0o555)
        commands = [[command, str(profile)] for (command, _), profile in zip(CASES, profiles, strict=True)]
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(SOURCE), json.dumps(commands)],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        written = [list((profile.parent / "runs" / "study").glob("*/*")) for profile in profiles]
        for folder in Path(name).rglob("*"):
            os.chmod(folder, 0o777)
        yield dict(zip(CASES, zip(json.loads(done.stdout.splitlines()[-1]), written, strict=True), strict=True))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_read_only_folder_is_said(outcomes, case):
    (code, said), written = outcomes[case]
    assert "Traceback" not in said
    assert code == 1 and "\nError: " in said and "Permission denied" in said, said
    assert "execution.runs_folder" in said
    assert not written
