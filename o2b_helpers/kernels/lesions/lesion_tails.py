"""The rest of a network behind a layer, arranged for many copies that differ in some of its filters each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Integer
from torch import nn
from torch.nn import functional

from o2b_helpers.kernels.lesions.segments import Segments
from o2b_helpers.models.backbones.backbone import Backbone
from o2b_helpers.models.fast.first_mixing_step import (
    Branch,
    MixingStep,
    is_channelwise,
    keeps_gains,
    mixing_step_of,
)
from o2b_helpers.models.fast.matrix_product import product


class Reading:
    """One branch of the mixing stage: its result for the whole maps, and what a change of some filters adds to it.

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

    def copies(self, images: torch.Tensor, groups: Sequence[Group]) -> torch.Tensor:
        """Give the results (copy, ...) for some images, each group of copies with its filters changed."""
        result = self.whole[images]
        for group in groups:
            self._add(result[group.copies], group)
        return result.view(len(result), *self.grid, -1).permute(0, 3, 1, 2) if self.grid else result

    def _add(self, own: torch.Tensor, group: Group) -> None:
        """Add to results (copy, ...) of a group what its filters' change is."""
        delta = self.delta[group.images[:, None], group.filters]  # (image, filter, ...)
        factors = group.factors.view(-1, *[1] * (own.ndim - 1))
        if self.step is None:
            own[:, group.filters] += delta[group.image] * factors
            return
        if len(delta) == len(own):  # one copy of each image: the share goes to its place at once
            delta = delta * factors.view(-1, *[1] * (delta.ndim - 1))
            if isinstance(self.step, nn.Linear):
                own.addmm_(delta.flatten(1), self.weight[:, group.filters].flatten(1).T)
                return
            if len(group.filters) == 1:
                own.baddbmm_(self._places(delta), self.weight[group.filters].expand(len(own), -1, -1))
                return
            factors = torch.ones_like(factors)
        own.addcmul_(self._share(delta, group.filters)[group.image], factors)

    def _share(self, delta: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
        """Take changed maps (image, filter, ...) of some filters through the linear step, without its constant."""
        if isinstance(self.step, nn.Linear):
            return product(delta.flatten(1), self.weight[:, filters].flatten(1))
        assert isinstance(self.step, nn.Conv2d)
        step, weight = self.step, self.step.weight[:, filters]
        delta, weight = (each.contiguous(memory_format=torch.channels_last) for each in (delta, weight))
        share = functional.conv2d(delta, weight, None, step.stride, step.padding, step.dilation)
        return share.permute(0, 2, 3, 1).flatten(1, 2)

    def _places(self, delta: torch.Tensor) -> torch.Tensor:
        """List for every place (image, place, cell) what the kernel of a convolution reads there of one map."""
        assert isinstance(self.step, nn.Conv2d)
        assert not isinstance(self.step.padding, str)  # such a convolution is not taken for a mixing step
        shape = (self.step.kernel_size, self.step.dilation, self.step.padding, self.step.stride)
        return functional.unfold(delta, *shape).transpose(1, 2)


@dataclass(frozen=True)
class Group:
    """Copies that stand together and in which the same filters are changed.

    Parameters
    ----------
    copies : slice
        Where they stand.
    filters : tensor (filter,)
        What is changed in them.
    images : tensor (image,)
        The images that they show, each once.
    image : tensor (copy,)
        Which of these images each copy shows.
    factors : tensor (copy,)
        How many times the filters' change is added in each copy.
    """

    copies: slice
    filters: torch.Tensor
    images: torch.Tensor
    image: torch.Tensor
    factors: torch.Tensor


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

    def keeps_gains(self) -> bool:
        """Whether what the mixing stage or the head works on is a straight line in a filter's gain, from 0 on."""
        branches = [branch.channelwise for branch in self.mixing_step.branches] if self.mixing_step else [[]]
        return all(keeps_gains([*self.channelwise, *own]) for own in branches)


class Copies:
    """Many copies on their way through a tail, in blocks that stay within a bound and, on a CPU, in its caches.

    Parameters
    ----------
    tail : Tail
        With a mixing stage.
    read, delta : tensor (image, filter, ...)
        What the mixing stage reads, and by how much each filter's map changes.
    sets : sequence of tensor (filter,)
        The filters that change together.
    factors : tensor (factor,)
        How many times `delta` may be added.
    block_bytes : int
        Bound on the working memory.
    """

    def __init__(
        self,
        tail: Tail,
        read: Float[torch.Tensor, "image filter *place"],
        delta: Float[torch.Tensor, "image filter *place"],
        sets: Sequence[torch.Tensor],
        factors: torch.Tensor,
        block_bytes: int,
    ) -> None:
        assert tail.mixing_step is not None, "a tail without a mixing stage"
        self.readings = [Reading(branch, read, delta) for branch in tail.mixing_step.branches]
        self.close, self.sets, self.factors = tail.mixing_step.close, sets, factors.to(read)
        self.segments = Segments(self._opened, tail.rest, block_bytes, read.device)

    def features(
        self, images: Integer[torch.Tensor, " copy"], changes: Integer[torch.Tensor, "copy 2"] | None = None
    ) -> Float[torch.Tensor, "copy feature"]:
        """Compute the features (copy, feature) of copies of images, each with one set changed, or all of them whole.

        Parameters
        ----------
        images : tensor (copy,)
            Which image each copy shows.
        changes : tensor (copy, 2), optional
            Numbers of the set that is changed in it, and of the factor. Equal sets should stand together, and in them
            equal images: what they share is then computed once.
        """
        changes = torch.full((len(images), 2), -1) if changes is None else changes
        return self.segments.run(torch.cat([images[:, None], changes], 1))

    def _opened(self, copies: torch.Tensor) -> torch.Tensor:
        device, groups, start = self.readings[0].whole.device, [], 0
        images, sets, factors = copies.T
        for number, members in itertools.groupby(sets.tolist()):
            own = slice(start, start := start + len(list(members)))
            if number >= 0:
                shown, place = torch.unique_consecutive(images[own], return_inverse=True)
                each = self.sets[number], shown, place, self.factors[factors[own].to(device)]
                groups.append(Group(own, *(tensor.to(device) for tensor in each)))
        images = images.to(device)
        return self.close(*[reading.copies(images, groups) for reading in self.readings])
