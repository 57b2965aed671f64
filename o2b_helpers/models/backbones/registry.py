"""What an architecture is, and the list of those that are known."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from o2b_helpers.core.digests import code_digests
from o2b_helpers.core.errors import ModelError
from o2b_helpers.inputs.images.preprocessing import Preprocessing
from o2b_helpers.models.backbones.definition_sources import OURS, definition_sources, modules_from, user_files
from o2b_helpers.models.backbones.opened_files import modules_beside, opened_files
from o2b_helpers.models.backbones.stages import Stages


@dataclass(frozen=True)
class WeightsSource:
    """A published file of weights.

    Parameters
    ----------
    file : str
        Name of the file; it is looked for under this name.
    url : str
        Where the file comes from, an address or a command; empty for a file that ships with the package.
    sha256 : str
        The digest of the file, or its first digits (torchvision publishes eight); empty where none is published.
    download : bool
        Whether the file may be fetched from `url` when it is missing.
    folder : Path, optional
        Folder of a file that ships with the package, or with another one.
    fetch : callable, optional
        What fetches it where that is not a plain download; raises OSError where it cannot be had.
    """

    file: str
    url: str = ""
    sha256: str = ""
    download: bool = False
    folder: Path | None = None
    fetch: Callable[[], None] | None = None


@dataclass(frozen=True)
class Architecture:
    """A network: how it is built, where it can be cut, and what it expects to see.

    Parameters
    ----------
    name : str
        The name by which a profile asks for it.
    build : callable
        Returns the network with random weights; called without arguments.
    stages : callable
        Takes the network, returns the ordered list of (name, module) whose composition maps images
        (image, 3, height, width) to penultimate features (image, feature); see `stages_of`. None where the network
        cannot be written as such a list: its maps are then read by hooks, and every lesion runs all of it.
    target_layers : tuple of str
        Names of the stages (or modules) whose feature maps are studied, first to last; their maps must not be negative.
    preprocessing : Preprocessing
        From a picture to the network's input.
    last_layer : str
        Module path of the layer that reads the penultimate features; its number of outputs follows the file of
        weights. Empty where the network itself ends with the features.
    weights : dict of str to WeightsSource
        Published weights by name, e.g. ``"imagenet"``.
    rename_key : callable, optional
        From a key as files of weights spell it to the key of the network.
    ignored_keys : tuple of str
        Beginnings of keys that files of weights hold and the network does not need.
    needed : callable, optional
        Raises ModelError where what the network is built from is not installed.
    beside, complete : tuple of str, callable, optional
        Names of files that lie beside the weights, and what puts them in: it takes the network and the weights' file.
    labels : tuple of str
        What the outputs of the last layer are called where the network names labels as it is, without training.
    """

    name: str
    build: Callable[[], nn.Module]
    stages: Callable[[nn.Module], Stages] | None
    target_layers: tuple[str, ...]
    preprocessing: Preprocessing
    last_layer: str = ""
    weights: dict[str, WeightsSource] = field(default_factory=dict)
    rename_key: Callable[[str], str] | None = None
    ignored_keys: tuple[str, ...] = ()
    needed: Callable[[], None] | None = None
    beside: tuple[str, ...] = ()
    complete: Callable[[nn.Module, Path], None] | None = None
    labels: tuple[str, ...] = ()


@dataclass
class _Registry:
    """Known architectures and where each came from.

    `later` holds names whose definitions are read when one of them is first asked for, and what reads them (None: they
    have been read). `file_of` names the definition file (None: shipped or registered in a session), `module_of` the
    module that registered it, `made_from` the files of the user that a definition is made from, `read` those that it
    has opened, `foreign` the modules that were loaded before the first definition.
    """

    later: dict[str, Callable[[], object] | None] = field(default_factory=dict)
    known: dict[str, Architecture] = field(default_factory=dict)
    file_of: dict[str, Path | None] = field(default_factory=dict)
    module_of: dict[str, str] = field(default_factory=dict)
    made_from: dict[Path, set[Path]] = field(default_factory=dict)
    read: dict[Path, set[Path]] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    reading: Path | None = None


_REGISTRY = _Registry()


def register(architecture: Architecture) -> Architecture:
    """Make an architecture known by its name.

    Parameters
    ----------
    architecture : Architecture
        The definition. A definition file may be read again and then replaces its own earlier definitions.

    Returns
    -------
    Architecture
        The same definition.

    Raises
    ------
    ModelError
        The name is taken by another definition.
    """
    name = architecture.name
    _read_later(name)
    if name in _REGISTRY.known and (_REGISTRY.reading is None or _REGISTRY.file_of[name] != _REGISTRY.reading):
        raise ModelError(
            "Two architectures have the same name",
            value=name,
            expected="a name that is not yet taken by: " + ", ".join(architecture_names()),
            remedy="give your architecture another name in the file that registers it",
        )
    _REGISTRY.known[name] = architecture
    _REGISTRY.file_of[name] = _REGISTRY.reading
    _REGISTRY.module_of[name] = str(sys._getframe(1).f_globals.get("__name__"))
    return architecture


def register_later(names: Sequence[str], read: Callable[[], object]) -> None:
    """Make names known whose definitions take long to import; `read` registers them when one is first asked for."""
    _REGISTRY.later |= dict.fromkeys(names, read)


def _read_later(name: str) -> None:
    """Read the definition of a name that was to be read later, as one that ships with the package."""
    read = _REGISTRY.later.get(name)
    if read is None:
        return
    _REGISTRY.later |= {other: None for other, reads in _REGISTRY.later.items() if reads is read}
    before, _REGISTRY.reading = _REGISTRY.reading, None
    try:
        read()
    finally:
        _REGISTRY.reading = before


def architecture(name: str) -> Architecture:
    """Find an architecture by name.

    Raises
    ------
    ModelError
        The name is unknown; the message suggests the closest one.

    Examples
    --------
    >>> architecture("resnet18").target_layers
    ('layer1', 'layer2', 'layer3', 'layer4')
    """
    _read_later(name)
    if name in _REGISTRY.known:
        return _REGISTRY.known[name]
    close = difflib.get_close_matches(str(name).lower(), architecture_names(), n=1)
    raise ModelError(
        "Unknown architecture" + (f" (did you mean {close[0]}?)" if close else ""),
        value=name,
        expected="one of " + ", ".join(architecture_names()),
        remedy="correct the name, or name the file that registers your own architecture in the profile",
    )


def architecture_names() -> list[str]:
    """List the names of all known architectures, those of torchvision first."""
    return list(dict.fromkeys([*_REGISTRY.later, *_REGISTRY.known]))


def load_definition(path: Path | str) -> list[str]:
    """Run a user's Python file that registers architectures of their own.

    Parameters
    ----------
    path : Path or str
        A Python file that calls `register`. It is run as any script is, so name only files you trust.

    Returns
    -------
    list of str
        The names that the file registered.

    Raises
    ------
    ModelError
        The file is missing, fails, or registers nothing.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise ModelError(
            "The file that defines an architecture is missing",
            value=path,
            expected="a Python file that calls o2b_helpers.models.backbones.registry.register(...)",
            remedy="correct the path in the profile",
        )
    spec = importlib.util.spec_from_file_location(f"o2b_definition_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ModelError(
            "The file that defines an architecture is not a Python file",
            value=path,
            expected="a name that ends in .py",
            remedy="rename the file or correct the path in the profile",
        )
    before, _REGISTRY.reading = _REGISTRY.reading, path
    try:
        with modules_beside(path.parent):
            with _fresh_modules(), opened_files(path.parent) as opened:
                spec.loader.exec_module(importlib.util.module_from_spec(spec))
            _REGISTRY.made_from[path], _REGISTRY.read[path] = user_files(path), opened
    except Exception as error:
        _forget(path)
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            "The file that defines an architecture fails",
            value=f"{path}: {type(error).__name__}: {error}",
            expected="a Python file that runs",
            remedy="run the file with python to see where it fails",
        ) from error
    finally:
        _REGISTRY.reading = before
    names = [name for name, file in _REGISTRY.file_of.items() if file == path]
    if not names:
        raise ModelError(
            "The file registers no architecture",
            value=path,
            expected="at least one call of o2b_helpers.models.backbones.registry.register(Architecture(...))",
            remedy="add the call; docs/own_network.md shows an example",
        )
    return names


