"""p of a count against random exchanges, of which more are drawn the closer to nothing p is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

ENOUGH = 10  # exchanges that reach the count, after which p is known to about a third of itself
More = Callable[[int], Float[np.ndarray, "exchange label"]]


def exchange_p(
    count: Float[np.ndarray, " label"],
    exchanged: Float[np.ndarray, "exchange label"],
    more: More | None = None,
    most: int = 0,
) -> Float[np.ndarray, " label"]:
    """Return the one-sided p of M against exchanges of the boxes (sequential Monte Carlo, Besag and Clifford 1991).

    Where at least 10 of the first exchanges reach the count, p is (1 + those) / (1 + exchanges). Elsewhere exchanges
    are added until 10 reach it, the last one being the n-th; p is 10 / n then, and (1 + those that reach it) /
    (1 + `most`) where so many do not suffice. In either case p is at most a with a probability of at most a where
    nothing is there. So p may be far below 1 / (1 + first exchanges), at little cost for the many that are not.

    Parameters
    ----------
    count : array (label,)
        M.
    exchanged : array (exchange, label)
        The same in the first exchanges.
    more : function, optional
        Draws as many more exchanges as it is asked for, (exchange, label); no more are drawn where left out.
    most : int
        Exchanges in all, the first ones among them.

    Returns
    -------
    array (label,)
        Above 0, at most 1.

    Examples
    --------
    >>> exchange_p(np.array([3.0]), np.array([[1.0], [3.0], [0.0]])).tolist()
    [0.5]
    >>> rng = np.random.default_rng(0)
    >>> heads = lambda many: rng.binomial(20, 0.5, (many, 1)).astype(float)  # of 20 coins
    >>> exchange_p(np.array([16.0]), heads(99), heads, 99_999).round(4).tolist()  # exactly 0.0059
    [0.0069]
    """
    reached = exchanged >= count
    found, drawn = reached.sum(0), len(exchanged)
    p = (1 + found) / (1 + drawn)
    open_cells = np.flatnonzero(found < ENOUGH)
    while more is not None and len(open_cells) and drawn < most:
        reached = more(min(drawn, most - drawn))[:, open_cells] >= count[open_cells]
        running = found[open_cells] + np.cumsum(reached, axis=0)
        ended = running[-1] >= ENOUGH
        last = drawn + 1 + np.argmax(running >= ENOUGH, axis=0)
        drawn += len(reached)
        found[open_cells] = running[-1]
        p[open_cells] = np.where(ended, ENOUGH / last, (1 + running[-1]) / (1 + drawn))
        open_cells = open_cells[~ended]
    return p
