"""Look for everything a profile needs before hours are spent on it: packages, data, weights, room on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from o2b_helpers.core.digests import LIBRARIES
from o2b_helpers.core.findings import Finding
from o2b_helpers.core.params import Params


def examine(params: Params) -> list[Finding]:
    """Return a finding for every package, input and weights file that the profile's studies need."""
    wanted = {id(step) for step in params.steps}
    studies = [study for study in params.known_studies if any(id(step) in wanted for step in study.steps)]
    outside = [finding for study in studies if study.doctor for finding in study.doctor(params)]
    return [*_packages(), *outside, *_disk(params)]


def _packages() -> Iterator[Finding]:
    for library in LIBRARIES:
        module = {"pillow": "PIL"}.get(library, library)
        yield Finding(
            f"package {library}",
            find_spec(module) is not None,
            "installed" if find_spec(module) else "this Python",
            f"pip install {library}",
        )
    try:
        import torch
        from torchvision.ops import nms

        nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)
        yield Finding("torch and torchvision fit together", True, f"torch {torch.__version__}")
    except (ImportError, RuntimeError) as error:
        yield Finding(
            f"torchvision that fits this torch ({error})", False, "this Python", "pip install 'torch>=2.14' torchvision"
        )


def _disk(params: Params) -> Iterator[Finding]:
    folder: Path = params.store
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    yield Finding(
        "room on the disk",
        free > 1,
        f"{free:.0f} GiB free at {folder}",
        "free at least 1 GiB; early layers of a large corpus need far more",
    )
