"""The command under hard surroundings: kernels by name, narrow encodings, signals, folders that go, no network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from helpers import command, has_ended
from study_fixture import write_study

from o2b_helpers.core.progress import read_status_file

ONLY_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
NO_HANG = 100  # seconds on a busy machine; benchmarks/kills.py measures how long it really takes


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study") / "of my own")


@pytest.fixture
def profile(study, tmp_path):
    shutil.copytree(study.parent, tmp_path / study.parent.name)
    return (tmp_path / study.parent.name / study.name).rename(tmp_path / study.parent.name / "Größe → 感情.yaml")


def started(profile: Path, **options) -> subprocess.Popen:
    """Start a run, and return it once its first notebook computes."""
    run = subprocess.Popen(
        [sys.executable, "-m", "o2b_helpers.cli", "run", str(profile), "--only", "00"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        **options,
    )
    lines = []
    while "computing" not in "".join(lines):
        lines.append(run.stdout.readline())
        assert lines[-1], "".join(lines)
    return run


def kernel_of(run: subprocess.Popen) -> psutil.Process:
    [kernel] = [p for p in psutil.Process(run.pid).children() if any("launcher" in part for part in p.cmdline())]
    return kernel


def as_user() -> None:
    """Take root's right to write everywhere away from the process that is to start."""
    if os.geteuid() == 0:
        import ctypes

        for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, right)  # PR_CAPBSET_DROP


def test_kernels_by_name_a_narrow_encoding_and_no_network_change_nothing(profile, network, tmp_path):
    """Pictures are checked and objects detected; tests/report/test_browser.py draws the figures without a network."""
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    no_kernel = {"argv": [shutil.which("false"), "{connection_file}"], "display_name": "Python 3", "language": "python"}
    spec.write_text(json.dumps(no_kernel), encoding="utf-8")
    variables = {**network.guarded(tmp_path), "JUPYTER_PATH": str(tmp_path / "jupyter"), "PYTHONIOENCODING": "ascii"}
    some = ["run", str(profile), "--only", "00,01,02,03,05"]
    run = network.traced([sys.executable, "-m", "o2b_helpers.cli", *some], tmp_path)
    done = subprocess.run(run, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert "00_inputs (Gr??e ? ??)" in done.stdout
    assert network.attempts(tmp_path) == []


@ONLY_POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_the_run_in_good_order(profile, name):
    run = started(profile)
    kernel = kernel_of(run)
    run.send_signal(getattr(signal, name))
    said = run.communicate(timeout=NO_HANG)[0]
    assert "Traceback" not in said, said
    assert run.returncode == 128 + getattr(signal, name) and "finished results are kept" in said
    assert has_ended(kernel)
    assert read_status_file(profile.parent / "runs" / profile.stem / "status.json")["state"] == "stopped"


@ONLY_POSIX
def test_a_runs_folder_that_may_not_be_written_is_named(profile):
    runs = profile.parent / "runs"
    runs.mkdir()
    runs.chmod(0o555)
    done = command("run", profile, "--only", "00", preexec_fn=as_user)
    runs.chmod(0o755)
    assert done.returncode == 1 and str(runs) in done.stderr and "to do:" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@ONLY_POSIX
@pytest.mark.parametrize("what", ["moved", "read-only", "full"])
def test_a_folder_that_goes_midway_is_one_message(profile, what):
    """benchmarks/kills.py looks whether the next run goes on to the same bytes."""
    if what == "full" and not hasattr(psutil.Process, "rlimit"):
        pytest.skip("the size of a running process' files can be limited on Linux only")
    runs = profile.parent / "runs"
    run = started(profile, preexec_fn=as_user)
    if what == "moved":
        runs.rename(runs.with_name("moved"))
    elif what == "read-only":
        folders = [path for path in (runs, *runs.rglob("*")) if path.is_dir()]
        for path in folders:
            path.chmod(0o555)
    else:
        import resource

        for process in (psutil.Process(run.pid), kernel_of(run)):
            process.rlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    said = run.communicate(timeout=NO_HANG)[0]
    if what == "read-only":
        for path in folders:
            path.chmod(0o755)
    assert run.returncode == 1 and "Error:" in said and "to do:" in said and "Traceback" not in said, said
