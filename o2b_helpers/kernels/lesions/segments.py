"""A chain of stages worked through in blocks: each part of the chain in blocks of a size that suits it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

CPU_BLOCK_BYTES = 32 * 2**20  # larger blocks only leave the caches and cost a CPU time
ALIVE = 4  # an operation's input and output, and two more of that size that a branch may hold
SHRINKS = 4  # a part ends where a copy has become this much smaller


class Segments:
    """A first step and the stages behind it, cut where copies shrink.

    Early on a copy is large, and few of them fill the caches; late in the network it is small, and only many of them
    are worth the reading of a fully connected layer's weights.

    Parameters
    ----------
    first : callable
        From a list of copies (copy, ...) to their values at the first stage.
    stages : list of nn.Module
        What follows.
    block_bytes : int
        Bound on the working memory, bytes; one copy always goes.
    device : torch.device
        Where the stages are.
    """

    def __init__(
        self,
        first: Callable[[torch.Tensor], torch.Tensor],
        stages: list[nn.Module],
        block_bytes: int,
        device: torch.device,
    ) -> None:
        self.first, self.stages = first, stages
        self.block_bytes = block_bytes
        # a "meta" device stands for a CPU, where memory is estimated
        self.cache_bytes = min(block_bytes, CPU_BLOCK_BYTES) if device.type in ("cpu", "meta") else block_bytes
        self.parts: list[tuple[int, list[nn.Module]]] = []  # copies at once, stages
        self.at_once = 0

    def run(self, copies: torch.Tensor) -> torch.Tensor:
        """Take copies (copy, ...) through all stages, in blocks."""
        if not self.parts:
            self._measure(copies[:1])
        return torch.cat([self._block(block) for block in copies.split(self.at_once)])

    def _block(self, copies: torch.Tensor) -> torch.Tensor:
        values = copies
        for number, (step, stages) in enumerate(self.parts):
            done = []
            for some in values.split(step):
                some = self.first(some) if number == 0 else some
                for stage in stages:
                    some = stage(some)
                done.append(some)
            values = torch.cat(done) if len(done) > 1 else done[0]
        return values

    def _measure(self, first_copy: torch.Tensor) -> None:
        """Run one copy, see how large it is on its way, and cut the chain."""
        largest = 0

        def watch(module: nn.Module, inputs: tuple, result: object) -> None:
            nonlocal largest
            if isinstance(result, torch.Tensor) and not result.is_mkldnn:
                largest = max(largest, result.nbytes)

        hooks = [part.register_forward_hook(watch) for stage in self.stages for part in stage.modules()]
        try:
            value = self.first(first_copy)
            largest = value.nbytes
            parts: list[tuple[int, list[nn.Module]]] = []
            stages: list[nn.Module] = []
            kept = 0
            for stage in self.stages:
                if largest >= SHRINKS * value.nbytes:
                    parts.append((largest, stages))
                    kept += value.nbytes
                    largest, stages = value.nbytes, []
                value = stage(value)
                stages.append(stage)
            parts.append((largest, stages))
        finally:
            for hook in hooks:
                hook.remove()
        self.parts = [(max(1, self.cache_bytes // (ALIVE * size)), stages) for size, stages in parts]
        # values between two parts are held twice while they are put together
        held = 2 * (kept + value.nbytes)
        self.at_once = max(1, (self.block_bytes - self.cache_bytes) // held, self.cache_bytes // (ALIVE * parts[0][0]))
