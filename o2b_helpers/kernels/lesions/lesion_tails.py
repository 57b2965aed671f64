"""The rest of a network behind a layer, arranged for many copies that differ in one filter each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float, Integer
from torch import nn
from torch.nn import functional

from o2b_helpers.kernels.lesions.segments import Segments
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.fast.first_mixing_step import Branch, MixingStep, is_channelwise, mixing_step_of


class Reading:
    """One branch of the mixing stage: its result for the whole maps, and what a change of one filter adds to it.

    Parameters
    ----------
    branch : Branch
        A convolution, a linear layer, or nothing (the maps themselves).
    read, delta : tensor (image, filter, height, width)
        The maps that the mixing stage reads, and by how much each filter's map changes; (image, filter, cell) before
        a linear layer.
    """

    def __init__(
        self,
        branch: Branch,
        read: Float[torch.Tensor, "image filter *place"],
        delta: Float[torch.Tensor, "image filter *place"],
    ) -> None:
        changed = read + delta
        for step in branch.channelwise:
            read, changed = step(read), step(changed)
        self.step, self.delta = branch.linear, changed - read if branch.channelwise else delta
        self.grid: tuple[int, ...] = ()
        if self.step is None:
            self.whole = read
        elif isinstance(self.step, nn.Linear):
            self.whole = self.step(read.flatten(1))
            self.weight = self.step.weight.view(len(self.step.weight), read.shape[1], -1)
        else:
            result = self.step(read.contiguous(memory_format=torch.channels_last))
            self.grid = tuple(result.shape[2:])
            self.whole = result.permute(0, 2, 3, 1).flatten(1, 2).contiguous()  # (image, place, output)
            # (filter, cell of the kernel, output): a filter's share is a product of two small matrices
            self.weight = self.step.weight.permute(1, 2, 3, 0).flatten(1, 2).contiguous()

    def copies(self, images: torch.Tensor, changed: Sequence[tuple[int, int, int]]) -> torch.Tensor:
        """Give the results (copy, ...) for some images; `changed` lists (filter, its first copy, behind its last)."""
        result = self.whole[images]
        for channel, start, stop in changed:
            own, delta = result[start:stop], self.delta[images[start:stop], channel]
            if self.step is None:
                own[:, channel] += delta
            elif isinstance(self.step, nn.Linear):
                own.addmm_(delta.flatten(1), self.weight[:, channel].T)
            else:
                assert not isinstance(self.step.padding, str)  # such a convolution is not taken for a mixing step
                shape = (self.step.kernel_size, self.step.dilation, self.step.padding, self.step.stride)
                places = functional.unfold(delta[:, None], *shape).transpose(1, 2)
                own.baddbmm_(places, self.weight[channel].expand(len(own), -1, -1))
        return result.view(len(result), *self.grid, -1).permute(0, 3, 1, 2) if self.grid else result


class Tail:
    """The stages behind a layer.

    Parameters
    ----------
    backbone : Backbone
        The frozen network.
    layer : str
        Where it is resumed.
    """

    def __init__(self, backbone: Backbone, layer: str) -> None:
        stages = backbone.stages_behind(layer)
        self.channelwise = list(itertools.takewhile(is_channelwise, stages))
        self.rest = backbone.folded_stages_behind(layer)[len(self.channelwise) :]
        self.mixing_step: MixingStep | None = None
        if self.rest:
            first, *self.rest = self.rest
            # where the first step is not known to be linear, copies of the maps themselves go through it
            self.mixing_step = mixing_step_of(first) or MixingStep([Branch([], None)], first)

    def before(
        self, maps: Float[torch.Tensor, "image filter height width"]
    ) -> Float[torch.Tensor, "image filter *place"]:
        """Take maps (image, filter, height, width) to what the mixing stage or the head reads, (image, filter, ...)."""
        filters = maps.shape[1]
        for stage in self.channelwise:
            maps = stage(maps)
        return maps.view(len(maps), filters, -1) if maps.ndim == 2 else maps


class Copies:
    """Many copies on their way through a tail, in blocks that stay within a bound and, on a CPU, in its caches.

    Parameters
    ----------
    tail : Tail
        With a mixing stage.
    read, delta : tensor (image, filter, ...)
        What the mixing stage reads, and by how much each filter's map changes.
    block_bytes : int
        Bound on the working memory.
    """

    def __init__(
        self,
        tail: Tail,
        read: Float[torch.Tensor, "image filter *place"],
        delta: Float[torch.Tensor, "image filter *place"],
        block_bytes: int,
    ) -> None:
        assert tail.mixing_step is not None, "a tail without a mixing stage"
        self.readings = [Reading(branch, read, delta) for branch in tail.mixing_step.branches]
        self.close = tail.mixing_step.close
        self.segments = Segments(self._opened, tail.rest, block_bytes, read.device)

    def features(
        self, images: Integer[torch.Tensor, " copy"], filters: Integer[torch.Tensor, " copy"] | None = None
    ) -> Float[torch.Tensor, "copy feature"]:
        """Compute the features (copy, feature) of copies of images, each with one filter changed, or all of them whole.

        Parameters
        ----------
        images : tensor (copy,)
            Which image each copy shows.
        filters : tensor (copy,), optional
            Which filter is changed in it; equal ones should stand together.
        """
        filters = torch.full_like(images, -1) if filters is None else filters
        return self.segments.run(torch.stack([images, filters], 1))

    def _opened(self, copies: torch.Tensor) -> torch.Tensor:
        images, filters = copies.T
        changed, start = [], 0
        for channel, group in itertools.groupby(filters.tolist()):
            stop = start + len(list(group))
            changed += [(channel, start, stop)] if channel >= 0 else []
            start = stop
        images = images.to(self.readings[0].whole.device)
        return self.close(*[reading.copies(images, changed) for reading in self.readings])
