from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from helpers import ROOT, SMALL, command, environment, write_profile

from o2b_helpers.core import progress as module
from o2b_helpers.core.progress import STATUS_FILE, note_status, progress, read_status_file, run_in_words, status_file


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that the test sets; no test waits."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module, "_last_line", [-1e9])
    return now


def work(items, clock, seconds, what="scoring images"):
    for item in progress(items, what):
        clock[0] += seconds
        yield item


def test_a_run_without_onlookers_prints_a_line_at_most_every_15_s(clock, capsys):
    assert list(work(range(60), clock, 1.0)) == list(range(60))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "  scoring images: 16 of 60, 44 s left (1.0 per s)"
    assert len(lines) == 3
    list(work(range(30), clock, 1.0, "the next step"))
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_short_steps_print_nothing(clock, capsys):
    for _ in range(10):
        list(work(range(14), clock, 1.0))
    assert capsys.readouterr().out == ""


def test_the_status_file_says_how_far_a_run_is_and_how_it_ended(clock, tmp_path):
    path = tmp_path / "runs" / "status.json"
    with status_file(path, profile="demo", of=10):
        note_status(notebook="06_filter_sensitivity", place=7)
        for _ in work(range(40), clock, 1.0):
            seen = read_status_file(path)
        assert seen["state"] == "running" and seen["pid"] == os.getpid()
        assert seen["step"]["done"] >= 36 and seen["step"]["total"] == 40 and seen["step"]["per_second"] == 1.0
        words = run_in_words(path)
        assert words.startswith("now: running 06_filter_sensitivity (7 of 10), scoring images: ")
        assert "s left" in words
    assert STATUS_FILE not in os.environ
    assert read_status_file(path)["state"] == "done" and run_in_words(path).startswith("last run: finished")
    assert [p.name for p in path.parent.iterdir()] == ["status.json"]


@pytest.mark.parametrize(
    ("error", "state"), [(ValueError("no such file\nmore"), "failed"), (KeyboardInterrupt(), "stopped")]
)
def test_a_run_that_breaks_off_says_so(tmp_path, error, state):
    path = tmp_path / "status.json"
    with pytest.raises(type(error)), status_file(path, of=3):
        note_status(notebook="02_valence_models", place=3)
        raise error
    assert read_status_file(path)["state"] == state
    assert f"{state} in 02_valence_models (3 of 3)" in run_in_words(path)
    assert ("no such file" in run_in_words(path)) == (state == "failed")


def test_a_run_whose_process_is_gone_is_not_called_running(tmp_path):
    path = tmp_path / "status.json"
    code = (
        "import os, pathlib, sys; from o2b_helpers.core import progress as p\n"
        "with p.status_file(pathlib.Path(sys.argv[1]), of=2):\n"
        "    p.note_status(notebook='05_objects', place=1)\n"
        "    os._exit(9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], env=environment(PYTHONPATH=str(ROOT)), check=False)
    assert ended.returncode == 9 and read_status_file(path)["state"] == "running"
    assert run_in_words(path).startswith("last run: stopped in 05_objects (1 of 2)")


def test_a_broken_or_absent_status_file_is_no_error(tmp_path):
    assert run_in_words(tmp_path / "status.json") == ""
    (tmp_path / "status.json").write_text("{half", encoding="utf-8")
    assert run_in_words(tmp_path / "status.json").startswith("last run: unknown")
    note_status(step=None)  # no run goes on: nothing is written
    assert [p.name for p in tmp_path.iterdir()] == ["status.json"]


def test_a_notebook_shows_a_bar_unless_the_series_runs_it(tmp_path):
    """Ask a real kernel, with and without a status file."""
    from jupyter_client.manager import start_new_kernel

    code = (
        "import sys\nfrom o2b_helpers.core.progress import progress\nlist(progress(range(3), 'steps'))\n"
        "'tqdm' in sys.modules"
    )
    for variables, bar in (({}, "True"), ({STATUS_FILE: str(tmp_path / "status.json")}, "False")):
        manager, client = start_new_kernel(env=environment(PYTHONPATH=str(ROOT), **variables))
        try:
            answered = []
            client.execute_interactive(code, timeout=60, output_hook=answered.append)
            results = [m["content"]["data"]["text/plain"] for m in answered if m["msg_type"] == "execute_result"]
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
        assert results == [bar]
        shown = json.dumps([m["content"] for m in answered if m["msg_type"] == "display_data"])
        assert ("steps" in shown) == (bar == "True")


def test_the_command_says_how_far_a_run_is(tmp_path):
    file = write_profile(tmp_path, SMALL)
    with status_file(tmp_path / "runs" / "study" / "status.json", of=10):
        note_status(notebook="06_filter_sensitivity", place=7)
        going_on = command("status", file)
    ended = command("status", file)
    assert going_on.returncode == ended.returncode == 0
    assert going_on.stdout.splitlines()[-1].startswith("now: running 06_filter_sensitivity (7 of 10); as of ")
    assert ended.stdout.splitlines()[-1].startswith("last run: finished ")
