"""Mean over space of the gradient at feature maps, without computing the gradient itself where it can be avoided.

The gradient at the input of a convolution is a sum over the convolution's taps of shifted copies of the gradient at its
output, so that its sum over space needs only that gradient's sums over the places which each tap can reach. A max
pooling hands each gradient on to one place, so that sums over space pass through it. The last and, at the highest
resolution, dearest step of a backward pass that ends at feature maps is thereby left out.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge


def readers(result: torch.Tensor, maps: Float[torch.Tensor, "image channel height width"]) -> list[Node] | None:
    """Find the convolutions that read some feature maps, directly or behind a max pooling.

    Parameters
    ----------
    result : tensor
        Whatever was computed from the maps.
    maps : tensor (image, channel, height, width)
        A leaf of the graph.

    Returns
    -------
    list of nodes
        None where anything else reads the maps too.
    """
    by_source: dict[Node, list[Node]] = {}
    seen: set[Node] = set()
    waiting = [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        for source, _ in node.next_functions:
            if source is not None:
                by_source.setdefault(source, []).append(node)
                waiting.append(source)
    convolutions: list[Node] = []
    followed: list[Any] = list(by_source.get(get_gradient_edge(maps).node, []))  # what a node saves has no type
    while followed:
        node = followed.pop()
        if node.name() == "ConvolutionBackward0" and not node._saved_transposed and node._saved_groups == 1:
            convolutions.append(node)
        elif node.name() == "MaxPool2DWithIndicesBackward0":
            followed += by_source[node]
        else:
            return None
    return convolutions or None


def output_edges(convolutions: list[Node]) -> list[GradientEdge]:
    """Give the outputs of convolutions, as something to ask a gradient for."""
    return [GradientEdge(node, 0) for node in convolutions]


def gradient_sum(
    convolution: Any, gradient: Float[torch.Tensor, "image output height width"]
) -> Float[torch.Tensor, "image channel"]:
    """Sum over space the gradient that a convolution hands back to its input.

    Parameters
    ----------
    convolution : node of the graph
        With its weight (output, channel, tap, tap).
    gradient : tensor (image, output, height, width)
        At the convolution's output.

    Returns
    -------
    tensor (image, channel)
    """
    weight = convolution._saved_weight.detach()
    reach = [
        _reach(*of_axis).to(gradient)
        for of_axis in zip(
            weight.shape[2:],
            convolution._saved_input.shape[2:],
            gradient.shape[2:],
            convolution._saved_stride,
            convolution._saved_padding,
            convolution._saved_dilation,
            strict=True,
        )
    ]
    images, outputs, height, width = gradient.shape
    rows = gradient.permute(0, 2, 3, 1).reshape(images, height, width * outputs)
    sums = (reach[0] @ rows).view(images, -1, width, outputs)
    sums = reach[1] @ sums  # (image, tap, tap, output)
    return sums.flatten(1) @ weight.permute(2, 3, 0, 1).flatten(0, 2)


def _reach(taps: int, inputs: int, outputs: int, stride: int, padding: int, dilation: int) -> torch.Tensor:
    """Which outputs see the input, and not the padding, through which tap: (tap, output), 0 or 1."""
    place = torch.arange(outputs) * stride - padding + torch.arange(taps)[:, None] * dilation
    return (place >= 0) & (place < inputs)
