"""What several tests share: running the command as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import yaml

ROOT = Path(__file__).resolve().parent.parent

SMALL = {  # the toy world, small enough to run several times in a test
    "analysis": {
        "corpus": {"kind": "toyworld", "images": 120, "world_seed": 3},
        "models": [{"architecture": "toynet", "weights": "toyworld"}],
        "heads": {
            "runs": 2,
            "learning_rates": [0.01],
            "full": {"epochs": 20},
            "full_under_layer_rules": {"epochs": 5},
            "layer": {"epochs": 5},
        },
        "controls": {"untrained_seeds": 2},
        "object2brain": {"shams": 19},
    },
    "execution": {"device": "cpu", "threads": 1},
}


def command(*arguments: str, **options) -> subprocess.CompletedProcess:
    """Run ``o2b`` and return what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "o2b_helpers.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 800),
        check=False,
        **options,
    )


def write_profile(folder: Path, tree: dict, name: str = "study") -> Path:
    """Write a profile into a folder of its own; results and figures go there, too."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return file


def merged(tree: dict, **blocks: dict) -> dict:
    """Return a copy of a profile with analysis blocks replaced."""
    return {**tree, "analysis": {**tree["analysis"], **blocks}}


def content(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def environment(**variables: str) -> dict[str, str]:
    """Return this process' environment with some variables set."""
    return {**os.environ, **variables}


def has_ended(process: psutil.Process) -> bool:
    """Say whether a process has ended; one that nobody has asked how it ended counts."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
