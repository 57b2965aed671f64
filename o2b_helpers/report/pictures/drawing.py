"""A program: it draws the figures that it reads from its standard input, and tells what went wrong as JSON.

:func:`o2b_helpers.report.pictures.browser.draw_pictures` starts it, with the paths where imports are looked up.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import sys
from collections.abc import Sequence
from typing import Any


async def draw(orders: Sequence[dict[str, Any]], seconds: float) -> list[str]:
    """Draw figures with one browser; return what went wrong with single pictures.

    Parameters
    ----------
    orders : sequence of dict
        ``fig``, ``path`` and ``opts``.
    seconds : float
        The most that one picture may take.
    """
    import kaleido

    from o2b_helpers.report.pictures.browser import OfflineChromium

    # Without mathjax=False the page that draws would fetch MathJax from the network.
    options = {"page_generator": kaleido.PageGenerator(mathjax=False), "timeout": seconds}
    async with kaleido.Kaleido(**options, browser_cls=OfflineChromium) as browser:
        errors = await browser.write_fig_from_object(orders) or ()
    return [in_words(error) for error in errors]


def in_words(error: BaseException) -> str:
    """Return what an error says, or else its kind."""
    return str(error).strip() or type(error).__name__


if __name__ == "__main__":
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    sys.path[:], wanted, most = pickle.load(sys.stdin.buffer)
    for name in ("kaleido", "choreographer"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        reasons = asyncio.run(draw(wanted, most))
    except Exception as error:  # whatever stops the browser must not stop the figures
        reasons = [in_words(error)]
    json.dump(reasons, answer)
    answer.close()
