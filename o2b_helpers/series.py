"""Run the numbered notebooks one after the other through papermill, and go on where an earlier run stopped."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from o2b_helpers.core.digests import code_digests, digest_of, file_digest
from o2b_helpers.core.errors import Object2BrainError, ParameterError, StoreError
from o2b_helpers.core.keys import NOTEBOOKS, step_key
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import note_status, say, status_file
from o2b_helpers.core.publishing import is_published, state_parameters
from o2b_helpers.core.files import write_atomically
from o2b_helpers.core.store import Store

STATUS = "status.json"
NOT_STARTED = "Kernel died before replying"


def notebooks_folder(params: Params) -> Path:
    """Return the folder of the numbered notebooks: the project's own, else the one beside the package."""
    for folder in (params.project / "notebooks", Path(__file__).resolve().parent.parent / "notebooks"):
        if (folder / f"{NOTEBOOKS['inputs']}.ipynb").is_file():
            return folder
    raise StoreError(
        "the numbered notebooks cannot be found",
        value=str(params.project / "notebooks"),
        expected="a folder with 00_inputs.ipynb to 09_explorer.ipynb",
        remedy="run from a clone of the repository, installed with `pip install -e .`",
    )


def select(only: str | None, start: str | None) -> list[str]:
    """Return the steps to run, in order; ``only`` and ``start`` are a number (05) or a name (objects)."""
    steps = list(NOTEBOOKS)
    if only is not None and start is not None:
        raise ParameterError(
            "--only and --from exclude each other",
            value=f"--only {only} --from {start}",
            expected="one of them, or none",
            remedy="--only runs what it names and nothing else; --from runs what it names and all that follows",
        )
    if only is not None:
        return [_named(name.strip()) for name in only.split(",")]
    return steps[steps.index(_named(start)) :] if start is not None else steps


def run_series(params: Params, only: str | None = None, start: str | None = None) -> list[str]:
    """Execute the notebooks whose results are not there yet; print why each is run or not.

    Parameters
    ----------
    params : Params
        The profile.
    only, start : str, optional
        Run one notebook (or several, with commas), or start with one: its number or its step's name.

    Returns
    -------
    list of str
        The steps that were executed.

    Raises
    ------
    Object2BrainError
        The first error of a notebook; what was finished before it stays.
    """
    store = Store(params.store)
    executed = []
    wanted = select(only, start)
    with store.lock(), status_file(params.runs / STATUS, profile=params.name, of=len(wanted)):
        for place, step in enumerate(wanted, start=1):
            note_status(notebook=NOTEBOOKS[step], place=place, step=None)
            if _is_done(params, step, store):
                say(f"reused    {NOTEBOOKS[step]}: executed before, with the same parameters, data and code")
                continue
            began = time.monotonic()
            _execute(params, step)
            write_status(params, step, _mark(params, step, store))
            say(f"done      {NOTEBOOKS[step]} in {time.monotonic() - began:.0f} s")
            executed.append(step)
        state_parameters(params)
    return executed


def missing_steps(params: Params) -> list[str]:
    """Return the steps whose results are not in the results folder for these parameters.

    A step that reads a file which is not there is one of them: what it has to say, it says when it runs.
    """
    store = Store(params.store)
    return [step for step in NOTEBOOKS if not is_published(params, step, store)]


def read_status(params: Params) -> dict[str, Any]:
    """Return what was executed so far: step -> mark."""
    try:
        return json.loads((params.runs / "notebooks" / STATUS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_status(params: Params, step: str, mark: str) -> None:
    """Note that a step's notebook was executed."""
    status = {**read_status(params), step: mark}
    write_atomically(params.runs / "notebooks" / STATUS, json.dumps(status, indent=1).encode())


def _mark(params: Params, step: str, store: Store) -> str:
    """Return the hash of all that an executed notebook shows: its source, its step's key, and how figures are drawn."""
    source = file_digest(notebooks_folder(params) / f"{NOTEBOOKS[step]}.ipynb")
    return digest_of([source, step_key(params, step, store), code_digests("o2b_helpers.view")])


def _is_done(params: Params, step: str, store: Store) -> bool:
    if read_status(params).get(step) != _mark(params, step, store):
        return False
    if not (params.runs / "notebooks" / f"{NOTEBOOKS[step]}.ipynb").is_file():
        return False
    return store.find(step, step_key(params, step, store)) is not None and is_published(params, step, store)


def _execute(params: Params, step: str) -> None:
    """Run one notebook in a kernel of its own; its printed lines appear here as they come."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the debugger's remark would fill the log
    source = notebooks_folder(params) / f"{NOTEBOOKS[step]}.ipynb"
    target = params.runs / "notebooks" / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    say(f"running   {NOTEBOOKS[step]}")

    def execute() -> None:
        papermill.execute_notebook(
            str(source).replace("{", "{{").replace("}", "}}"),  # papermill fills in what stands in braces
            str(target).replace("{", "{{").replace("}", "}}"),
            parameters={"profile": str(params.profile), "overrides": params.overrides},
            kernel_name="python3",
            cwd=str(source.parent),
            progress_bar=False,
            log_output=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
            extra_arguments=["--log-level=50"],  # the kernel's own remarks on transport and shutdown help no reader
        )

    try:
        try:
            execute()
        except RuntimeError as error:
            if NOT_STARTED not in str(error):
                raise
            # two kernels that start at the same moment can be given the same port
            say(f"  the kernel of {NOTEBOOKS[step]} did not start; once more")
            execute()
    except PapermillExecutionError as error:
        raise _own_error(error, target) from None
    except OSError as error:
        raise StoreError(
            "the executed notebook cannot be written",
            value=f"{target} ({error.strerror or error})",
            expected="a folder you may write to, with room in it",
            remedy="free some space, change its permissions, or set execution.runs_folder to another folder, then run "
            "again: finished results stay",
        ) from error


def _own_error(error: Any, notebook: Path) -> Object2BrainError:
    """Turn a notebook's error back into the message that its code raised."""
    from o2b_helpers.core import errors

    kind = getattr(errors, error.ename, None)
    if kind is not None:
        lines = dict(part.strip().split(":", 1) for part in error.evalue.split("\n")[1:] if ":" in part)
        return kind(
            error.evalue.split("\n")[0],
            value=lines.get("found", "").strip() or None,
            expected=lines.get("expected", "").strip(),
            remedy=lines.get("to do", "").strip(),
        )
    return StoreError(
        f"{notebook.name} stopped with {error.ename}",
        value=error.evalue,
        expected="a notebook that runs to its end",
        remedy=f"open {notebook} for the whole traceback; what was finished before stays and is reused",
    )


def _named(name: str) -> str:
    for step, notebook in NOTEBOOKS.items():
        if name in (step, notebook, notebook[:2], str(int(notebook[:2]))):
            return step
    raise ParameterError(
        "no such notebook",
        value=name,
        expected=", ".join(f"{n[:2]} ({s})" for s, n in NOTEBOOKS.items()),
        remedy="name one by its number or its step",
    )
