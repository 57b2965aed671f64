"""Kill a run at any moment; the next one goes on and ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from helpers import SMALL, command, content, environment, write_profile

KILLS = 5


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    profile = write_profile(tmp_path_factory.mktemp("undisturbed"), SMALL)
    began = time.monotonic()
    done = command("run", profile)
    assert done.returncode == 0, done.stderr
    return content(profile.parent / "runs" / "study" / "results"), time.monotonic() - began


@pytest.mark.slow
def test_killed_runs_go_on_to_the_same_bytes(undisturbed, tmp_path):
    expected, seconds = undisturbed
    profile = write_profile(tmp_path, SMALL)
    moments = random.Random(20)
    killed = 0
    while killed < KILLS:
        run = subprocess.Popen(
            [sys.executable, "-m", "o2b_helpers.cli", "run", str(profile)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            run.wait(moments.uniform(0.1, 0.35) * seconds)
            break  # finished before it could be killed: nothing is left to disturb
        except subprocess.TimeoutExpired:
            # every second time only the command dies and its notebook kernel is left to notice by itself
            if killed % 2:
                run.kill()
            else:
                os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            killed += 1
    assert killed >= 3
    done = command("run", profile)
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(tmp_path / "runs" / "study" / "results") == expected
    assert "reused" in done.stdout


@pytest.mark.slow
def test_the_same_profile_gives_identical_results_twice(undisturbed, tmp_path):
    profile = write_profile(tmp_path, SMALL)
    from o2b_helpers.analyses.keys import NOTEBOOKS
    from o2b_helpers.analyses.step import run_step
    from o2b_helpers.params import load_params

    for step in NOTEBOOKS:  # without papermill: a researcher in JupyterLab gets the same bytes as the command
        run_step(load_params(profile), step)
    assert content(tmp_path / "runs" / "study" / "results") == undisturbed[0]


def test_a_run_under_another_locale_reads_the_same_profile(tmp_path):
    profile = write_profile(tmp_path, SMALL)
    done = command("run", profile, "--only", "00", env=environment(LC_ALL="C", LANG="C"))
    assert done.returncode == 0, done.stderr
