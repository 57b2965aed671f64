"""At which layers a network's maps come from a ReLU: every ReLU'd convolution at which it can be cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.backbone import Backbone

aten = torch.ops.aten
RELUS = {aten.relu.default, aten.relu_.default, aten.hardtanh.default, aten.hardtanh_.default}  # hardtanh: ReLU6
CONVOLUTIONS = {aten.convolution.default, aten.conv2d.default, aten.cudnn_convolution.default}


def relu_layers(backbone: Backbone) -> tuple[str, ...]:
    """List the layers whose maps come from a ReLU that stands behind a convolution, first to last.

    A layer is where the network can be cut: a stage, or a target layer of a network without stages. Its maps are what a
    ReLU gave, or several such results side by side (the branches of an Inception or a Fire module). What comes after a
    ReLU (pooling, dropout) is no layer of its own, and neither is a ReLU inside a block that cannot be cut.

    Parameters
    ----------
    backbone : Backbone
        Of any architecture; shapes are enough (`meta_backbone`).

    Returns
    -------
    tuple of str
        Names as `Backbone.run` takes them; for VGG16 the paper's 13, for AlexNet its 5 (METHODS 6).

    Examples
    --------
    >>> from o2b_helpers.models.backbones.meta import meta_backbone
    >>> relu_layers(meta_backbone("alexnet"))
    ('features.1', 'features.4', 'features.7', 'features.9', 'features.11')
    >>> relu_layers(meta_backbone("squeezenet1_1"))[:3]
    ('features.1', 'features.3', 'features.4')
    """
    size, found = backbone.preprocessing.crop, []
    with _Rectified() as rectified, torch.no_grad():
        tensor = torch.zeros(1, 3, size, size, device=backbone.device)
        if backbone.splits:
            passed = []
            for name, stage in backbone.stages:
                tensor = stage(tensor)
                passed.append((name, tensor))
        else:
            passed = list(backbone.run(tensor, backbone.target_layers)[0].items())
            passed.sort(key=lambda pair: [name for name, _ in backbone.stages].index(pair[0]))
        for name, maps in passed:
            if maps.ndim == 4 and rectified.knows(maps) and not rectified.seen(maps):
                found.append(name)
    return tuple(found)


def check_relu_layers(backbone: Backbone, layers: Sequence[str]) -> tuple[str, ...]:
    """Return the layers in the network's order, if the maps of each come from a ReLU.

    Raises
    ------
    ModelError
        A layer is not there, or its maps come from something else.
    """
    known = relu_layers(backbone)
    for layer in layers:
        backbone.shape(layer)  # refuses a layer that is not known
        if layer not in known:
            raise ModelError(
                f"The maps of a layer of {backbone.name} do not come from a ReLU behind a convolution",
                value=layer,
                expected="one of " + (", ".join(known) or "the layers behind a ReLU, of which there is none"),
                remedy="name such layers in analysis.selectivity.layers, or set it to relu",
            )
    return tuple(layer for layer in known if layer in layers)


class _Rectified(TorchDispatchMode):
    """Follows which tensors hold nothing but what a ReLU gave, behind a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[int, torch.Tensor] = {}  # by storage; kept, so that no other tensor gets its place
        self.looked_at: set[int] = set()
        self.convolved = False

    def knows(self, tensor: torch.Tensor) -> bool:
        return _storage(tensor) in self.kept

    def seen(self, tensor: torch.Tensor) -> bool:
        """Say whether a tensor was looked at before: what passes something on unchanged is no layer of its own."""
        key = _storage(tensor)
        before = key in self.looked_at
        self.looked_at.add(key)
        return before

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.convolved = self.convolved or operation in CONVOLUTIONS
        if not isinstance(result, torch.Tensor):
            return result
        if operation in RELUS:
            rectified = self.convolved and _from_zero(operation, args)
        elif operation is aten.cat.default:
            rectified = all(map(self.knows, args[0]))
        elif _storage(result) in map(_storage, _tensors(args)):  # a view, or in place
            rectified = self.knows(result) and operation._schema.name[-1] != "_"
        else:
            rectified = operation is aten.clone.default and self.knows(args[0])
        if rectified:
            self.kept[_storage(result)] = result
        else:
            self.kept.pop(_storage(result), None)
        return result


def _from_zero(operation: Any, args: Sequence[Any]) -> bool:
    """Say whether what an operation cuts off is what lies below 0."""
    return "hardtanh" not in str(operation) or (len(args) > 1 and args[1] == 0)


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _tensors(args: Iterable[Any]) -> list[torch.Tensor]:
    return [value for value in args if isinstance(value, torch.Tensor)]
