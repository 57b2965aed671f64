"""Put weights into a network, or say in which way they do not fit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.registry import Architecture, architecture, architecture_names
from o2b_helpers.models.backbones.wrapped_keys import part_that_fits

Shapes = dict[str, tuple[int, ...]]


def fit_weights(module: nn.Module, state: Mapping[str, torch.Tensor], definition: Architecture, file: str) -> None:
    """Load tensors into a network, all of them and nothing else.

    The last layer takes as many outputs as the file has (1000 classes, 365 places, ...); everything else must fit.

    Parameters
    ----------
    module : nn.Module
        The network; changed in place.
    state : mapping of str to Tensor
        The tensors of the file.
    definition : Architecture
        The network's definition.
    file : str
        Name of the file, for the message.

    Raises
    ------
    ModelError
        Keys are missing, unexpected or have another shape; the message names the first of each and what would fit.
    """
    _match_last_layer(module, state, definition.last_layer)
    complaint = _complaint(_shapes(module), {key: tuple(value.shape) for key, value in state.items()})
    if complaint:
        fits = [name for name in architecture_names() if _fits(state, name)]
        part = part_that_fits(state, module.state_dict())
        raise ModelError(
            f"The weights {file} are not weights of {definition.name}",
            value=complaint,
            expected=f"exactly the tensors of {definition.name}",
            remedy=f"these weights fit {', '.join(fits)}: name that architecture, or take other weights"
            if fits
            else part or "take weights of this architecture; these fit none of the known ones",
        )
    whole = [key for key, value in module.state_dict().items() if value.is_floating_point()]
    rounded = [key for key in whole if key in state and not state[key].is_floating_point()]
    if rounded:
        raise ModelError(
            f"The weights {file} are whole numbers where {definition.name} has decimal ones",
            value=f"{len(rounded)} tensors, first {rounded[0]} ({state[rounded[0]].dtype})",
            expected="decimal numbers: weights from before they were quantised",
            remedy="save the weights of the network that was not quantised: torch.save(network.state_dict(), path)",
        )
    module.load_state_dict(dict(state), strict=False)  # only counters of old batch norms can still be missing


def _shapes(module: nn.Module) -> Shapes:
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


def _complaint(wanted: Shapes, given: Shapes) -> str:
    """Describe the first tensors that are missing, unexpected or of another shape; empty where all fit."""
    # batch norms before torch 0.4.1 had no such counter, and networks in eval mode do not read it
    missing = [key for key in wanted if key not in given and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in given if key not in wanted]
    misshaped = [key for key in wanted if key in given and wanted[key] != given[key]]
    parts = []
    if missing:
        parts.append(f"{len(missing)} missing, first {missing[0]}")
    if unexpected:
        parts.append(f"{len(unexpected)} unexpected, first {unexpected[0]}")
    if misshaped:
        key = misshaped[0]
        parts.append(f"{len(misshaped)} of another shape, first {key} {given[key]} instead of {wanted[key]}")
    return "; ".join(parts)


def _match_last_layer(module: nn.Module, state: Mapping[str, torch.Tensor], path: str) -> None:
    """Give the last layer as many outputs as the file has."""
    weight = state.get(f"{path}.weight")
    if not path or weight is None:
        return
    layer, outputs = module.get_submodule(path), weight.shape[0]
    parent_path, _, name = path.rpartition(".")
    parent = module.get_submodule(parent_path)
    bias = layer.bias is not None
    if isinstance(layer, nn.Linear) and layer.out_features != outputs:
        setattr(parent, name, nn.Linear(layer.in_features, outputs, bias=bias, device=layer.weight.device))
    elif isinstance(layer, nn.Conv2d) and layer.out_channels != outputs and layer.kernel_size == (1, 1):
        setattr(parent, name, nn.Conv2d(layer.in_channels, outputs, 1, bias=bias, device=layer.weight.device))


def _fits(state: Mapping[str, torch.Tensor], name: str) -> bool:
    """Tell whether the tensors fit another architecture, without allocating it."""
    other = architecture(name)
    keys = {other.rename_key(key) if other.rename_key else key: value for key, value in state.items()}
    keys = {key: value for key, value in keys.items() if not key.startswith(other.ignored_keys)}
    try:
        with torch.device("meta"):
            module = other.build()
            _match_last_layer(module, keys, other.last_layer)
    except Exception:  # a user's own network may not be buildable without memory; then it is merely not suggested
        return False
    return not _complaint(_shapes(module), {key: tuple(value.shape) for key, value in keys.items()})
