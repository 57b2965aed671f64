"""Notebooks run in a kernel of this very Python; its death and the signals of the command are noticed and named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from helpers import ROOT, environment, has_ended

from o2b_helpers.core.errors import EnvironmentFault, InputError, KernelError, StoreError
from o2b_helpers.core.notebooks.execute import execute
from o2b_helpers.core.notebooks.signs import Stopped

ONLY_POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
NO_HANG = 60  # seconds on a busy machine; benchmarks/kills.py measures how long it really takes


def notebook(folder: Path, *cells: str, **metadata) -> Path:
    """Write a notebook with a parameters cell and these cells."""
    parameters = nbformat.v4.new_code_cell("profile = ''\noverrides = {}", metadata={"tags": ["parameters"]})
    made = nbformat.v4.new_notebook(cells=[parameters, *map(nbformat.v4.new_code_cell, cells)], metadata=metadata)
    file = folder / "07_made_up.ipynb"
    nbformat.write(made, file)
    return file


def run(folder: Path, *cells: str, **metadata) -> Path:
    """Execute the notebook and return the executed one."""
    target = folder / "executed" / "07_made_up.ipynb"
    execute(notebook(folder, *cells, **metadata), target, {"profile": "demo", "overrides": {}})
    return target


def printed(target: Path) -> str:
    cells = json.loads(target.read_text(encoding="utf-8"))["cells"]
    return "".join("".join(out.get("text", "")) for c in cells for out in c.get("outputs", []))


def kernelspec(folder: Path, name: str = "python3") -> None:
    """Make a kernel of this name that cannot run a notebook."""
    file = folder / "kernels" / name / "kernel.json"
    file.parent.mkdir(parents=True)
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    file.write_text(json.dumps(spec), encoding="utf-8")


@pytest.mark.parametrize(
    ("variable", "metadata"),
    [
        ("JUPYTER_PATH", {}),
        ("JUPYTER_DATA_DIR", {"kernelspec": {"name": "other", "display_name": "Other", "language": "R"}}),
        ("JUPYTER_DEFAULT_PROVISIONER_NAME", {"kernelspec": {"name": "python3", "display_name": "Python 3"}}),
    ],
)
def test_the_interpreter_that_runs_the_command_runs_the_kernel(tmp_path, monkeypatch, variable, metadata):
    kernelspec(tmp_path / "jupyter")
    kernelspec(tmp_path / "jupyter", "other")
    monkeypatch.setenv(variable, str(tmp_path / "jupyter"))
    assert printed(run(tmp_path, "import sys; print(sys.executable)", **metadata)).strip() == sys.executable


def test_a_kernel_imports_what_the_command_imports_and_no_start_up_script_of_the_user(tmp_path, monkeypatch):
    """A package that only the command's import path knows; a user's IPython that would change the numbers."""
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "only_of_the_command.py").write_text("NUMBER = 5", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "only"))
    startup = tmp_path / "ipython" / "profile_default" / "startup" / "mine.py"
    startup.parent.mkdir(parents=True)
    startup.write_text("number_of_the_user = 6", encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cell = "import only_of_the_command, o2b_helpers\nprint(only_of_the_command.NUMBER, o2b_helpers.__file__)\n"
    cell += "print('number_of_the_user' in globals())"
    import o2b_helpers

    assert printed(run(tmp_path, cell)).split("\n")[:2] == [f"5 {o2b_helpers.__file__}", "False"]


@ONLY_POSIX
@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9, SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal 11, SIGSEGV"),
        ("os._exit(3)", "exit code 3"),
    ],
)
def test_a_kernel_that_dies_is_an_error_that_says_how(tmp_path, last, words):
    with pytest.raises(KernelError, match="07_made_up") as error:
        run(tmp_path, "import os, signal, sys, time", f"print('first', flush=True); time.sleep(1); {last}", "1 / 0")
    assert words in error.value.value and "run the same command again" in error.value.remedy
    assert ("memory" in error.value.value) == ("KILL" in words)
    executed = tmp_path / "executed" / "07_made_up.ipynb"
    assert "first" in printed(executed)
    shown = [
        out for c in json.loads(executed.read_text())["cells"] for out in c["outputs"] if out["output_type"] == "error"
    ]
    assert [out["ename"] for out in shown] == ["KernelError"] and words in shown[0]["evalue"]


@ONLY_POSIX
@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.1])
def test_the_death_of_a_kernel_that_computes_is_noticed_at_any_moment(tmp_path, seconds):
    """Its Python is busy, as in a long product of matrices, so that nothing in it can answer."""
    busy = f"import ctypes, os, pathlib; pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))"
    ended = []

    def kill() -> None:
        process = wait_for(tmp_path / "pid")
        time.sleep(seconds)
        process.kill()
        ended.append(time.monotonic())

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(KernelError, match="has ended before its notebook"):
        run(tmp_path, f"{busy}\nctypes.PyDLL(None).sleep(300)")
    killer.join()
    assert time.monotonic() - ended[0] < NO_HANG


@ONLY_POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_kernel_and_then_the_command(tmp_path, name):
    code = (
        "import sys, pathlib\nfrom o2b_helpers.core.notebooks.execute import execute\n"
        "from o2b_helpers.core.notebooks.signs import Stopped, stop_on_signals\nstop_on_signals()\n"
        "try:\n    execute(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), {})\n"
        "except Stopped as stop:\n    sys.exit(stop.exit_code)\n"
    )
    command, kernel = start(tmp_path, code)
    command.send_signal(getattr(signal, name))
    said = command.communicate(timeout=NO_HANG)[0]
    assert command.returncode == 128 + getattr(signal, name) and "Traceback" not in said, said
    assert has_ended(kernel)


@ONLY_POSIX
def test_a_reader_that_goes_away_ends_the_command(tmp_path):
    """E.g. `o2b run | head`: nothing would be seen of what a notebook prints for hours."""
    code = (
        "import sys, pathlib\nfrom o2b_helpers.core.notebooks.execute import execute\n"
        "try:\n    execute(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), {})\n"
        "except BrokenPipeError:\n    import os\n    os._exit(13)\n"
    )
    cell = f"import os, pathlib, time; pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
    command, kernel = start(tmp_path, code, cell + "while True:\n    print('line', flush=True); time.sleep(0.1)")
    command.stdout.close()
    assert command.wait(timeout=NO_HANG) == 13 and has_ended(kernel)


@ONLY_POSIX
def test_a_kernel_ends_with_a_command_that_is_killed(tmp_path):
    """Also where its Python is busy and cannot look for the command itself."""
    code = (
        "import sys, pathlib\nfrom o2b_helpers.core.notebooks.execute import execute\n"
        "execute(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), {})\n"
    )
    command, kernel = start(tmp_path, code)
    command.kill()
    command.communicate()
    for _ in range(10 * (NO_HANG if sys.platform == "linux" else 310)):
        if has_ended(kernel):
            return
        time.sleep(0.1)
    pytest.fail("the kernel lives on")


def start(folder: Path, code: str, cell: str = "") -> tuple[subprocess.Popen, psutil.Process]:
    """Start a command whose kernel computes for minutes; return both once it does."""
    busy = f"import ctypes, os, pathlib; pathlib.Path({str(folder / 'pid')!r}).write_text(str(os.getpid()))"
    source = notebook(folder, cell or f"{busy}\nctypes.PyDLL(None).sleep(300)")
    command = subprocess.Popen(
        [sys.executable, "-c", code, str(source), str(folder / "executed.ipynb")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(PYTHONPATH=str(ROOT)),
    )
    return command, wait_for(folder / "pid")


def wait_for(file: Path) -> psutil.Process:
    """Wait until a kernel has written its number, and return its process."""
    for _ in range(600):
        if file.is_file() and file.read_text():
            return psutil.Process(int(file.read_text()))
        time.sleep(0.1)
    raise AssertionError("the kernel did not start")


def stumbling(folder: Path, times: int) -> str:
    """Make kernels stumble at their start, so and so many times; return what to put on PYTHONPATH."""
    folder.mkdir()
    (folder / "times").write_text(str(times), encoding="utf-8")
    (folder / "sitecustomize.py").write_text(
        "import os, pathlib, sys\n"
        f"file = pathlib.Path({str(folder / 'times')!r})\n"
        "if 'O2B_IMPORT_PATH' in os.environ and (left := int(file.read_text())):\n"
        "    file.write_text(str(left - 1))\n"
        "    print('Address already in use', file=sys.stderr, flush=True)\n"
        "    os._exit(1)\n",
        encoding="utf-8",
    )
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))


def test_a_kernel_that_does_not_start_is_started_once_more(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", stumbling(tmp_path / "path", 1))
    assert "works" in printed(run(tmp_path, "print('works')"))
    assert "the kernel of 07_made_up did not start; once more" in capsys.readouterr().out
    (tmp_path / "path" / "times").write_text("2", encoding="utf-8")
    with pytest.raises(KernelError) as error:
        run(tmp_path, "print('works')")
    assert "exit code 1: Address already in use" in error.value.value


def test_errors_of_cells_come_back_as_they_were_and_those_of_the_machine_with_what_to_do(tmp_path):
    raised = "from o2b_helpers.core.errors import InputError\n"
    raised += "raise InputError('no pictures', value='0', expected='30', remedy='add some')"
    with pytest.raises(InputError, match="no pictures") as own:
        run(tmp_path, raised)
    assert (own.value.value, own.value.expected, own.value.remedy) == ("0", "30", "add some")
    with pytest.raises(StoreError, match="stopped with ZeroDivisionError") as other:
        run(tmp_path, "1 / 0")
    assert "07_made_up.ipynb" in other.value.remedy
    with pytest.raises(EnvironmentFault, match="too little memory"):
        run(tmp_path, "raise MemoryError")


@ONLY_POSIX
def test_too_many_open_files_are_named_in_the_kernel_and_in_the_command(tmp_path):
    import resource

    cell = "import resource, os\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
    with pytest.raises(EnvironmentFault, match="Too many files") as error:
        run(tmp_path, f"{cell}files = [open(os.devnull) for _ in range(99)]")
    assert "ulimit -n" in error.value.remedy
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 2, hard))
        with pytest.raises(EnvironmentFault, match="Too many files") as error:
            run(tmp_path, "print('never')")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "ulimit -n" in error.value.remedy


def test_stopped_passes_code_that_guards_against_errors():
    with pytest.raises(Stopped) as stopped:
        try:
            raise Stopped(15)
        except Exception:
            pytest.fail("it was taken for an error")
    assert stopped.value.exit_code == 143
