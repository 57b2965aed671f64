"""Put a step's results into the profile's results folder, and say in provenance.json what they were made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import o2b_helpers
from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import Object2BrainError
from o2b_helpers.core.facts import read_facts
from o2b_helpers.core.files.atomic import write_atomically
from o2b_helpers.core.options import options
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.running.keys import find_step, results_folder, step_key
from o2b_helpers.core.store import Store, read_record
from o2b_helpers.core.study import Step


def publish(params: Params, step: Step, folder: Path, store: Store) -> None:
    """Copy a step's results into the results folder; what was made with other parameters leaves it.

    So all that lies side by side there was made with the parameters that provenance.json states. What leaves stays
    in the store. The order of the writes makes a kill at any moment harmless: files that are no longer true go
    first, then provenance forgets them, then the new ones come, and only then are they named.
    """
    store.check_lock()
    target = results_folder(params)
    steps = dict(read_provenance(target).get("steps", {}))
    sources = {p.name: p for p in sorted((folder / "results").glob("*")) if p.is_file()}
    files = {name: file_digest(source) for name, source in sources.items()}
    known = {other.name: other for other in params.known_steps}
    for name in list(steps):
        if name == step.name and steps[name]["files"] == files:
            continue
        if name != step.name and name in known and steps[name]["key"] == _key_or_none(params, known[name], store):
            continue
        gone = steps.pop(name)["files"]
        for file in gone:
            (target / file).unlink(missing_ok=True)
        if gone and name != step.name:
            until = f" until {known[name].notebook} has run" if name in known else ""
            say(f"  {', '.join(gone)}: made otherwise, not in results/{until}")
    write_atomically(target / "provenance.json", _provenance(params, steps))
    for name, source in sources.items():
        if not (target / name).is_file() or file_digest(target / name) != files[name]:
            write_atomically(target / name, source.read_bytes())
    record = read_record(folder) or {}
    steps[step.name] = {
        "notebook": step.notebook,
        "key": record["key"],
        "made_from": record["part"],
        "code": record["code"],
        "versions": record["versions"],
        "files": files,
        "facts": read_facts(folder),
    }
    write_atomically(target / "provenance.json", _provenance(params, steps))


def publish_needed(params: Params, step: Step, store: Store) -> None:
    """Put what a step reads back where somebody emptied the results folder; the store still has it."""
    for need in step.needs:
        if not is_published(params, need, store):
            publish_needed(params, need, store)
            publish(params, need, find_step(params, need, store, for_step=step), store)


def is_published(params: Params, step: Step, store: Store) -> bool:
    """Say whether a step's results lie in the results folder, whole and made with these parameters."""
    target = results_folder(params)
    entry = read_provenance(target).get("steps", {}).get(step.name)
    if entry is None or entry["key"] != _key_or_none(params, step, store):
        return False
    return all((target / name).is_file() and file_digest(target / name) == d for name, d in entry["files"].items())


def state_parameters(params: Params) -> None:
    """Bring the parameters that provenance.json states up to date, where a change touched no result."""
    target = results_folder(params)
    content = _provenance(params, read_provenance(target).get("steps", {}))
    if (target / "provenance.json").is_file() and (target / "provenance.json").read_bytes() != content:
        write_atomically(target / "provenance.json", content)


def read_provenance(results: Path) -> dict[str, Any]:
    """Read provenance.json; empty where there is none yet."""
    try:
        return json.loads((results / "provenance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _key_or_none(params: Params, step: Step, store: Store) -> str | None:
    """Return a step's key, or None where a file that it reads is not there: then nothing can have been made from it."""
    try:
        return step_key(params, step, store)
    except Object2BrainError:
        return None


def _provenance(params: Params, steps: Mapping[str, Any]) -> bytes:
    described = {
        name: {"unit": unit, "source": source, "meaning": text, "default": default}
        for name, default, unit, source, text in options(type(params))
        if name.startswith("analysis.")
    }
    used: dict[str, set[str]] = {}
    for entry in steps.values():
        for library, number in entry["versions"].items():
            used.setdefault(library, set()).add(number)
    content = {
        "profile": params.name,
        "overrides": {name: value for name, value in params.overrides.items() if name.startswith("analysis.")},
        "analysis": params.analysis.model_dump(mode="json"),
        "options": described,
        "package": {"object2brain": o2b_helpers.__version__},
        "versions": {library: ", ".join(sorted(numbers)) for library, numbers in used.items()},
        "steps": {step.name: steps[step.name] for step in params.known_steps if step.name in steps},
    }
    return json.dumps(content, indent=1, ensure_ascii=False, default=str).encode()
