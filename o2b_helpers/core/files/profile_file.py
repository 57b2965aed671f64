"""Read YAML as people write it, and put overrides on top."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from o2b_helpers.core.errors import ParameterError


def read_profile_tree(file: Path) -> dict[str, Any]:
    """Read a profile's file; ParameterError where it is no YAML mapping."""
    try:
        tree = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(
            f"{file.name} is not valid YAML",
            value=str(error).replace("\n", " "),
            expected="a YAML mapping",
            remedy="mend the line named above; spaces, not tabs, and a blank after every colon",
        ) from error
    tree = {} if tree is None else tree
    if not isinstance(tree, dict):
        raise ParameterError(
            f"{file.name} does not hold options",
            value=type(tree).__name__,
            expected="a mapping with the blocks analysis: and execution:",
            remedy="start from params/demo.yaml",
        )
    return tree


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number, as YAML 1.2 has it, and a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"option {key!r} is given twice, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)$"), list("-+0123456789.")
)


def parse_value(text: str) -> Any:
    """Read one value as YAML, e.g. the right side of ``--set key=value``.

    Examples
    --------
    >>> parse_value("1e-3"), parse_value("[alexnet, vgg16]"), parse_value("null")
    (0.001, ['alexnet', 'vgg16'], None)
    """
    return yaml.load(text, Loader=_Loader)


def write_value(value: Any) -> str:
    """Write one value as YAML on one line.

    Examples
    --------
    >>> write_value((1.0, 0.5)), write_value(None), write_value({"count": 24})
    ('[1, 0.5]', 'null', '{count: 24}')
    """
    return yaml.safe_dump(_plain(value), default_flow_style=True, sort_keys=False, width=10_000).split("\n")[0]


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e6 else value


def put_override(tree: dict, dotted: str, value: Any) -> None:
    """Put one override into a profile's tree, by its dotted name.

    Examples
    --------
    >>> tree = {"analysis": {"models": [{"name": "toynet"}]}}
    >>> put_override(tree, "analysis.models.0.name", "alexnet")
    >>> put_override(tree, "execution.device", "cpu")
    >>> tree
    {'analysis': {'models': [{'name': 'alexnet'}]}, 'execution': {'device': 'cpu'}}
    """
    *parents, last = dotted.split(".")
    value = deepcopy(value)  # a later override may reach into it, and the caller keeps their own
    node: Any = tree
    for position, name in enumerate(parents):
        if isinstance(node, list):
            if not name.isdigit() or int(name) >= len(node):
                raise ParameterError(
                    f"override {dotted!r} names no item",
                    value=name,
                    expected=f"a number from 0 to {len(node) - 1}",
                    remedy=f"e.g. {'.'.join([*parents[:position], '0', last])}",
                )
            node = node[int(name)]
        elif isinstance(node, dict):
            if node.get(name) is None:  # a block that is named but left empty
                node[name] = {}
            node = node[name]
        else:
            break
    else:
        if isinstance(node, list) and last.isdigit() and int(last) < len(node):
            node[int(last)] = value
            return
        if isinstance(node, dict):
            node[last] = value
            return
    raise ParameterError(
        f"override {dotted!r} names no option",
        value=dotted,
        expected="block.block.option",
        remedy="e.g. analysis.detector.confidence=0.4",
    )
