"""The command ``o2b``: new, run, status, doctor, report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from yaml import YAMLError

from o2b_helpers.core.errors import Object2BrainError, ParameterError
from o2b_helpers.core.files.profile_file import parse_value
from o2b_helpers.core.notebooks.signs import Stopped, stop_on_signals
from o2b_helpers.core.notebooks.words import fault_error
from o2b_helpers.core.params import Params
from o2b_helpers.core.running.console import replace_what_cannot_be_shown, stop_printing, tell

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Which objects drive the agreement of a network with people and their brains.",
)
INTERRUPTED = 130
Profile = Annotated[str, typer.Argument(help="a name in params/ or the path of a YAML file")]
Set = Annotated[list[str] | None, typer.Option("--set", help="option=value, e.g. analysis.detector.confidence=0.4")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps")]


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="a folder that is empty or not there yet")],
    study: Annotated[
        list[str] | None, typer.Option(help="a study that the profile runs; give it again for more; default: all")
    ] = None,
) -> None:
    """Make a folder for a project of your own: a commented profile, the notebooks, a guide to the data."""
    from o2b_helpers.project_maker import make_project
    from o2b_helpers.studies.registry import Profile

    print(make_project(folder, study or [], Profile).next_steps())


@app.command()
def run(
    profile: Profile = "demo",
    only: Annotated[
        str | None, typer.Option(help="run only this notebook (number or step; several with commas)")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="start with this notebook (number or step)")] = None,
    set_: Set = None,
    device: Device = None,
) -> None:
    """Run the numbered notebooks; what is there already is reused."""
    from o2b_helpers.core.progress import say
    from o2b_helpers.series import missing_notebooks, run_series

    params = _load(profile, set_, device)
    run_series(params, only=only, start=start)
    left = missing_notebooks(params)
    if left:
        say(f"results are complete once these have run too: {', '.join(left)}")
        return
    _report(params)


@app.command()
def status(profile: Profile = "demo", set_: Set = None) -> None:
    """Say for every notebook whether its results are there, and if not, why; and how far a run is that goes on."""
    from o2b_helpers.core.progress import run_in_words
    from o2b_helpers.core.running.keys import step_key, step_part
    from o2b_helpers.core.running.publishing import is_published
    from o2b_helpers.core.store import Store
    from o2b_helpers.series import STATUS as RUN_STATUS
    from o2b_helpers.series import notebooks

    params = _load(profile, set_, None)
    store = Store(params.store)
    names = ", ".join(study.name for study in params.chosen_studies)
    print(f"profile {params.name} ({names}), results in {params.runs / 'results'}")
    for notebook, steps in notebooks(params).items():
        for step in steps:
            try:
                if is_published(params, step, store):
                    state = "there"
                elif store.find(step.name, step_key(params, step, store)) is not None:
                    state = "stored, not yet shown in results/"
                else:
                    part = step_part(params, step, store)
                    state = f"to do: {store.why(step.name, params.name, part, step.module)}"
            except Object2BrainError as error:
                state = f"cannot run: {error.problem.rstrip('.')}"
                state += "" if error.value is None else f" ({error.value})"
            print(f"  {notebook if len(steps) == 1 else f'{notebook}, {step.name}':<30} {state}")
    if now := run_in_words(params.runs / RUN_STATUS):
        print(now)


@app.command()
def doctor(profile: Profile = "demo", set_: Set = None) -> None:
    """List everything the profile needs, and what is missing or wrong in it; exit 1 if something is."""
    from o2b_helpers.doctor import examine

    params = _load(profile, set_, None)
    findings = examine(params)
    print(f"profile {params.name} ({params.profile})")
    for finding in findings:
        print(finding)
    missing = sum(finding.stops_a_run for finding in findings)
    doubts = sum(not finding.fine for finding in findings) - missing
    look = f"; {doubts} to look at" if doubts else ""
    print((f"{missing} missing or wrong" if missing else "everything is there") + look)
    if missing:
        raise typer.Exit(1)


@app.command()
def report(profile: Profile = "demo", set_: Set = None) -> None:
    """Draw the figures and write the one-file report from the results."""
    from o2b_helpers.core.errors import StoreError
    from o2b_helpers.series import missing_notebooks

    params = _load(profile, set_, None)
    left = missing_notebooks(params)
    if left:
        raise StoreError(
            "the results are not complete",
            value=f"missing: {', '.join(left)}",
            expected="every notebook run",
            remedy=f"run `o2b run {profile}` first",
        )
    _report(params, again=True)


def main() -> None:
    """Run the command and turn errors and signals into one clear message and a non-zero exit."""
    replace_what_cannot_be_shown()
    stop_on_signals()
    try:
        app()
    except Object2BrainError as error:
        tell(f"\nError: {error}")
        sys.exit(1)
    except Stopped as stop:
        _say_stopped(stop.exit_code)
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:  # typer turns Ctrl-C into this code
            raise
        _say_stopped(INTERRUPTED)
    except (OSError, MemoryError) as error:
        tell(f"\nError: {fault_error(error, 'the command')}")
        stop_printing()
        sys.exit(1)


def _say_stopped(code: int) -> NoReturn:
    tell("\nstopped; finished results are kept, run the same command again to go on")
    stop_printing()
    sys.exit(code)


def _load(profile: str, set_: list[str] | None, device: str | None) -> Params:
    overrides: dict[str, Any] = {}
    for text in set_ or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise ParameterError(
                "--set needs option=value",
                value=text,
                expected="e.g. analysis.detector.confidence=0.4",
                remedy="put an equals sign between the option and its value",
            )
        try:
            overrides[name.strip()] = parse_value(value)
        except YAMLError as error:
            raise ParameterError(
                "the value of --set cannot be read",
                value=text,
                expected="a value as YAML has it, e.g. 0.4, true or [1, 2]",
                remedy="close every bracket and quote, and put the whole option=value in quotes",
            ) from error
    if device is not None:
        overrides["execution.device"] = device
    from o2b_helpers.studies.registry import load_params

    return load_params(profile, overrides)


def _report(params: Params, again: bool = False) -> None:
    from o2b_helpers.report.publish import publish_views

    publish_views(params, again=again)


if __name__ == "__main__":
    main()
