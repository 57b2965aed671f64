"""Find the network's own tensors in a checkpoint: behind an entry of it, or behind a beginning that all names share."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import torch

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.registry import Architecture

Tensors = Mapping[str, torch.Tensor]
WRAPPING_PARTS = {"module": "DataParallel", "_orig_mod": "torch.compile"}  # part of a name: who leaves it there
DEEPEST = 2  # entries of entries that are looked into
COUNTER = "num_batches_tracked"  # batch norms before torch 0.4.1 had none, and networks in eval mode do not read it
MOST_NAMED = 6


@dataclass(frozen=True)
class Unwrapped:
    """A network's tensors, and how they were found.

    Attributes
    ----------
    state : dict of str to Tensor
        By the network's own names, as far as that is possible.
    said : tuple of str
        What was taken off, in words; empty where the file holds the tensors as the network names them.
    """

    state: dict[str, torch.Tensor]
    said: tuple[str, ...] = ()


def unwrap(content: object, definition: Architecture, wanted: Collection[str], file: str) -> Unwrapped:
    """Return the tensors of a checkpoint by the names that the network uses.

    Parameters
    ----------
    content : object
        What was read from the file.
    definition : Architecture
        The network's definition.
    wanted : collection of str
        The names that the network uses.
    file : str
        Name of the file, for messages.

    Returns
    -------
    Unwrapped
        Where nothing fits, the tensors with the names that come nearest, for a message that says what is missing.

    Raises
    ------
    ModelError
        The file holds no table of tensors, or several different ones that fit the network.
    """
    tables = dict(_tables(content))
    if not tables:
        raise ModelError(
            f"The weights {file} are not a state dict",
            value=_described(content),
            expected="tensors by name, at the top of the file or in one of its entries",
            remedy="save the network again with torch.save(network.state_dict(), path)",
        )
    fitting = {name: result for name, table in tables.items() if (result := _fitted(table, definition, wanted))}
    first = next(iter(fitting), None)
    if first is None:
        largest = max(tables, key=lambda name: len(tables[name]))
        return Unwrapped(_renamed(tables[largest], definition, drop=True)[0])
    others = [name for name in fitting if name != first]
    different = [name for name in others if not _same(fitting[name].state, fitting[first].state)]
    if different:
        raise ModelError(
            f"The weights {file} hold several networks that fit {definition.name}",
            value=" and ".join(map(repr, [first, *different])),
            expected="one state dict",
            remedy=f"save the one that you mean: torch.save(torch.load({file!r})[{first!r}], path)",
        )
    behind = (f"the tensors stand in its entry {first!r}",) if first else ()
    return Unwrapped(fitting[first].state, (*behind, *fitting[first].said))


def part_that_fits(given: Collection[str], wanted: Collection[str]) -> str:
    """Say which part of a file would fit, or which part of the network the file holds; empty where neither is so.

    Examples
    --------
    >>> part_that_fits(["net.conv.weight", "loss.weight"], ["conv.weight"])
    "the 1 tensors behind 'net.' would fit: save these alone, without the beginning"
    >>> part_that_fits(["0.weight"], ["features.0.weight"])
    "these are the tensors of its part 'features' alone: save the whole network"
    """
    names = [name for name in wanted if not name.endswith(COUNTER)]
    if not names:
        return ""
    for key in sorted(given, key=len):
        beginning = key.removesuffix(names[0])
        if beginning == key or not beginning.endswith("."):
            continue
        behind = {name.removeprefix(beginning) for name in given if name.startswith(beginning)}
        if _matches(behind, wanted):
            return f"the {len(behind)} tensors behind {beginning!r} would fit: save these alone, without the beginning"
    parts = {name.rpartition(".")[0] for name in names}
    parts |= {".".join(part.split(".")[:count]) for part in parts for count in range(1, part.count(".") + 1)}
    for part in sorted(parts - {""}, key=len):
        if given and {f"{part}.{name}" for name in given} <= set(wanted):
            return f"these are the tensors of its part {part!r} alone: save the whole network"
    return ""


def _tables(content: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, Tensors]]:
    """Yield every entry that is nothing but tensors by name; the whole content under the empty name."""
    if not isinstance(content, Mapping):
        return
    if content and all(isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in content.items()):
        yield name, content
    elif depth < DEEPEST:
        for key, entry in content.items():
            if isinstance(key, str):
                yield from _tables(entry, f"{name}.{key}" if name else key, depth + 1)


def _fitted(table: Tensors, definition: Architecture, wanted: Collection[str]) -> Unwrapped | None:
    """Return a table by the network's names, or None where its names do not fit."""
    for drop in (False, True):
        state, dropped = _renamed(table, definition, drop)
        if _matches(state, wanted):
            return Unwrapped(
                state, tuple(f"{part!r} of {WRAPPING_PARTS[part]} was taken out of its names" for part in dropped)
            )
    parts = {_without_parts(key): value for key, value in table.items()}
    if len(parts) < len(table):
        return None
    for beginning in _beginnings(parts):
        shorter = {key.removeprefix(beginning): value for key, value in parts.items()}
        state, _ = _renamed(shorter, definition, drop=False)
        if _matches(state, wanted):
            return Unwrapped(state, (f"the beginning {beginning!r} was taken off all names",))
    return None


def _renamed(table: Tensors, definition: Architecture, drop: bool) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Rename as the architecture asks for; with `drop`, without what wrappers leave in names, and which these were."""
    state: dict[str, torch.Tensor] = {}
    for key, value in table.items():
        own = _without_parts(key) if drop else key
        own = definition.rename_key(own) if definition.rename_key else own
        if not own.startswith(definition.ignored_keys):
            state[key if own in state else own] = value  # two names that become one stay two
    dropped = [part for part in WRAPPING_PARTS if any(part in key.split(".") for key in table)] if drop else []
    return state, dropped


def _without_parts(key: str) -> str:
    # the word stands at the start, or behind the part that was wrapped (features.module.0.weight)
    return ".".join(part for part in key.split(".") if part not in WRAPPING_PARTS)


def _beginnings(keys: Collection[str]) -> list[str]:
    """List the beginnings that all names share, whole parts only, the shortest first."""
    shared = os.path.commonprefix(list(keys)).split(".")[:-1]
    return [".".join(shared[: count + 1]) + "." for count in range(len(shared))]


def _matches(given: Collection[str], wanted: Collection[str]) -> bool:
    given, wanted = set(given), set(wanted)
    return given <= wanted and all(name.endswith(COUNTER) for name in wanted - given)


def _same(each: Tensors, other: Tensors) -> bool:
    return each.keys() == other.keys() and all(torch.equal(each[name], other[name]) for name in each)


def _described(content: object) -> str:
    if not isinstance(content, Mapping):
        return type(content).__name__
    entries = sorted(content.items(), key=lambda entry: isinstance(entry[1], torch.Tensor))  # what does not fit first
    names = [f"{key} ({type(value).__name__})" for key, value in entries[:MOST_NAMED]]
    return f"entries {', '.join(names)}" + (" ..." if len(content) > MOST_NAMED else "") if names else "no entry at all"
