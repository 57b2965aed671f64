"""Which processor computes."""

from __future__ import annotations

import torch

from o2b_helpers.core.errors import ParameterError

CHOICES = ("auto", "cpu", "cuda", "mps")


def pick_device(name: str = "auto") -> str:
    """Choose a device.

    Parameters
    ----------
    name : str
        ``"auto"`` (a GPU where there is one), ``"cpu"``, ``"cuda"`` (also ``"cuda:1"``) or ``"mps"``.

    Returns
    -------
    str
        A device name as torch takes it.

    Raises
    ------
    ParameterError
        The name is unknown or the machine has no such device.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    # convolutions on NVIDIA's processors are else rounded to 10 bits, and no longer give what a CPU gives
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    if name == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    kind, _, number = str(name).partition(":")
    if kind not in CHOICES or (number and not (kind == "cuda" and number.isdigit())):
        raise ParameterError(
            "Unknown device", value=name, expected="one of " + ", ".join(CHOICES), remedy="correct execution.device"
        )
    there = {"cpu": True, "cuda": cuda and int(number or 0) < torch.cuda.device_count(), "mps": mps}
    if not there.get(kind, False):
        raise ParameterError(
            "This machine has no such device",
            value=name,
            expected="one of " + ", ".join(["auto", *(kind for kind, available in there.items() if available)]),
            remedy="set execution.device to auto or cpu",
        )
    return str(name)


def use_threads(threads: int | None) -> None:
    """Compute with so many threads from now on; None leaves torch's own choice."""
    if threads:
        torch.set_num_threads(threads)


def free_device_memory(device: str) -> float:
    """Return the bytes that are free on a GPU with memory of its own; infinity for a device that uses the machine's."""
    if not device.startswith("cuda"):
        return float("inf")
    return float(torch.cuda.mem_get_info(device)[0])
