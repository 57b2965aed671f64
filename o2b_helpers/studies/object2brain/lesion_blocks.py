"""How large a block of lesioned copies may be on this machine."""

from __future__ import annotations

from o2b_helpers.core.device import free_device_memory, pick_device
from o2b_helpers.core.params import Params
from o2b_helpers.core.resources import memory_for_this_process, resident_bytes
from o2b_helpers.kernels.lesions.single_filters import BLOCK_BYTES


def lesion_block_bytes(params: Params) -> int:
    """Return the bound on one block of lesions: a quarter of what is left, but no more than is of use.

    A power of two, so that a little more or less memory in use does not change the blocks, and with them the rounding.
    """
    device = pick_device(params.execution.device)
    most = BLOCK_BYTES if device == "cpu" else 4 * BLOCK_BYTES
    in_memory = memory_for_this_process(params.execution.memory_gib) - resident_bytes()
    left = min(float(in_memory), free_device_memory(device))
    return min(most, 2 ** max(20, int(max(left, 1) // 4).bit_length() - 1))
