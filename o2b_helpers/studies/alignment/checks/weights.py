"""Look into files of weights: whether they are weights at all, and fit the network that the profile names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from o2b_helpers.core.findings import Finding
from o2b_helpers.models.backbones.fitting import fit_weights
from o2b_helpers.models.backbones.loading import build_module
from o2b_helpers.models.backbones.registry import Architecture
from o2b_helpers.models.backbones.weights_files import read_state_dict
from o2b_helpers.models.file_kinds import weights_kind
from o2b_helpers.studies.alignment.checks.asking import asked

MOST_READ = 300 * 2**20  # bytes; a larger file is told by its first and last bytes


def weights_findings(what: str, path: Path, definition: Architecture) -> Iterator[Finding]:
    """Say what is wrong with a file of weights that is there."""

    def look() -> None:
        weights_kind(path, f"The weights {path.name}")
        if path.stat().st_size <= MOST_READ:
            module = build_module(definition, seed=0)
            fit_weights(module, read_state_dict(path, definition, module.state_dict().keys()), definition, path.name)

    _, refused = asked(what, look)
    yield from refused
