"""Make the folder of a new project: a profile, the notebooks, a guide to the data.

What stands in the profile follows from the declarations of the options. A study adds two files beside its options:
``profile.yaml`` (the values that own data usually need) and ``data.md`` (which files it reads).
"""

from __future__ import annotations

import difflib
import inspect
import shlex
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from o2b_helpers.core.errors import ParameterError, StoreError
from o2b_helpers.core.files.profile_file import write_value
from o2b_helpers.core.files.shipped import shipped
from o2b_helpers.core.options import OURS, Block, choices, default_of, is_given_only
from o2b_helpers.core.params import Params
from o2b_helpers.core.study import Study

DEMO = "demo"
RESERVED = (DEMO, "store")  # the demo's profile lies beside the new one; runs/store holds results of all profiles
EXECUTION = {"device": "auto"}
WIDTH, COLUMN, NARROW = 120, 40, 60


@dataclass(frozen=True)
class Project:
    """A project that was made.

    Attributes
    ----------
    folder : Path
        Where it lies.
    profile : str
        The name of its profile.
    studies : list of str
        The studies that the profile runs.
    notebooks : list of str
        The notebooks that were copied.
    """

    folder: Path
    profile: str
    studies: list[str]
    notebooks: list[str]

    def next_steps(self) -> str:
        """Say what is there and what to do next."""
        first, last = self.notebooks[0][:2], self.notebooks[-1][:2]
        profile, folder = shlex.quote(self.profile), shlex.quote(str(self.folder))
        return "\n".join(
            [
                f"made {self.folder} ({', '.join(self.studies)})",
                f"  params/{self.profile}.yaml   the profile for your data: which studies, which files, which options",
                f"  params/{DEMO}.yaml   the built-in example",
                f"  notebooks/   {len(self.notebooks)} notebooks from {first} to {last}, to look at and to change",
                "  data/README.md   which file goes where",
                "next:",
                f"  cd {folder}",
                f"  o2b run {DEMO}   runs the built-in example in a few minutes; it needs no data",
                f"  put your files into data/, and change params/{self.profile}.yaml where it does not fit",
                f"  o2b doctor {profile}   says what is missing",
                f"  o2b run {profile}",
            ]
        )


