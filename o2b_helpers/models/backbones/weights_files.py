"""Files of weights: where they are, whether they are the right ones, and what stands in them."""

from __future__ import annotations

import pickle
import re
import struct
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from o2b_helpers.core.digests import file_digest
from o2b_helpers.core.errors import EnvironmentFault, ModelError
from o2b_helpers.core.progress import say
from o2b_helpers.models.backbones.registry import Architecture, WeightsSource
from o2b_helpers.models.backbones.wrapped_keys import unwrap
from o2b_helpers.models.file_kinds import AGAIN, SAFETENSORS, TORCH, damaged_member, weights_kind

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
        missing = [file for file in (path, *(path.parent / name for name in architecture.beside)) if not file.is_file()]
        if missing:
            _fetch(architecture, weights, source, missing[0])
    weights_kind(path, f"The weights {path.name}")  # a web page in their place needs no word on its digest
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
    """Download published weights with their publisher's own means, or say how to get them."""
    problem = f"The {weights} weights of {architecture.name} are missing"
    remedy = f"put the file {path.name} into {path.parent}"
    if source.url:
        remedy = f"{'run' if source.fetch else 'download'} {source.url} and {remedy}"
    if not source.download:
        raise ModelError(problem, value=path, expected=f"the file {source.file}", remedy=remedy)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if source.fetch is not None:
            source.fetch()
        else:
            torch.hub.download_url_to_file(source.url, str(path), hash_prefix=source.sha256, progress=False)
    except (URLError, OSError, RuntimeError) as error:  # no network, no room, or not the published file
        raise ModelError(
            f"{problem} and cannot be downloaded",
            value=f"{path} ({error})",
            expected=f"the file {path.name} from {source.url}",
            remedy=f"on a machine with network access, {remedy}",
        ) from error


def read_state_dict(path: Path | str, architecture: Architecture, wanted: Collection[str]) -> dict[str, torch.Tensor]:
    """Read the tensors of a file of weights, with the keys that the network uses.

    Checkpoints that hold a state dict among other things are opened up, and what wrappers put before or into the
    names is taken out (`wrapped_keys`); a line says so. No code in the file is ever run.

    Parameters
    ----------
    path : Path
        A state dict of torch or a safetensors file, told by its content.
    architecture : Architecture
        The network that the weights are for.
    wanted : collection of str
        The keys that the network uses.

    Returns
    -------
    dict of str to Tensor
        Tensors by key, on the CPU.

    Raises
    ------
    ModelError
        The file is something else, is broken, holds code or something else than tensors, or has values that are not
        finite or no plain numbers.
    EnvironmentFault
        The disk does not give it, or there is too little memory.
    """
    path = Path(path)
    unwrapped = unwrap(_content(path), architecture, wanted, path.name)
    if unwrapped.said:
        say(f"  weights {path.name}: {'; '.join(unwrapped.said)}")
    for key, value in unwrapped.state.items():
        _check_numbers(path, key, value)
    return unwrapped.state


def _content(path: Path) -> Any:
    """Read what is in a file without running any code."""
    kind = weights_kind(path, f"The weights {path.name}")
    try:
        if kind is SAFETENSORS:
            return load_file(path)
        damaged = damaged_member(path) if kind is TORCH else ""
        if not damaged:
            with path.open("rb") as file:  # by its content: torch goes by the end of a name
                return torch.load(file, map_location="cpu", weights_only=True)
        reason = f"damaged: the checksum of its part {damaged} does not match"
    except MemoryError as error:
        raise EnvironmentFault(
            f"there is too little memory to read the weights {path.name}",
            value=f"{path}: {path.stat().st_size:,} bytes",
            expected="as much free memory as the file is large",
            remedy="end other programs, or run on a machine with more memory",
        ) from error
    except (pickle.UnpicklingError, AttributeError, ImportError) as error:
        raise _holds_code(path, error) from error
    except (
        BadZipFile,
        struct.error,
        SafetensorError,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
    ) as error:
        raise _damaged(path, f"half a download or damaged ({type(error).__name__})") from error
    raise _damaged(path, reason)


def _damaged(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"The weights {path.name} cannot be read: the file is {reason}",
        value=path,
        expected="a whole state dict that PyTorch saved, or a .safetensors file",
        remedy=AGAIN,
    )


def _holds_code(path: Path, error: Exception) -> ModelError:
    """Say what a file holds besides tensors; torch's own words advise to run it, so they are not repeated."""
    named = re.search(r"GLOBAL ([\w.]+)", str(error))
    what = (
        f"it holds {named[1]}, which would run code when it is opened"
        if named
        else "damaged, or no plain table of tensors"
    )
    return ModelError(
        f"The weights {path.name} cannot be read safely",
        value=f"{path}: {what}",
        expected="nothing but tensors by name",
        remedy="where the file comes from, open it and save the tensors alone: torch.save(network.state_dict(), path)",
    )


def _check_numbers(path: Path, key: str, value: torch.Tensor) -> None:
    plain = value.layout is torch.strided and not value.is_quantized and not value.is_complex() and not value.is_meta
    if not plain:
        raise ModelError(
            f"The weights {path.name} hold other values than plain numbers",
            value=f"{path}: {key} is {value.dtype}, {value.layout}",
            expected="dense tensors of decimal numbers, not quantised",
            remedy="take the weights from before they were quantised or packed, and save them with "
            "torch.save(network.state_dict(), path)",
        )
    if value.is_floating_point() and not torch.isfinite(value.float()).all():
        raise ModelError(
            f"The weights {path.name} hold values that are not finite",
            value=f"{path}: {key}",
            expected="finite numbers only",
            remedy="use another file of weights; this one is broken",
        )
