"""What a result is made from, as hashes: values, files, and the source of the package's own modules."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import platform
import sys
import time
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from o2b_helpers.core.errors import EnvironmentFault, InputError, StoreError

# No number depends on the source of the engine and of declarations, whose values enter keys by themselves; of the
# engine, these modules write and label what is stored, or choose how a device rounds.
_COUNTED = {"o2b_helpers.core.contract", "o2b_helpers.core.files.labelled", "o2b_helpers.core.device"}
_DECLARATIONS = {"options", "tables", "study", "costs", "section", "registry"}  # of a study's folder
_DATA = (".csv", ".json", ".npy", ".npz", ".parquet", ".pt", ".safetensors")  # what modules compute with
LIBRARIES = ("torch", "torchvision", "ultralytics", "numpy", "scipy", "pandas", "xarray", "pillow")
_LOADED_AT = time.time()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that numbers come from."""
    return {"python": platform.python_version(), **{library: _version(library) for library in LIBRARIES}}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"


def digest_of(value: Any) -> str:
    """Return the sha256 of any JSON-able value, independent of the order of keys.

    Examples
    --------
    >>> digest_of({"runs": 5, "seed": 0}) == digest_of({"seed": 0, "runs": 5})
    True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=True, default=plain)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 of a file; InputError where it cannot be read, EnvironmentFault where the machine fails."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        fault = EnvironmentFault.of(error, path)
        if fault is not None:
            raise fault from error
        raise InputError(
            f"cannot read {Path(path).name}",
            value=str(path),
            expected="a readable file",
            remedy=f"check the path and its permissions ({error.strerror})",
        ) from error


@lru_cache
def code_digests(module: str) -> dict[str, str]:
    """Return module name -> digest of its source, for a module and all of the package that it imports.

    Imports count wherever they stand, also inside a function, and so does a module that is imported by its name in
    words. The data files that ship beside a module, or in a folder of data there, count as its source. Comments and
    docstrings do not: mending a sentence recomputes nothing.

    Raises
    ------
    StoreError
        A module has no source, was changed after it was loaded, or imports a module whose name is not written down.

    Examples
    --------
    >>> list(code_digests("o2b_helpers.models.finite"))
    ['o2b_helpers.models', 'o2b_helpers.models.finite']
    """
    digests: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in digests or not _counts(name):
            continue
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise StoreError(
                "the source of a module cannot be found",
                value=name,
                expected="an installed module of the package",
                remedy="reinstall the package; without its source no result can be trusted to be up to date",
            )
        data = _data_beside(Path(spec.origin).parent) if _is_ours(name) else {}
        if name in sys.modules and any(
            path.stat().st_mtime > _LOADED_AT for path in (Path(spec.origin), *data.values())
        ):
            raise StoreError(
                "the package's source was changed after this session had loaded it",
                value=name,
                expected="results that are stored under the code that made them",
                remedy="restart the notebook's kernel (or the command) and run again",
            )
        package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
        digests[name], imported = _parsed(Path(spec.origin), package, *_state(Path(spec.origin)))
        digests |= {f"{spec.parent}/{place}": _shipped_digest(path, *_state(path)) for place, path in data.items()}
        waiting += imported
        if name.startswith("o2b_helpers."):
            waiting.append(name.rpartition(".")[0])  # importing a module runs its packages, too
    return dict(sorted(digests.items()))


def _counts(name: str) -> bool:
    """Say whether numbers can depend on a module's source."""
    if name.startswith("o2b_helpers.core"):
        return name in _COUNTED
    declares = name.startswith("o2b_helpers.studies.") and name.rpartition(".")[2] in _DECLARATIONS
    return name not in ("", "o2b_helpers") and not declares


def _is_ours(name: str) -> bool:
    return name.split(".")[0] == "o2b_helpers"


def _data_beside(folder: Path) -> dict[str, Path]:
    """Return the data files of a package by place: in its folder, and in folders below it that hold no modules."""
    files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in _DATA and path.is_file():
            files[path.name] = path
        elif path.is_dir() and path.name != "__pycache__" and not any(path.glob("*.py")):
            files |= {f"{path.name}/{place}": below for place, below in _data_beside(path).items()}
    return files


@cache
def _parsed(path: Path, package: str, size: int, changed: int) -> tuple[str, tuple[str, ...]]:
    """Return the digest of a source and the modules that it imports; parsed once as long as its state is the same."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = tuple(_imports(tree, package))
    return hashlib.sha256(ast.dump(_without_docstrings(tree)).encode()).hexdigest(), imported


@cache
def _shipped_digest(path: Path, size: int, changed: int) -> str:
    """Return a data file's digest, read once for all modules that it ships with as long as its state is the same."""
    return file_digest(path)


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, max(status.st_mtime_ns, status.st_ctime_ns)


def plain(value: Any) -> Any:
    """Turn what JSON does not know (NumPy numbers, tuples, sets) into what it does.

    Examples
    --------
    >>> import numpy as np
    >>> plain(np.float32(0.5)), plain((5, 3)), plain({"vgg16", "alexnet"})
    (0.5, [5, 3], ['alexnet', 'vgg16'])
    """
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, set | tuple):
        return sorted(value) if isinstance(value, set) else list(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a key")


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and body:
            first = body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = body[1:] or [ast.Pass()]
    return tree


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield the package's own modules that a source imports, wherever in it, absolutely or relatively."""
    for node in ast.walk(tree):
        if _is_ours(package) and isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__"):
            yield from _by_name(node, package)
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "o2b_helpers")
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            if base.split(".")[0] != "o2b_helpers":
                continue
            yield base
            for alias in node.names:
                try:
                    if importlib.util.find_spec(f"{base}.{alias.name}") is not None:
                        yield f"{base}.{alias.name}"
                except ModuleNotFoundError:
                    continue


def _called(call: ast.Call) -> str:
    """Return the last part of the name of what is called; empty where it has none."""
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _by_name(call: ast.Call, package: str) -> Iterator[str]:
    """Yield the module that a call imports by its name in words."""
    name = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if not isinstance(name, str):
        raise StoreError(
            "a module imports another one whose name is not written down",
            value=f"{ast.unparse(call)} in the package {package}",
            expected="an import by name, so that the other module's source is part of the key",
            remedy="import the module in a statement of its own",
        )
    if name.split(".")[0] == "o2b_helpers":
        yield name
