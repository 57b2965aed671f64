"""The examples in the docstrings run, and give what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(importlib.import_module("o2b_helpers").__file__).parent


def _modules() -> list[str]:
    files = [file for file in sorted(PACKAGE.rglob("*.py")) if ">>> " in file.read_text(encoding="utf-8")]
    return [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files]


@pytest.mark.parametrize("module", _modules())
def test_examples(module):
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted and not result.failed


@pytest.mark.parametrize("layer", ["core", "models", "kernels"])
def test_a_layer_has_examples(layer):
    assert sum(module.startswith(f"o2b_helpers.{layer}.") for module in _modules()) >= 15
