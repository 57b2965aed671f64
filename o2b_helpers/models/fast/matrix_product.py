"""One matrix product, by the faster of the libraries that torch brings for it, and on as many threads as pay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_linear = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Multiply a (row, inner) with b (column, inner) to (row, column); either may be a transposed view.

    For some tens of rows oneDNN is about twice as fast as the library behind torch's ``@`` on processors that are
    not Intel's, and as fast on others. torch offers it by this name only, so ``@`` serves wherever it is absent.

    Examples
    --------
    >>> product(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0], [5.0, 6.0]]))
    tensor([[11., 17.]])
    """
    if _linear is None or a.device.type != "cpu" or a.dtype != torch.float32 or not a.numel() or not b.numel():
        return a @ b.T
    return _linear(a, b, None, "none", [], "")


@contextmanager
def one_thread(where: bool) -> Iterator[None]:
    """Compute on one thread inside the ``with`` block, where that is asked for.

    Steps of some tens of microseconds gain nothing from a second thread, and each of them waits for it: many times
    as long as it computes where something else runs on the same machine.
    """
    before = torch.get_num_threads()
    if where:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if where:
            torch.set_num_threads(before)
