"""What every numbered analysis shares: its key, its place in the chain, and how its results are published.

An analysis is a module with ``NEEDS`` (the analyses it reads), ``part(params)`` (its own part of the profile and
the digests of the files it reads), ``compute(params, needs, folder)`` (which writes ``results/`` and whatever later
analyses need into a folder) and ``run(params)`` (all that its notebook calls).
"""

from __future__ import annotations

import importlib
import json
import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

import o2b_helpers
from o2b_helpers.digests import code_digests
from o2b_helpers.errors import StoreError
from o2b_helpers.params import Params, options
from o2b_helpers.progress import say
from o2b_helpers.store import Store, write_atomically

NOTEBOOKS = {
    "inputs": "00_inputs",
    "human_targets": "01_human_targets",
    "valence_models": "02_valence_models",
    "alignment_by_architecture": "03_alignment_by_architecture",
    "alignment_by_layer": "04_alignment_by_layer",
    "objects": "05_objects",
    "filter_sensitivity": "06_filter_sensitivity",
    "filter_lesions": "07_filter_lesions",
    "object2brain": "08_object2brain",
    "explorer": "09_explorer",
}
NAMES = (  # columns of the results that hold text
    "architecture",
    "weights",
    "layer",
    "split",
    "stimulus",
    "image",
    "target",
    "valence_type",
    "source",
    "condition",
    "class",
    "category",
    "category_a",
    "category_b",
    "sign",
)
LIBRARIES = ("torch", "torchvision", "ultralytics", "numpy", "scipy", "pandas", "xarray", "scikit-learn", "pillow")


@dataclass(frozen=True)
class Result:
    """What an analysis hands to its notebook.

    Attributes
    ----------
    step : str
        The analysis.
    folder : Path
        Its folder in the store.
    results : Path
        The profile's results folder (``runs/<profile>/results``).
    facts : dict
        What is worth knowing besides the tables: counts, what was left out.
    """

    step: str
    folder: Path
    results: Path
    facts: dict[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """Read one of the published tables (``.csv`` or ``.parquet``) by file name."""
        return read_table(self.results / name)

    def summary(self) -> str:
        """Say in plain words what came out."""
        return "\n".join(f"{name.replace('_', ' ')}: {_in_words(value)}" for name, value in self.facts.items())

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(name.replace('_', ' '))}</th>"
            f"<td style='text-align:left'>{escape(_in_words(value))}</td></tr>"
            for name, value in self.facts.items()
        )
        return f"<table><caption>{escape(NOTEBOOKS[self.step])}</caption>{rows}</table>"


def analysis(step: str) -> ModuleType:
    """Return the module of an analysis."""
    return importlib.import_module(f"o2b_helpers.analyses.{step}")


def step_part(params: Params, step: str, store: Store) -> dict[str, Any]:
    """Return all that a step's results depend on besides code: its own options and the keys of what it reads."""
    module = analysis(step)
    return {"own": module.part(params, store), "needs": {need: step_key(params, need, store) for need in module.NEEDS}}


def step_key(params: Params, step: str, store: Store) -> str:
    """Return the key of a step's results under this profile."""
    return Store.key(step_part(params, step, store), f"o2b_helpers.analyses.{step}")


def run_step(params: Params, step: str) -> Result:
    """Compute a step, or find it in the store, and publish its results.

    Raises
    ------
    StoreError
        If a step it needs has not run with these parameters, or the store cannot be used.
    """
    store = Store(params.store)
    module = analysis(step)
    say(f"{NOTEBOOKS[step]} ({params.name})")
    part = step_part(params, step, store)
    needs = {need: find_step(params, need, store, for_step=step) for need in module.NEEDS}
    with store.lock():
        stored = store.result(
            step,
            params.name,
            part,
            f"o2b_helpers.analyses.{step}",
            lambda folder: module.compute(params, needs, folder),
        )
        _publish_needed(params, part["needs"], store)
        publish(params, step, stored.key, stored.folder, store)
    return Result(step, stored.folder, results_folder(params), read_facts(stored.folder))


def find_step(params: Params, step: str, store: Store, for_step: str) -> Path:
    """Return the folder of an earlier step's results; StoreError that names the notebook to run where missing."""
    folder = store.find(step, step_key(params, step, store))
    if folder is None:
        notebook = NOTEBOOKS[step]
        profile = params.name if params.profile.parent.name == "params" else str(params.profile)
        raise StoreError(
            f"{NOTEBOOKS[for_step]} reads what {notebook} stores, and that is not there for these parameters",
            value=f"no result of {step} for profile {params.name}",
            expected=f"{notebook} run with the same profile and overrides",
            remedy=f"run `o2b run {shlex.quote(profile)} --only {notebook[:2]}`, or open notebooks/{notebook}.ipynb "
            "and run it",
        )
    return folder


