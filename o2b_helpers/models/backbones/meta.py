"""A network's shapes without its numbers: how much memory a pass will take, before anything is loaded or computed.

On torch's "meta" device tensors have shapes and no values, so that a forward and backward pass of any network takes
milliseconds and no memory.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.backbones.hooked import HookedBackbone, hooked_stages
from o2b_helpers.models.backbones.loading import build_module, freeze
from o2b_helpers.models.backbones.registry import architecture as find_architecture
from o2b_helpers.models.backbones.stages import Stages

META = "meta"
COPIES = 0.25  # measured: nothing for AlexNet, a third for VGG16


def meta_backbone(architecture: str) -> Backbone:
    """Build a network of an architecture on the meta device.

    Parameters
    ----------
    architecture : str
        Name of a known architecture.

    Returns
    -------
    Backbone
        With all stages and shapes; its parameters have shapes and no values.

    Raises
    ------
    ModelError
        The network looks at numbers while it runs, so that shapes alone do not carry it through.

    Examples
    --------
    >>> backbone = meta_backbone("resnet50")
    >>> backbone.shape("layer4"), backbone.n_features
    ((2048, 7, 7), 2048)
    """
    definition = find_architecture(architecture)
    try:
        with torch.device(META):
            module = definition.build()
    except (RuntimeError, NotImplementedError):  # a definition that looks at its numbers while it builds
        module = build_module(definition, seed=0)
    module.to(META)
    stages = freeze(module, definition)
    size = definition.preprocessing.crop
    try:
        kind, shapes = Backbone, _shapes(stages, size)
        if not stages:
            kind = HookedBackbone
            stages, shapes = hooked_stages(module, definition)
    except (RuntimeError, NotImplementedError) as error:
        raise ModelError(
            f"{architecture} looks at numbers, so that its memory cannot be estimated",
            value=str(error).splitlines()[0],
            expected="a network whose shapes do not depend on the picture",
            remedy="nothing, if there is memory enough; see how the architecture is defined",
        ) from error
    known = definition.name, "no weights", "", module, definition.preprocessing, definition.target_layers
    return kind(*known, stages, shapes, META)


def _shapes(stages: Stages, size: int) -> dict[str, tuple[int, ...]]:
    """Pass one image through the stages and note what each gives, as `splitting.check_split` does with numbers."""
    shapes, tensor = {}, torch.empty(1, 3, size, size, device=META)
    with torch.no_grad():
        for name, stage in stages:
            tensor = stage(tensor)
            shapes[name] = tuple(tensor.shape[1:])
    return shapes


def weight_bytes(backbone: Backbone) -> int:
    """Return the size of a network's parameters and buffers in bytes."""
    return sum(values.nbytes for values in [*backbone.module.parameters(), *backbone.module.buffers()])


def pass_bytes(backbone: Backbone, images: int, until: str | None = None) -> int:
    """Return the most that a forward pass without gradients holds at one time, bytes.

    Its input is included, and so are the copies in another order that convolutions make for themselves.

    Parameters
    ----------
    backbone : Backbone
        From `meta_backbone`.
    images : int
        Images at once.
    until : str, optional
        Stop behind this layer.
    """
    size = backbone.preprocessing.crop

    def compute() -> torch.Tensor:
        with torch.no_grad():
            return backbone.run(torch.empty(images, 3, size, size, device=META), (), until=until)[1]

    return int(peak_bytes(compute) * (1 + COPIES))


def peak_bytes(call: Callable[[], Any]) -> int:
    """Run a computation on meta tensors and return the most that its tensors hold at one time.

    Parameters
    ----------
    call : callable
        Whatever it makes on the meta device is counted from its making until nothing refers to it any more; its
        result is kept to the end. Parameters and other tensors from before are not counted.

    Returns
    -------
    int
        Bytes.
    """
    with _Live() as live:
        kept = call()
    del kept
    return live.most


class _Live(TorchDispatchMode):
    """Sums up the storages that operations make, for as long as they live."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.seen: set[int] = set()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        for tensor in tree_leaves((args, kwargs)):
            if isinstance(tensor, torch.Tensor):
                self._know(tensor, 0)
        result = operation(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._know(tensor, tensor.untyped_storage().nbytes())
        self.most = max(self.most, self.now)
        return result

    def _know(self, tensor: torch.Tensor, size: int) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self.seen:
            return
        self.seen.add(key)
        self.now += size
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self.seen.discard(key)
        self.now -= size