def sources(name: str) -> dict[str, str]:
    """Return what an architecture is made from: modules of the package, or a definition and all that it imports.

    Returns
    -------
    dict of str to str
        Name -> digest or version, for the keys of results.

    Raises
    ------
    ModelError
        Its code cannot be traced: it was registered in a session, or its definition makes code from text.
    """
    architecture(name)
    file, module = _REGISTRY.file_of[name], _REGISTRY.module_of[name]
    if file is not None:
        return sources_of_definition(file)
    if module.split(".")[0] == OURS:
        return code_digests(module)
    raise ModelError(
        "The code of an architecture is in no file that its results can be traced to",
        value=f"{name}, registered by {module}",
        expected="an architecture of the package, or one that a definition file registers",
        remedy="put its code into a Python file and name the file in the profile (analysis.models[].definition)",
    )


def sources_of_definition(path: Path) -> dict[str, str]:
    """Return what a definition that was loaded is made from, as `sources`."""
    return definition_sources(path, _REGISTRY.read.get(path.resolve(), ()))


@contextmanager
def building(name: str) -> Iterator[None]:
    """Refuse a network that reads a file of the user while it is built, and not when its definition is read.

    Such a file would change the network and no key.
    """
    file = _REGISTRY.file_of.get(name)
    if file is None:
        yield
        return
    with opened_files(file.parent) as opened:
        yield
    unknown = opened - _REGISTRY.read.get(file, set()) - _REGISTRY.made_from.get(file, set())
    if unknown:
        raise ModelError(
            f"The network {name} reads a file that is not part of the key of its results",
            value=", ".join(sorted(map(str, unknown))),
            expected="files that are read when the definition itself is read",
            remedy="read the file at the top of the definition",
        )


def _forget(path: Path) -> None:
    """Take out of the registry what a definition has registered before it failed or was refused."""
    for name in [name for name, file in _REGISTRY.file_of.items() if file == path]:
        for known in (_REGISTRY.known, _REGISTRY.file_of, _REGISTRY.module_of):
            del known[name]


@contextmanager
def _fresh_modules() -> Iterator[None]:
    """Import the user's own modules anew for a definition, from their files as they are now.

    What definitions have imported before is forgotten first: another definition may have a module of the same name
    beside it, and a file may have been changed since. No compiled files are written: Python tells them apart by whole
    seconds.
    """
    if not _REGISTRY.made_from:
        _REGISTRY.foreign |= set(sys.modules)
    for name in modules_from(set().union(*_REGISTRY.made_from.values())) - _REGISTRY.foreign:
        del sys.modules[name]
        folder, _, own = name.rpartition(".")
        if hasattr(sys.modules.get(folder), own):  # `from folder import own` would take what is kept there
            delattr(sys.modules[folder], own)
    importlib.invalidate_caches()
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
