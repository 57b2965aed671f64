"""The stages of a network: an ordered list of named modules whose composition is the network.

A network that is cut anywhere in this list splits exactly: what stands before the cut gives the feature maps,
what stands after it takes them to the features that a head reads.
"""

from __future__ import annotations

from torch import nn

Stages = list[tuple[str, nn.Module]]
FLATTEN = ("flatten", nn.Flatten(1))


def stages_of(module: nn.Module, *parts: str | tuple[str, nn.Module]) -> Stages:
    """List the stages of a network by module path.

    Parameters
    ----------
    module : nn.Module
        The network.
    *parts : str or (str, nn.Module)
        A module path (``"layer1"``), all children of a module in order (``"features.*"``), or a step that the
        network does in its `forward` without a module, with a name for it (``("flatten", nn.Flatten(1))``).

    Returns
    -------
    list of (str, nn.Module)
        In the order in which an image passes through them.

    Examples
    --------
    >>> module = nn.ModuleDict({"features": nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())})
    >>> [name for name, stage in stages_of(module, "features.*", FLATTEN)]
    ['features.0', 'features.1', 'flatten']
    """
    stages: Stages = []
    for part in parts:
        if isinstance(part, tuple):
            stages.append(part)
        elif part.endswith(".*"):
            parent = part[:-2]
            stages += [(f"{parent}.{name}", child) for name, child in module.get_submodule(parent).named_children()]
        else:
            stages.append((part, module.get_submodule(part)))
    return stages
