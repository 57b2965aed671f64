"""Put the status file of a run into words."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import psutil

from o2b_helpers.core.progress import read_status_file, step_in_words


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
        return ""
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
