"""What the network of an own definition is made from: the file, what it imports, and the files that it reads.

All of it enters the keys of results. What lies in the user's folders enters by its digest, an installed package by its
version, and code that cannot be traced (made from text, or imported under a name that is not written down) is refused.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path

from o2b_helpers.core.digests import LIBRARIES, code_digests, digest_of, file_digest
from o2b_helpers.core.errors import ModelError
from o2b_helpers.core.files.shipped import PACKAGE

OURS = PACKAGE.name
_LONGEST_PATH = 1000  # characters of a text that is tried as the name of a file
_BY_NAME = {"import_module", "__import__"}
_FROM_TEXT = {"exec", "eval", "compile"}  # as functions of their own; re.compile and module.eval() are others
_FROM_FILES = {
    "spec_from_file_location",
    "SourceFileLoader",
    "run_path",
    "run_module",
    "exec_module",
    "module_from_spec",
}


def definition_sources(path: Path, read: Iterable[Path] = ()) -> dict[str, str]:
    """Return name -> digest or version of all that a definition is made from.

    Parameters
    ----------
    path : Path
        The definition, which was run already, so that what it puts into ``sys.path`` is there.
    read : iterable of Path
        Files that were opened while it ran.

    Returns
    -------
    dict of str to str
        Files by their path from the definition's folder; packages and modules by their names.

    Raises
    ------
    ModelError
        It makes code from text, or imports what is not written down.
    """
    files, others = _trace(path)
    folder = path.resolve().parent
    named = {os.path.relpath(file, folder): file_digest(file) for file in {*files, *read}}
    return dict(sorted((named | others).items()))


def user_files(path: Path) -> set[Path]:
    """Return the files of the user that a definition is made from, itself among them."""
    return _trace(path)[0]


def modules_from(files: set[Path]) -> set[str]:
    """Return the names of the loaded modules that come from some files."""
    names = {file.name for file in files}
    return {name for name, module in list(sys.modules.items()) if _file_of(module, names) in files}


def is_installed(path: Path) -> bool:
    """Say whether a file belongs to Python, to an installed package or to the system, not to the user."""
    resolved = path.resolve()
    if {"site-packages", "dist-packages"} & set(resolved.parts):
        return True
    return any(resolved.is_relative_to(place) for place in _installed_places())


@cache
def _installed_places() -> tuple[Path, ...]:
    own = [sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    system = ["/proc", "/sys", "/dev", "/etc", "/usr/share", "/usr/lib"]
    return tuple({PACKAGE, *(Path(place).resolve() for place in [*own, *system])})


def _trace(path: Path) -> tuple[set[Path], dict[str, str]]:
    """Follow imports from a definition: the user's files, and packages and modules of others with their versions."""
    modules: set[Path] = set()
    data: set[Path] = set()
    others: dict[str, str] = {}
    waiting = [(path.resolve(), "")]
    while waiting:
        file, package = waiting.pop()
        if file in modules:
            continue
        modules.add(file)
        tree = _parsed(file)
        _refuse_untraceable(tree, file)
        data |= set(_files_in_words(tree, file))
        for name in _imported(tree, package):
            top = name.split(".")[0]
            if top == OURS:
                if _spec(name) is not None:  # a name in `from` can be that of a class
                    others[name] = digest_of(code_digests(name))
            elif top not in sys.stdlib_module_names or _is_shadowed(top):
                waiting += _places(name, top, others)
    return modules | data, others


def _places(name: str, top: str, others: dict[str, str]) -> Iterator[tuple[Path, str]]:
    """Yield the user's files that importing a module runs; note what is installed or not there."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        module = ".".join(parts[:count])
        spec = _spec(module)
        if spec is None:
            if count == 1:
                others[top] = "not there"  # an import that is only tried; once it is there, the network may be another
            return
        if spec.origin is None or spec.origin in ("built-in", "frozen", "namespace"):
            continue
        origin = Path(spec.origin)
        if is_installed(origin):
            if top not in LIBRARIES:  # their versions are told of every result
                others[top] = _version(top, origin)
            return
        if origin.suffix == ".py":
            yield origin.resolve(), module if spec.submodule_search_locations is not None else module.rpartition(".")[0]
        else:
            others[module] = file_digest(origin)


def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__spec__", None) is not None:
        return loaded.__spec__
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def _version(top: str, origin: Path) -> str:
    names = _distributions().get(top, [])
    return ", ".join(f"{name} {version(name)}" for name in sorted(set(names))) if names else file_digest(origin)


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def _is_shadowed(name: str) -> bool:
    """Say whether a module of the user was loaded in the place of one of Python's own that has its name."""
    file = _file_of(sys.modules.get(name))
    return file is not None and not is_installed(file)


def _file_of(module: object, names: set[str] | None = None) -> Path | None:
    """Return the file of a module; None where it has none, or none of these names."""
    file = getattr(module, "__dict__", {}).get("__file__")  # some modules answer to any name by loading more
    if not isinstance(file, str) or (names is not None and os.path.basename(file) not in names):
        return None
    return Path(file).resolve()


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), filename=str(file))
    except (OSError, SyntaxError, ValueError) as error:
        raise ModelError(
            "A file of the definition of an architecture cannot be read",
            value=f"{file}: {error}",
            expected="a Python file",
            remedy="correct the file, or leave out its import",
        ) from error


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield the modules that a source imports, wherever in it; submodules named in ``from`` as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package) if package else base
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and _called(node)[1] in _BY_NAME:
            (name,) = node.args[:1]
            assert isinstance(name, ast.Constant)  # others were refused
            yield str(name.value)


def _files_in_words(tree: ast.Module, file: Path) -> Iterator[Path]:
    """Yield the files that a text in the source names, from the folder of the source."""
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if not isinstance(text, str) or not 0 < len(text) < _LONGEST_PATH or "\0" in text or "\n" in text:
            continue
        if os.path.isfile(file.parent / text):
            yield (file.parent / text).resolve()


def _refuse_untraceable(tree: ast.Module, file: Path) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        owner, name = _called(node)
        first = node.args[0] if node.args else None
        written_down = (
            isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value.startswith(".")
        )
        if (
            (name in _FROM_TEXT and owner is None)
            or name in _FROM_FILES
            or (name in _BY_NAME and not written_down)
            or (owner == "hub" and name == "load")
        ):
            raise ModelError(
                "The definition of an architecture runs code that cannot be traced",
                value=f"{file}, line {node.lineno}: {ast.unparse(node)}",
                expected="imports by name, so that all code which makes the network is part of the key of its results",
                remedy="import the module in a statement of its own (import my_layers), or put its code into the file",
            )


def _called(call: ast.Call) -> tuple[str | None, str]:
    """Return what the name that is called belongs to (None: it stands alone), and the name."""
    function = call.func
    if isinstance(function, ast.Attribute):
        value = function.value
        return getattr(value, "attr", getattr(value, "id", "")), function.attr
    return None, getattr(function, "id", "")