def results_folder(params: Params) -> Path:
    """Return the folder of the results contract."""
    return params.runs / "results"


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as the contract has it: UTF-8, comma, full precision, one header line (or Parquet)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def read_table(path: Path) -> pd.DataFrame:
    """Read what :func:`write_table` wrote, number by number and letter by letter.

    Names stay text, also where all of them look like numbers, truth values or missing ones (007, true, NA).
    """
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    numbers = [name for name in pd.read_csv(path, nrows=0).columns if name not in NAMES]
    return pd.read_csv(
        path,
        dtype=dict.fromkeys(NAMES, str),
        keep_default_na=False,
        na_values=dict.fromkeys(numbers, ["", "nan"]),
        float_precision="round_trip",
    )


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Store what is worth knowing besides the tables."""
    (folder / "facts.json").write_text(json.dumps(facts, indent=1, default=str), encoding="utf-8")


def read_facts(folder: Path) -> dict[str, Any]:
    """Read what :func:`write_facts` stored."""
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))


def publish(params: Params, step: str, key: str, folder: Path, store: Store) -> None:
    """Copy a step's results into the profile's results folder and say in provenance.json what they were made from.

    Results of later steps that were made from something else leave the folder, so that what lies side by side
    belongs together; they stay in the store.
    """
    target = results_folder(params)
    provenance = read_provenance(target)
    sources = sorted(p for p in (folder / "results").rglob("*") if p.is_file()) if (folder / "results").is_dir() else []
    for source in sources:
        copy = target / source.relative_to(folder / "results")
        if not copy.is_file() or copy.read_bytes() != source.read_bytes():
            write_atomically(copy, source.read_bytes())
    steps = dict(provenance.get("steps", {}))
    previous = set(steps.get(step, {}).get("files", []))
    names = [str(p.relative_to(folder / "results")) for p in sources]
    for gone in previous - set(names):
        (target / gone).unlink(missing_ok=True)
    steps[step] = {
        "notebook": NOTEBOOKS[step],
        "key": key,
        "needs": {need: step_key(params, need, store) for need in analysis(step).NEEDS},
        "files": names,
        "code": code_digests(f"o2b_helpers.analyses.{step}"),
        "facts": read_facts(folder),
    }
    for later in list(NOTEBOOKS)[list(NOTEBOOKS).index(step) + 1 :]:
        if later in steps and any(steps[n]["key"] != k for n, k in steps[later]["needs"].items() if n in steps):
            files = steps.pop(later)["files"]
            for name in files:
                (target / name).unlink(missing_ok=True)
            if files:
                say(f"  {', '.join(files)}: made otherwise, not in results/ until {NOTEBOOKS[later]} has run")
    write_atomically(target / "provenance.json", _provenance(params, steps))


def _publish_needed(params: Params, needs: Mapping[str, str], store: Store) -> None:
    """Put what a step reads (step -> key) back where somebody emptied the results folder; the store still has it."""
    for step, key in needs.items():
        target = results_folder(params)
        published = read_provenance(target).get("steps", {}).get(step, {})
        if published.get("key") == key and all((target / name).is_file() for name in published["files"]):
            continue
        _publish_needed(params, step_part(params, step, store)["needs"], store)
        publish(params, step, key, find_step(params, step, store, for_step=step), store)


def read_provenance(results: Path) -> dict[str, Any]:
    """Read provenance.json; empty where there is none yet."""
    try:
        return json.loads((results / "provenance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _provenance(params: Params, steps: dict[str, Any]) -> bytes:
    described = {
        name: {"unit": unit, "source": source, "meaning": text, "default": default}
        for name, default, unit, source, text in options()
        if name.startswith("analysis.")
    }
    content = {
        "profile": params.name,
        "overrides": params.overrides,
        "analysis": params.analysis.model_dump(mode="json"),
        "options": described,
        "package": {"object2brain": o2b_helpers.__version__},
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in LIBRARIES}},
        "steps": {name: steps[name] for name in NOTEBOOKS if name in steps},
    }
    return json.dumps(content, indent=1, ensure_ascii=False, default=str).encode()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_in_words(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(_in_words, value)) or "none"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
