"""The command under hard surroundings: kernels by name, narrow encodings, signals, folders that go, no network."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from helpers import command, environment
from study_fixture import write_study

ONLY_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
MOST_SECONDS = 10


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study") / "Größe → 感情")


@pytest.fixture
def profile(study, tmp_path):
    shutil.copytree(study.parent, tmp_path / study.parent.name)
    return tmp_path / study.parent.name / study.name


def started(profile: Path, *arguments: str, **options) -> subprocess.Popen:
    """Start a run, and return it once it computes."""
    run = subprocess.Popen(
        [sys.executable, "-m", "o2b_helpers.cli", "run", str(profile), *arguments],
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


def ended(run: subprocess.Popen) -> str:
    """Wait for a run that was told to end; return what it still said."""
    began = time.monotonic()
    said = run.communicate(timeout=60)[0]
    assert time.monotonic() - began < MOST_SECONDS and "Traceback" not in said, said
    return said


def kernel_of(run: subprocess.Popen) -> psutil.Process:
    [kernel] = [p for p in psutil.Process(run.pid).children() if any("launcher" in part for part in p.cmdline())]
    return kernel


def as_user() -> None:
    """Take root's right to write everywhere away from the process that is to start."""
    if os.geteuid() == 0:
        import ctypes

        for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            ctypes.CDLL(None).prctl(24, right)  # PR_CAPBSET_DROP


def test_a_kernel_by_name_and_a_narrow_encoding_change_nothing(profile, tmp_path):
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    no_kernel = {"argv": [shutil.which("false"), "{connection_file}"], "display_name": "Python 3", "language": "python"}
    spec.write_text(json.dumps(no_kernel), encoding="utf-8")
    surroundings = {"JUPYTER_PATH": str(tmp_path / "jupyter"), "PYTHONIOENCODING": "ascii"}
    done = command("run", profile, "--only", "00", env=environment(**surroundings))
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    narrow = command("status", profile, env=environment(PYTHONIOENCODING="cp1252"), encoding="cp1252")
    assert narrow.returncode == 0 and "Größe ?" in narrow.stdout, narrow.stderr
    broken = command("run", profile.with_name("感情.yaml"), env=environment(PYTHONIOENCODING="ascii:strict"))
    assert broken.returncode == 1 and "no such profile" in broken.stderr and "Traceback" not in broken.stderr


@ONLY_POSIX
def test_a_killed_kernel_ends_the_run_with_one_message_and_the_next_run_goes_on(profile):
    run = started(profile, "--only", "00")
    kernel_of(run).kill()
    said = ended(run)
    assert run.returncode == 1 and "Error: the kernel of 00_inputs has ended" in said and "signal 9" in said
    again = command("run", profile, "--only", "00")
    assert again.returncode == 0, again.stderr


@ONLY_POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_like_ctrl_c(profile, name):
    run = started(profile, "--only", "00")
    kernel = kernel_of(run)
    run.send_signal(getattr(signal, name))
    said = ended(run)
    assert run.returncode == 128 + getattr(signal, name) and "finished results are kept" in said
    assert not kernel.is_running()
    assert "last run: stopped" in command("status", profile).stdout


@ONLY_POSIX
def test_a_reader_that_goes_away_ends_the_run_quietly(profile):
    run = started(profile, "--only", "00")
    kernel = kernel_of(run)
    run.stdout.close()
    run.wait(60)
    assert run.returncode and not kernel.is_running()


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
def test_a_folder_that_goes_midway_is_one_message_and_the_next_run_goes_on(profile, what):
    runs = profile.parent / "runs"
    if what == "full" and not hasattr(psutil.Process, "rlimit"):
        pytest.skip("the size of a running process' files can be limited on Linux only")
    run = started(profile, "--only", "00", preexec_fn=as_user)
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
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 1 and "Error:" in said and "to do:" in said and "Traceback" not in said, said
    if what == "moved":
        shutil.rmtree(runs, ignore_errors=True)
        runs.with_name("moved").rename(runs)
    elif what == "read-only":
        for path in folders:
            path.chmod(0o755)
    again = command("run", profile, "--only", "00")
    assert again.returncode == 0, again.stderr


def test_a_run_asks_nothing_of_the_network(profile, network, tmp_path):
    """Pictures are checked and objects detected; tests/report/test_browser.py looks at the figures."""
    folder = tmp_path / "watch"
    variables = network.guarded(folder)
    run = network.traced([sys.executable, "-m", "o2b_helpers.cli", "run", str(profile), "--only", "00,05"], folder)
    done = subprocess.run(run, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert network.attempts(folder) == []
