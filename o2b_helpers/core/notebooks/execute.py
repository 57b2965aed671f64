"""Execute a notebook in a kernel of its own and save it with what it shows."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from papermill import execute_notebook
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from o2b_helpers.core.notebooks.client import KernelDied, WatchingEngine
from o2b_helpers.core.notebooks.kernel import kernel_environment
from o2b_helpers.core.notebooks.signs import Stopped, noted_signals
from o2b_helpers.core.notebooks.words import cell_error, death_error, fault_error
from o2b_helpers.core.progress import say

ENGINE = "object2brain"
papermill_engines.register(ENGINE, WatchingEngine)


def execute(source: Path, target: Path, parameters: Mapping[str, Any]) -> None:
    """Execute a notebook; its printed lines appear here as they come.

    The kernel is the Python of this process, with the same import path and environment, whatever kernels Jupyter
    knows by name.

    Parameters
    ----------
    source : Path
        The notebook.
    target : Path
        Where the executed notebook goes; its folder is made where it is not there.
    parameters : mapping
        What its parameters cell is given.

    Raises
    ------
    Object2BrainError
        What a cell raised; KernelError where the kernel ended; a StoreError or EnvironmentFault where the system
        refused something.
    Stopped
        Where the command was told to end: the kernel has ended before.
    """
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the debugger's remark would fill the log
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _run(source, target, parameters)
        except KernelDied as death:
            if death.started:
                raise
            # two kernels that start at the same moment can be given the same port
            say(f"  the kernel of {source.stem} did not start; once more")
            _run(source, target, parameters)
    except KernelDied as death:
        raise death_error(source.stem, death.words) from None
    except PapermillExecutionError as error:
        raise cell_error(error.ename, error.evalue, target) from None
    except BrokenPipeError:  # nobody reads what the command prints any more
        raise
    except (OSError, MemoryError) as error:
        raise fault_error(error, source.stem) from error


def _run(source: Path, target: Path, parameters: Mapping[str, Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="o2b_kernel_", ignore_cleanup_errors=True) as folder:
        with noted_signals() as noted:
            try:
                execute_notebook(
                    str(source).replace("{", "{{").replace("}", "}}"),  # papermill fills in what stands in braces
                    str(target).replace("{", "{{").replace("}", "}}"),
                    parameters=dict(parameters),
                    engine_name=ENGINE,
                    kernel_name="python3",
                    language="python",
                    cwd=str(source.parent),
                    progress_bar=False,
                    stdout_file=sys.stdout,
                    stderr_file=sys.stderr,
                    folder=Path(folder),
                    environment=kernel_environment(Path(folder)),
                    noted=noted,
                )
            finally:
                if noted:  # whatever went wrong on the way out: the command was told to stop
                    raise Stopped(noted[0])
