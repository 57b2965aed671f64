"""Run the numbered notebooks one after the other through papermill, and go on where an earlier run stopped."""

from __future__ import annotations

import time
from pathlib import Path

from o2b_helpers.core.digests import code_digests, digest_of, file_digest
from o2b_helpers.core.errors import ParameterError, StoreError
from o2b_helpers.core.files.shipped import PACKAGE, shipped
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import note_status, say, status_file
from o2b_helpers.core.running.executed import forget_executed, is_executed, note_executed
from o2b_helpers.core.running.keys import step_key
from o2b_helpers.core.running.publishing import is_published, publish, publish_needed, state_parameters
from o2b_helpers.core.store import Store
from o2b_helpers.core.study import Step

STATUS = "status.json"


def notebook_file(params: Params, notebook: str) -> Path:
    """Return a numbered notebook: the project's own, else the one that ships with the package or with its study."""
    own = [PACKAGE / "studies" / study.name / "notebooks" for study in params.known_studies]
    for folder in (params.project / "notebooks", shipped("notebooks"), *own):
        if (folder / f"{notebook}.ipynb").is_file():
            return folder / f"{notebook}.ipynb"
    raise StoreError(
        "a numbered notebook cannot be found",
        value=str(params.project / "notebooks" / f"{notebook}.ipynb"),
        expected=f"the notebook {notebook}.ipynb",
        remedy="install the package again, or make a project with `o2b new`",
    )


def notebooks(params: Params) -> dict[str, list[Step]]:
    """Return the notebooks of a profile in order, each with the steps that it runs; the last is what it asks for."""
    steps: dict[str, list[Step]] = {}
    for step in params.steps:
        steps.setdefault(step.notebook, []).append(step)
    return steps


def select(params: Params, only: str | None, start: str | None) -> list[str]:
    """Return the notebooks to run, in order; ``only`` and ``start`` are a number (05), a step or a notebook."""
    known = list(notebooks(params))
    if only is not None and start is not None:
        raise ParameterError(
            "--only and --from exclude each other",
            value=f"--only {only} --from {start}",
            expected="one of them, or none",
            remedy="--only runs what it names and nothing else; --from runs what it names and all that follows",
        )
    if only is not None:
        return [_named(params, name.strip()) for name in only.split(",")]
    return known[known.index(_named(params, start)) :] if start is not None else known


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
        The notebooks that were executed.

    Raises
    ------
    Object2BrainError
        The first error of a notebook; what was finished before it stays.
    """
    store = Store(params.store)
    executed = []
    wanted = select(params, only, start)
    with store.lock(), status_file(params.runs / STATUS, profile=params.name, of=len(wanted)):
        for place, notebook in enumerate(wanted, start=1):
            note_status(notebook=notebook, place=place, step=None)
            if _is_done(params, notebook, store):
                say(f"reused    {notebook}: executed before, with the same parameters, data and code")
                continue
            began = time.monotonic()
            _execute(params, notebook)
            note_executed(params.runs / "notebooks", notebook, _mark(params, notebook, store))
            say(f"done      {notebook} in {time.monotonic() - began:.0f} s")
            executed.append(notebook)
        state_parameters(params)
    return executed


def missing_notebooks(params: Params) -> list[str]:
    """Return the notebooks with a step whose results are not in the results folder for these parameters.

    A step that reads a file which is not there is one of them: what it has to say, it says when it runs.
    """
    store = Store(params.store)
    return [
        name
        for name, steps in notebooks(params).items()
        if not all(is_published(params, step, store) for step in steps)
    ]


def _mark(params: Params, notebook: str, store: Store) -> str:
    """Return the hash of all that an executed notebook shows: its source, its steps' keys, how figures are drawn."""
    source = file_digest(notebook_file(params, notebook))
    keys = [step_key(params, step, store) for step in notebooks(params)[notebook]]
    drawn = [code_digests(figure.draw.__module__) for study in params.chosen_studies for figure in study.figures]
    return digest_of([source, keys, drawn])


def _is_done(params: Params, notebook: str, store: Store) -> bool:
    """Say whether a notebook need not be executed; results that do not lie in their folder come from the store."""
    if not is_executed(params.runs / "notebooks", notebook, _mark(params, notebook, store)):
        return False
    for step in notebooks(params)[notebook]:
        folder = store.find(step.name, step_key(params, step, store))
        if folder is None:
            return False
        if not is_published(params, step, store):
            publish_needed(params, step, store)
            publish(params, step, folder, store)
    return True


def _execute(params: Params, notebook: str) -> None:
    """Run one notebook in a kernel of its own; its printed lines appear here as they come."""
    from o2b_helpers.core.notebooks.execute import execute  # papermill takes a second to import

    source = notebook_file(params, notebook)
    say(f"running   {notebook}")
    forget_executed(params.runs / "notebooks", notebook)
    parameters = {"profile": str(params.profile), "overrides": params.overrides}
    execute(source, params.runs / "notebooks" / source.name, parameters)


def _named(params: Params, name: str) -> str:
    known = notebooks(params)
    for notebook, steps in known.items():
        if name in (notebook, notebook[:2], notebook[:2].lstrip("0") or "0", *(step.name for step in steps)):
            return notebook
    raise ParameterError(
        "no such notebook",
        value=name,
        expected=", ".join(f"{notebook[:2]} ({steps[-1].name})" for notebook, steps in known.items()),
        remedy="name one by its number or its step",
    )
