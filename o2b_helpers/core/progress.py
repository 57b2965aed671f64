"""Show how far a long step is: a bar where somebody looks on, else a line now and then and a status file."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import psutil

from o2b_helpers.core.digests import digest_of

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 15.0
SECONDS_BETWEEN_NOTES = 2.0
# A run without onlookers names its status file here; the kernels that it starts read it, and show no bar.
STATUS_FILE = "O2B_STATUS_FILE"
_last_line = [-SECONDS_BETWEEN_LINES]  # when a line was printed last, by whichever step


def say(message: str) -> None:
    """Print one line at once, also where standard output is a pipe."""
    print(message, flush=True)


def progress(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yield every item and report the rate and the remaining time.

    In a terminal and in JupyterLab a bar is shown. Else a line is printed at most every 15 s, and in a run of the
    series its status file is kept up to date.

    Parameters
    ----------
    items : iterable
        What the step works through.
    what : str
        The step in words, e.g. ``"scoring images"``.
    total : int, optional
        Number of items; taken from ``len(items)`` where there is one.

    Yields
    ------
    item
        The items, unchanged and in order.
    """
    total = len(items) if total is None and isinstance(items, Sized) else total
    if shows_bar():
        from tqdm.auto import tqdm

        yield from tqdm(items, desc=what, total=total, leave=False)
        return
    started = noted = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - noted >= SECONDS_BETWEEN_NOTES:
            noted = now
            step = {"what": what, "done": done, "total": total, "per_second": round(done / (now - started), 3)}
            step["seconds_left"] = None if total is None else round(max(total - done, 0) * (now - started) / done)
            note_status(step=step)
            # a step that has just begun is told of only when it has lasted, and all steps share one pace
            if now - started >= SECONDS_BETWEEN_LINES and now - _last_line[0] >= SECONDS_BETWEEN_LINES:
                _last_line[0] = now
                say(f"  {step_in_words(step)}")


def shows_bar() -> bool:
    """Say whether somebody looks on: a terminal, or a notebook that is not run by the series."""
    if sys.stderr.isatty():
        return True
    kernel = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return kernel is not None and hasattr(kernel, "kernel") and STATUS_FILE not in os.environ


def step_in_words(step: dict[str, Any]) -> str:
    """Say how far a step is: done, of how many, seconds left, rate.

    Examples
    --------
    >>> step_in_words({"what": "scoring images", "done": 20, "total": 80, "per_second": 4.0, "seconds_left": 15})
    'scoring images: 20 of 80, 15 s left (4.0 per s)'
    """
    left = "" if step["total"] is None else f" of {step['total']}, {step['seconds_left']} s left"
    return f"{step['what']}: {step['done']}{left} ({step['per_second']:.1f} per s)"


@contextmanager
def status_file(path: Path, **facts: Any) -> Iterator[None]:
    """Keep a status file while a run goes on; at its end it says how the run ended.

    Parameters
    ----------
    path : Path
        The file (JSON): state (running, done, failed or stopped), pid, started, updated, ``facts`` and whatever
        :func:`note_status` adds.
    facts : Any
        What stays the same over the run.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with status_file(Path(folder) / "status.json", notebook="05_objects"):
    ...         note_status(place=5)
    ...     status = read_status_file(Path(folder) / "status.json")
    >>> status["state"], status["notebook"], status["place"]
    ('done', '05_objects', 5)
    """
    before = os.environ.get(STATUS_FILE)
    os.environ[STATUS_FILE] = str(path)
    note_status(state="running", pid=os.getpid(), started=_now(), **facts)
    try:
        yield
        note_status(state="done", step=None)
    except Exception as error:
        note_status(state="failed", problem=str(error).split("\n")[0])
        raise
    except BaseException:  # Ctrl-C and the like
        note_status(state="stopped")
        raise
    finally:
        if before is None:
            del os.environ[STATUS_FILE]
        else:
            os.environ[STATUS_FILE] = before


def note_status(**facts: Any) -> None:
    """Put facts into the status file of the run that goes on; nothing where there is none."""
    name = os.environ.get(STATUS_FILE)
    if name is None:
        return
    path = Path(name)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if "started" in facts:  # a new run; later notes go where it began, also where its folder was moved away
            path.parent.mkdir(parents=True, exist_ok=True)
        before = {} if "started" in facts else read_status_file(path)
        content = {**before, **facts, "updated": _now()}
        temporary.write_text(json.dumps({"seal": digest_of(content), **content}, indent=1), encoding="utf-8")
        temporary.replace(path)
    except OSError:  # a note that cannot be written, e.g. on a full disk, must not stop what it is about
        with suppress(OSError):  # a read-only disk refuses this as well
            temporary.unlink(missing_ok=True)


def read_status_file(path: Path) -> dict[str, Any]:
    """Read a status file; empty where there is none, or it is not as it was written."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) and read.pop("seal", None) == digest_of(read) else {}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def run_in_words(path: Path) -> str:
    """Say how far the run of a profile is, or how the last one ended.

    Parameters
    ----------
    path : Path
        ``runs/<profile>/status.json``.

    Returns
    -------
    str
        One line; empty where no run was ever started.
    """
    status = read_status_file(path)
    state = status.get("state")
    if state is None:
        return f"last run: unknown, {path.name} was changed after it was written" if path.is_file() else ""
    where = f"{status.get('notebook', 'the first notebook')} ({status.get('place', 0)} of {status.get('of', 0)})"
    step = status.get("step")
    step = f", {step_in_words(step)}" if step else ""
    told = status.get("updated", "")
    if state == "running" and _is_alive(status):
        return f"now: running {where}{step}; as of {told}"
    if state == "done":
        return f"last run: finished {told}"
    if state == "failed":
        return f"last run: failed in {where} {told}: {status.get('problem', '')}"
    return f"last run: stopped in {where}{step} {told}; `o2b run` goes on from there"


def _is_alive(status: dict) -> bool:
    """Say whether the process that wrote the file still runs; a later process may have been given its number."""
    try:
        process = psutil.Process(int(status["pid"]))
        began = datetime.fromisoformat(status["started"]).timestamp()
        return process.create_time() <= began + 1 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False
