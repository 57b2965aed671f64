"""Kill a run at any moment; the next one goes on and ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pytest
from helpers import SMALL, command, content, environment, has_ended, write_profile

KILLS = 3  # one of each kind; benchmarks/kills.py kills thirty runs, of all studies
ONE_STUDY = {**SMALL, "studies": ["alignment"]}  # what is killed and goes on is the same for every study


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    profile = write_profile(tmp_path_factory.mktemp("undisturbed"), ONE_STUDY)
    done = command("run", profile)
    assert done.returncode == 0, done.stderr
    return content(profile.parent / "runs" / "study" / "results")


@pytest.mark.slow
def test_killed_runs_go_on_to_the_same_bytes(undisturbed, tmp_path):
    profile = write_profile(tmp_path, ONE_STUDY)
    moments = random.Random(20)
    for kill in range(KILLS):
        run = subprocess.Popen(
            [sys.executable, "-m", "o2b_helpers.cli", "run", str(profile)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        # counted in results, not in seconds, so that a fast machine does not finish before it is killed
        left = moments.randint(1, 3)
        while left:
            line = run.stdout.readline()
            assert line, "the run ended before it could be killed"
            left -= "computing" in line
        time.sleep(moments.uniform(0, 1))
        # of three, one dies and the other is left to notice by itself: the command, the kernel, or both at once
        kernels = psutil.Process(run.pid).children()
        if kill % 3 == 0:
            os.killpg(run.pid, signal.SIGKILL)
        elif kill % 3 == 1:
            run.kill()
        else:
            kernels[-1].kill()
        said, _ = run.communicate(timeout=60)
        assert run.returncode == (1 if kill % 3 == 2 else -signal.SIGKILL) and "Traceback" not in said
        psutil.wait_procs(kernels, timeout=10)
        assert all(map(has_ended, kernels))
    done = command("run", profile)
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(tmp_path / "runs" / "study" / "results") == undisturbed
    assert "reused" in done.stdout


@pytest.mark.slow
def test_the_same_profile_gives_identical_results_twice(undisturbed, tmp_path):
    from o2b_helpers.core.running.run import run_step
    from o2b_helpers.studies.registry import load_params

    # without papermill: a researcher in JupyterLab gets the same bytes as the command
    found = []
    for name, tree in (("one", ONE_STUDY), ("first", SMALL), ("second", SMALL)):
        profile = write_profile(tmp_path / name, tree)
        for step in load_params(profile).steps:
            run_step(load_params(profile), step.name)
        found.append(content(tmp_path / name / "runs" / "study" / "results"))
    assert found[0] == undisturbed
    assert found[1] == found[2] and len(found[1]) > len(undisturbed)


def test_a_run_under_another_locale_reads_the_same_profile(tmp_path):
    profile = write_profile(tmp_path, SMALL)
    done = command("run", profile, "--only", "00", env=environment(LC_ALL="C", LANG="C"))
    assert done.returncode == 0, done.stderr
