"""Before a step starts: will it fit? Its memory and disk, estimated from shapes, against what the machine has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from o2b_helpers.core.cost import BATCH_SIZE, Need, disk_bytes
from o2b_helpers.core.device import free_device_memory, pick_device
from o2b_helpers.core.errors import ModelError, ParameterError, StoreError
from o2b_helpers.core.params import Params
from o2b_helpers.core.progress import say
from o2b_helpers.core.resources import GIB, free_disk, in_words, memory_for_this_process, resident_bytes

LITTLE = 256 * 2**20  # bytes of memory and of disk that are not worth a line


def check_fit(params: Params, step: str, needs_of: Callable[[Params], Sequence[Need]]) -> None:
    """Say what a step will take, or refuse it before anything is computed.

    Parameters
    ----------
    params : Params
        The profile.
    step : str
        The step as messages name it.
    needs_of : callable
        From a profile to what the step's parts, which run one after the other, need.

    Raises
    ------
    ParameterError
        Too little memory; the message names the option to lower, and how far where that is the batch size.
    StoreError
        Too little room on the disk.
    """
    try:
        needs = needs_of(params)
    except ModelError as error:  # a network that cannot be loaded says so when it is
        say(f"  needs     cannot be estimated: {error.problem}")
        return
    if not needs:
        return
    held, room = resident_bytes(), memory_for_this_process(params.execution.memory_gib)
    largest = max(needs, key=lambda need: need.memory)
    if held + largest.memory > room:
        raise _too_little_memory(params, step, needs_of, largest, held + largest.memory, room)
    on_device = max(needs, key=lambda need: need.device)
    free_there = free_device_memory(pick_device(params.execution.device))
    if on_device.device > free_there:
        raise _too_little_memory(params, step, needs_of, on_device, on_device.device, free_there, "GPU memory")
    disk, free = disk_bytes(needs), free_disk(params.store)
    if disk > free:
        raise _too_little_disk(params, step, needs, disk, free)
    said = [(largest.memory, f"{in_words(held + largest.memory)} of memory ({in_words(room)} available)")]
    said += [(on_device.device, f"{in_words(on_device.device)} of GPU memory ({in_words(free_there)} free)")]
    said += [(disk, f"{in_words(disk)} of disk ({in_words(free)} free)")]
    worth = [text for size, text in said if size >= LITTLE]
    if worth:
        say("  needs     about " + " and ".join(worth))


def with_batch_size(params: Params, size: int) -> Params:
    """Return the profile with another batch size."""
    execution = params.execution.model_copy(update={"batch_size": size})
    return params.model_copy(update={"execution": execution})


def _too_little_memory(
    params: Params,
    step: str,
    needs_of: Callable[[Params], Sequence[Need]],
    need: Need,
    wanted: int,
    room: float,
    kind: str = "memory",
) -> ParameterError:
    limit = params.execution.memory_gib
    ours = kind == "memory" and limit is not None and room == int(limit * GIB)
    to_do = [need.less]
    if BATCH_SIZE in need.less:
        fits = _largest_batch(params, needs_of, need.what, wanted, room, kind)
        size = params.execution.batch_size
        to_do = [f"set {BATCH_SIZE} to {fits} (now {size})"] if fits else []
    to_do += ["raise execution.memory_gib"] if ours else ["free memory or take a larger machine"]
    return ParameterError(
        f"{step} needs more {kind} than there is; nothing was computed",
        value=f"about {in_words(wanted)} for {need.what}",
        expected=f"at most {in_words(room)}" + (" (execution.memory_gib)" if ours else f", the {kind} available now"),
        remedy=", or ".join(to_do) + ", and run again: what is stored stays",
    )


def _largest_batch(
    params: Params, needs_of: Callable[[Params], Sequence[Need]], what: str, wanted: int, room: float, kind: str
) -> int:
    """Return the largest half, quarter, ... of the batch size with which the part would fit; 0 for none."""

    def size_of(some: Params) -> int:
        return max((n.memory if kind == "memory" else n.device for n in needs_of(some) if n.what == what), default=0)

    held, size = wanted - size_of(params), params.execution.batch_size // 2
    while size and held + size_of(with_batch_size(params, size)) > room:
        size //= 2
    return size


def _too_little_disk(params: Params, step: str, needs: Sequence[Need], disk: int, free: int) -> StoreError:
    largest = max(needs, key=lambda need: need.disk + need.scratch)
    less = f"{largest.less_disk}, " if largest.less_disk else ""
    return StoreError(
        f"{step} needs more room on the disk than there is; nothing was computed",
        value=f"about {in_words(disk)}, most of it for {largest.what}",
        expected=f"at most {in_words(free)}, which are free at {params.store}",
        remedy=f"{less}free room, or set execution.runs_folder to a larger disk, and run again: what is stored stays",
    )
