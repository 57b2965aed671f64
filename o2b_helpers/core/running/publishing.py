"""Put a step's results into the profile's results folder, and say in provenance.json what they were made from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import o2b_helpers
from o2b_helpers.core.contract import Table
from o2b_helpers.core.errors import DamagedFile, Object2BrainError
from o2b_helpers.core.facts import read_facts
from o2b_helpers.core.files.atomic import write_atomically, writing
from o2b_helpers.core.files.known_digests import known_digest
from o2b_helpers.core.files.records import read_record
from o2b_helpers.core.files.sealed import damaged, read_sealed, sealed
from o2b_helpers.core.options import options
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.running.keys import find_step, results_folder, step_key
from o2b_helpers.core.store import Store
from o2b_helpers.core.study import Step

PROVENANCE = "provenance.json"


def publish(params: Params, step: Step, folder: Path, store: Store) -> None:
    """Copy a step's results into the results folder; what was made with other parameters leaves it.

    So all that lies side by side there was made with the parameters that provenance.json states. What leaves stays
    in the store. The order of the writes makes a kill at any moment harmless: files that are no longer true go
    first, then provenance forgets them, then the new ones come, and only then are they named. A file that is not as
    it was written is copied again, and a line says so.
    """
    store.check_lock()
    target = results_folder(params)
    record = read_record(folder)
    if record is None:
        raise damaged(folder)
    steps = _trusted_entries(params, target)
    files = {
        Path(name).name: digest for name, digest in record["files"].items() if Path(name).parent.as_posix() == "results"
    }
    known = {other.name: other for other in params.known_steps}
    for name in list(steps):
        if name == step.name and steps[name]["files"] == files:
            continue
        if name != step.name and name in known and steps[name]["key"] == _key_or_none(params, known[name], store):
            continue
        gone = steps.pop(name)["files"]
        _remove(target, gone)
        if gone and name != step.name:
            until = f" until {known[name].notebook} has run" if name in known else ""
            say(f"  {', '.join(gone)}: made otherwise, not in results/{until}")
    _write_provenance(params, steps)
    for name, digest in files.items():
        lies_there = (target / name).is_file()
        if lies_there and known_digest(target / name) == digest:
            continue
        if step.name in steps:
            say(f"  results/{name} {'was changed' if lies_there else 'is missing'}: copied again from the store")
        content = (folder / "results" / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise damaged(folder / "results" / name)
        write_atomically(target / name, content)
    steps[step.name] = {
        "notebook": step.notebook,
        "key": record["key"],
        "made_from": record["part"],
        "code": record["code"],
        "versions": record["versions"],
        "files": files,
        "facts": read_facts(folder),
    }
    _write_provenance(params, steps)


def publish_needed(params: Params, step: Step, store: Store) -> None:
    """Put what a step reads back where somebody emptied the results folder; the store still has it."""
    for need in step.needs_of(params):
        if not is_published(params, need, store):
            publish_needed(params, need, store)
            publish(params, need, find_step(params, need, store, for_step=step), store)


def is_published(params: Params, step: Step, store: Store) -> bool:
    """Say whether a step's results lie in the results folder, whole and made with these parameters."""
    target = results_folder(params)
    try:
        entry = read_provenance(target).get("steps", {}).get(step.name)
    except DamagedFile:
        return False
    if entry is None or entry["key"] != _key_or_none(params, step, store):
        return False
    return all((target / name).is_file() and known_digest(target / name) == d for name, d in entry["files"].items())


def state_parameters(params: Params) -> None:
    """Bring the parameters that provenance.json states up to date, where a change touched no result."""
    target = results_folder(params)
    if (target / PROVENANCE).is_file():
        _write_provenance(params, read_provenance(target).get("steps", {}))


def read_provenance(results: Path) -> dict[str, Any]:
    """Read provenance.json; empty where there is none yet.

    Raises
    ------
    DamagedFile
        It is not as it was written.
    """
    return read_sealed(results / PROVENANCE) or {}


def check_results_file(results: Path, name: str, provenance: Mapping[str, Any]) -> None:
    """Compare a file of the results folder with the digest that provenance.json names for it.

    Parameters
    ----------
    results : Path
        The folder.
    name : str
        The file; one that no step names, or that is not there, passes.
    provenance : mapping
        As `read_provenance` returns it.

    Raises
    ------
    DamagedFile
        The file is not as it was written.
    """
    for entry in provenance.get("steps", {}).values():
        digest = entry.get("files", {}).get(name)
        if digest is not None and (results / name).is_file() and known_digest(results / name) != digest:
            raise damaged(results / name)


def _trusted_entries(params: Params, target: Path) -> dict[str, Any]:
    """Return what provenance.json says of each step.

    Where it is missing or was changed, nothing is known of the files beside it: those that steps write leave the
    folder, and come back from the store.
    """
    try:
        if (entries := read_sealed(target / PROVENANCE)) is not None:
            return dict(entries.get("steps", {}))
        why = "is missing"
    except DamagedFile:
        why = "was changed after it was written, or an earlier version wrote it"
    unknown = [name for name in _declared_files(params, target) if (target / name).is_file()]
    if not unknown and (target.parent / "report").is_dir() and target.is_dir():
        say("  results/ is empty: its files are copied again from the store, or computed")
    elif unknown or (target / PROVENANCE).exists():
        say(f"  {PROVENANCE} {why}: all files of results/ are copied again from the store, or computed")
    _remove(target, [*unknown, PROVENANCE])
    return {}


def _declared_files(params: Params, target: Path) -> list[str]:
    """List the files that steps write into the results folder; those of models, where they lie there."""
    files = []
    for table in (table for step in params.known_steps for table in step.tables):
        if isinstance(table, Table):
            files.append(table.file)
        else:
            files += sorted(path.name for path in target.glob(f"{table.stem}_*.nc"))
    return files


def _remove(target: Path, names: list[str] | Mapping[str, Any]) -> None:
    with writing(target):
        for name in names:
            (target / name).unlink(missing_ok=True)


def _key_or_none(params: Params, step: Step, store: Store) -> str | None:
    """Return a step's key, or None where a file that it reads is not there: then nothing can have been made from it."""
    try:
        return step_key(params, step, store)
    except Object2BrainError:
        return None


def _write_provenance(params: Params, steps: Mapping[str, Any]) -> None:
    path, content = results_folder(params) / PROVENANCE, sealed(_provenance(params, steps))
    if not path.is_file() or path.read_bytes() != content:
        write_atomically(path, content)


def _provenance(params: Params, steps: Mapping[str, Any]) -> dict[str, Any]:
    described = {
        name: {"unit": unit, "source": source, "meaning": text, "default": default}
        for name, default, unit, source, text in options(type(params))
        if name.startswith("analysis.")
    }
    used: dict[str, set[str]] = {}
    for entry in steps.values():
        for library, number in entry["versions"].items():
            used.setdefault(library, set()).add(number)
    return {
        "profile": params.name,
        "overrides": {name: value for name, value in params.overrides.items() if name.startswith("analysis.")},
        "analysis": params.analysis.model_dump(mode="json"),
        "options": described,
        "package": {"object2brain": o2b_helpers.__version__},
        "versions": {library: ", ".join(sorted(numbers)) for library, numbers in used.items()},
        "steps": {step.name: steps[step.name] for step in params.known_steps if step.name in steps},
    }