def make_project(folder: Path, names: Sequence[str], model: type[Params]) -> Project:
    """Make a project folder.

    Parameters
    ----------
    folder : Path
        A folder that is empty or not there yet; the profile is called after it.
    names : sequence of str
        The studies that the profile runs; none stands for all.
    model : type of Params
        The model with the options of all known studies.

    Returns
    -------
    Project

    Raises
    ------
    ParameterError
        If there is no study of a name, or the folder is not empty or has a name that is taken.
    StoreError
        If the folder cannot be written.
    """
    folder = folder.expanduser().resolve()
    studies = list(dict.fromkeys(names)) or [study.name for study in model.known_studies if study.by_default]
    _check_studies(studies, model)
    _check_folder(folder)
    params = model(studies=studies)
    steps = {step.name for step in params.steps}
    needed = [study for study in model.known_studies if any(step.name in steps for step in study.steps)]
    known = params.steps if names else [step for study in model.known_studies for step in study.steps]
    notebooks = list(dict.fromkeys(step.notebook for step in known))
    try:
        for name in ("params", "notebooks", "data"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        text = profile_text(folder.name, studies, needed, model)
        (folder / "params" / f"{folder.name}.yaml").write_text(text, encoding="utf-8")
        shutil.copyfile(shipped("params") / f"{DEMO}.yaml", folder / "params" / f"{DEMO}.yaml")
        for notebook in notebooks:
            shutil.copyfile(_notebook(notebook, model.known_studies), folder / "notebooks" / f"{notebook}.ipynb")
        (folder / "data" / "README.md").write_text(_guide_to_data(needed), encoding="utf-8")
        shutil.copyfile(shipped("templates") / "gitignore", folder / ".gitignore")
    except OSError as error:
        raise StoreError(
            "the project cannot be written",
            value=f"{folder} ({error.strerror or error})",
            expected="a folder you may write to, with room in it",
            remedy="name another folder, or change its permissions; remove what was written before you try again",
        ) from error
    return Project(folder, folder.name, studies, notebooks)


def profile_text(name: str, studies: Sequence[str], needed: Sequence[Study], model: type[Params]) -> str:
    """Return the YAML of a profile for own data.

    Parameters
    ----------
    name : str
        What the profile is called.
    studies : sequence of str
        The studies that it runs.
    needed : sequence of Study
        The studies with options that matter: those above, and those of the steps that they need.
    model : type of Params
        The model with the options of all known studies.
    """
    head = Template((shipped("templates") / "profile.yaml").read_text(encoding="utf-8")).substitute(name=name)
    chosen = [*head.splitlines(), "", f"studies: [{', '.join(studies)}]", "", "analysis:"]
    lines: list[_Line] = []
    seen: set[str] = set()
    for study in needed:
        usual = _usual_values(study)
        for block, field in study.options.model_fields.items():
            if block not in seen:  # two studies may declare the same block
                seen.add(block)
                lines += _option(block, field, default_of(field), usual["set"], usual["examples"], indent=2)
    execution = model.model_fields["execution"]
    lines += [_Line(0, ""), *_option("execution", execution, default_of(execution), {"execution": EXECUTION}, {})]
    return "\n".join([*chosen, *(row for line in lines for row in line.rows())]) + "\n"


@dataclass(frozen=True)
class _Line:
    """A line of YAML: where it belongs, the comment beside it, and where the # stands if it is commented out."""

    indent: int
    text: str
    comment: str = ""
    off_at: int | None = None

    def rows(self) -> Iterator[str]:
        """Yield the line as it is written; taking the # away leaves it where it belongs."""
        texts = [self.text]
        if len(self.text) > NARROW and self.text.endswith("]"):
            texts = textwrap.wrap(self.text, WIDTH - self.indent - 8, subsequent_indent="    ", break_on_hyphens=False)
        rows = [f"{self._start()}{text}" for text in texts]
        beside = bool(self.comment) and len(rows[-1]) + 2 <= WIDTH - NARROW
        column = max(COLUMN, len(rows[-1]) + 2) if beside else COLUMN
        comments = textwrap.wrap(self.comment, WIDTH - column - 2, break_on_hyphens=False)
        if beside:
            rows[-1] = f"{rows[-1]:<{column}}# {comments.pop(0)}"
        yield from rows
        yield from (f"{'':<{column}}# {part}" for part in comments)

    def _start(self) -> str:
        if self.off_at is None:
            return " " * self.indent
        return " " * self.off_at + "#" + " " * (self.indent - self.off_at)


def _option(
    name: str,
    field: FieldInfo,
    default: Any,
    given: Mapping[str, Any],
    examples: Mapping[str, Any],
    indent: int = 0,
    off_at: int | None = None,
) -> Iterator[_Line]:
    """Yield the lines of one option or block; what is not given is commented out."""
    if off_at is None and given.get(name) in (None, {}, []):
        off_at = indent
    value = given.get(name, examples.get(name, default))
    if isinstance(default, Block):
        yield _Line(indent, f"{name}:", field.description or "", off_at)
        yield from _block(default, given.get(name, {}), examples.get(name, {}), indent + 2, off_at)
    elif isinstance(default, list) and default and isinstance(default[0], Block):
        yield _Line(indent, f"{name}:", field.description or "", off_at)
        items, shown = given.get(name, [{}]), examples.get(name, [{}])
        first, *rest = _block(default[0], items[0], shown[0], indent + 4, off_at)
        yield replace(first, indent=indent + 2, text=f"- {first.text}")
        yield from rest
        yield from (_Line(indent + 2, f"- {write_value(item)}", off_at=off_at) for item in items[1:])
    else:
        yield _Line(indent, f"{name}: {write_value(value)}", _described(field, default, value), off_at)


def _block(
    default: Block, given: Mapping[str, Any], examples: Mapping[str, Any], indent: int, off_at: int | None
) -> Iterator[_Line]:
    """Yield the lines of a block's options; what is given comes first."""
    known = type(default).model_fields
    for name in sorted(known, key=lambda name: name not in given):
        own = default_of(known[name]) if is_given_only(known[name]) else getattr(default, name)
        yield from _option(name, known[name], own, given, examples, indent, off_at)


def _described(field: FieldInfo, default: Any, value: Any) -> str:
    """Say what an option means, its choices, unit, default (where another value is shown) and source."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    listed = choices(field.annotation)
    parts = [field.description or ""]
    parts += [f"one of {', '.join(map(str, listed))}"] if listed and not isinstance(default, list) else []
    parts += [f"unit: {extra['unit']}"] if extra.get("unit") else []
    if write_value(value) != write_value(default) and "default:" not in parts[0]:
        parts.append(f"default: {write_value(default)}")
    source = str(extra.get("source", OURS))
    return "; ".join([*parts, "ours" if source == OURS else source])


def _usual_values(study: Study) -> dict[str, Any]:
    file = _folder_of(study) / "profile.yaml"
    read = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return {"set": read.get("set") or {}, "examples": read.get("examples") or {}}


def _guide_to_data(studies: Sequence[Study]) -> str:
    files = [shipped("templates") / "data.md", *(_folder_of(study) / "data.md" for study in studies)]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


def _folder_of(study: Study) -> Path:
    """Return the folder that holds a study's options."""
    return Path(inspect.getfile(study.options)).parent


def _notebook(name: str, studies: Sequence[Study]) -> Path:
    """Return a numbered notebook: of those that ship with the package, or with its study."""
    folders = [shipped("notebooks"), *(_folder_of(study) / "notebooks" for study in studies)]
    return next((folder / f"{name}.ipynb" for folder in folders if (folder / f"{name}.ipynb").is_file()), folders[0])


def _check_studies(names: Sequence[str], model: type[Params]) -> None:
    known = [study.name for study in model.known_studies]
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise ParameterError(
                "no such study",
                value=name,
                expected=f"one of {', '.join(known)}",
                remedy=f"did you mean {close[0]!r}?" if close else "name one of these, or none for all of them",
            )


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ParameterError(
            "a file of that name is there already",
            value=str(folder),
            expected="a folder that is empty or not there yet",
            remedy="name another folder",
        )
    if folder.is_dir() and any(folder.iterdir()):
        there = sorted(path.name for path in folder.iterdir())
        more = f" and {len(there) - 3} more" if len(there) > 3 else ""
        raise ParameterError(
            "the folder is not empty",
            value=f"{folder} holds {', '.join(there[:3])}{more}",
            expected="a folder that is empty or not there yet",
            remedy="name another folder; nothing was changed",
        )
    if folder.name in RESERVED or not folder.name:
        raise ParameterError(
            "a project cannot have this name: its profile is called after its folder",
            value=folder.name or str(folder),
            expected=f"a name other than {' and '.join(RESERVED)}",
            remedy="name another folder",
        )
