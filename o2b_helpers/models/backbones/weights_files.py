"""Files of weights: where they are, whether they are the right ones, and what stands in them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import ModelError
from o2b_helpers.models.backbones.registry import Architecture, WeightsSource

SUFFIXES = (".pth", ".pt", ".tar", ".safetensors")


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights on this machine.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        Its digest, 64 hexadecimal digits.
    """

    path: Path
    sha256: str


def default_weights_folder() -> Path:
    """Folder into which torchvision downloads weights (it follows TORCH_HOME)."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def find_weights(
    architecture: Architecture, weights: str, sha256: str | None = None, weights_folder: Path | str | None = None
) -> WeightsFile:
    """Find a file of weights, fetch it where torchvision publishes it, and check its digest.

    Parameters
    ----------
    architecture : Architecture
        The network that the weights are for.
    weights : str
        Name of published weights (``"imagenet"``, ``"places365"``, ``"toyworld"``) or the path of a file.
    sha256 : str, optional
        The digest that the file must have.
    weights_folder : Path, optional
        Where published weights are kept; torchvision's own folder where none is given.

    Returns
    -------
    WeightsFile
        The file and its digest.

    Raises
    ------
    ModelError
        The weights are unknown, missing and not to be had, or have another digest. Nothing is put in their place.
    """
    folder = Path(weights_folder) if weights_folder else default_weights_folder()
    source = architecture.weights.get(str(weights))
    if source is None:
        path = _given_path(architecture, str(weights), folder)
        source = WeightsSource(file=path.name)
    else:
        path = (source.folder or folder) / source.file
        if not path.is_file():
            _fetch(architecture, weights, source, path)
    digest = file_digest(path)
    for expected in (sha256, source.sha256):
        if expected and not digest.startswith(expected.lower()):
            raise ModelError(
                f"The weights {path.name} for {architecture.name} have another digest",
                value=f"sha256 {digest}",
                expected=f"sha256 {expected}",
                remedy=f"delete {path} and fetch it again, or, if you trust this file, name its sha256 in the profile",
            )
    return WeightsFile(path, digest)


def _given_path(architecture: Architecture, weights: str, folder: Path) -> Path:
    """Resolve weights that are not a published name: a path, as it stands or inside the folder of weights."""
    for path in (Path(weights).expanduser(), folder / weights):
        if path.is_file():
            return path
    choices = ", ".join([*architecture.weights, "untrained"])
    raise ModelError(
        f"There are no such weights for {architecture.name}",
        value=weights,
        expected=f"one of {choices}, or the path of a file ({', '.join(SUFFIXES)})",
        remedy=f"correct the name or the path; files are also looked for in {folder}",
    )


def _fetch(architecture: Architecture, weights: str, source: WeightsSource, path: Path) -> None:
    """Download published weights with torchvision's own means, or say how to get them."""
    problem = f"The {weights} weights of {architecture.name} are missing"
    remedy = f"put the file {source.file} into {path.parent}"
    if source.url:
        remedy = f"download {source.url} and {remedy}"
    if not source.download:
        raise ModelError(problem, value=path, expected=f"the file {source.file}", remedy=remedy)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(source.url, str(path), hash_prefix=source.sha256, progress=False)
    except (URLError, OSError, RuntimeError) as error:  # no network, no room, or not the published file
        raise ModelError(
            f"{problem} and cannot be downloaded",
            value=f"{path} ({error})",
            expected=f"the file {source.file} from {source.url}",
            remedy=f"on a machine with network access, {remedy}",
        ) from error


def read_state_dict(path: Path | str, architecture: Architecture) -> dict[str, torch.Tensor]:
    """Read the tensors of a file of weights, with the keys that the network uses.

    Checkpoints that hold a ``state_dict`` among other things are opened up, and the word ``module`` that
    torch's DataParallel leaves in the keys is taken out. No code in the file is ever run.

    Parameters
    ----------
    path : Path
        A state dict of torch (.pth, .pt, .tar) or a .safetensors file.
    architecture : Architecture
        The network that the weights are for.

    Returns
    -------
    dict of str to Tensor
        Tensors by key, on the CPU.

    Raises
    ------
    ModelError
        The file holds code or something else than tensors, is broken, or has values that are not finite.
    """
    path = Path(path)
    try:
        content: Any
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise ModelError(
            f"The weights {path.name} cannot be read safely",
            value=f"{path}: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            expected="a state dict of torch without code (readable with weights_only=True) or a .safetensors file",
            remedy="save the network again with torch.save(network.state_dict(), path)",
        ) from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise ModelError(
            f"The weights {path.name} are not a state dict",
            value=f"{path}: {type(content).__name__}",
            expected="tensors by name, at the top or under the key state_dict",
            remedy="save the network again with torch.save(network.state_dict(), path)",
        )
    state = {_own_key(key, architecture): value for key, value in content.items()}
    state = {key: value for key, value in state.items() if not key.startswith(architecture.ignored_keys)}
    for key, value in state.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ModelError(
                f"The weights {path.name} hold values that are not finite",
                value=f"{path}: {key}",
                expected="finite numbers only",
                remedy="use another file of weights; this one is broken",
            )
    return state


def _own_key(key: str, architecture: Architecture) -> str:
    # DataParallel leaves the word at the start, or behind the part that it was put around (features.module.0.weight)
    key = ".".join(part for part in key.split(".") if part != "module")
    return architecture.rename_key(key) if architecture.rename_key else key
