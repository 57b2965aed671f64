"""A Chrome or Chromium that draws the figures and asks nothing of the network.

Started as kaleido starts it, Chrome looks up names and connects to its maker's servers (port 443) on its own account:
for updates of its parts, for lists of sites, for time. No figure needs any of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from choreographer.browsers.chromium import Chromium

NOWHERE = "127.0.0.1:9"  # the port of this machine that discards what it is sent; nothing listens there
OFFLINE = (
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-features=AutofillServerCommunication,CertificateTransparencyComponentUpdater,MediaRouter,"
    "OptimizationHints,OptimizationGuideModelDownloading,Translate",
    "--disable-quic",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    f"--proxy-server=http://{NOWHERE}",
    "--proxy-bypass-list=<-loopback>",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)


class OfflineChromium(Chromium):
    """Chrome as kaleido starts it, with everything switched off that would use the network."""

    def get_cli(self) -> Sequence[str]:
        """Return the command that starts it."""
        return [*super().get_cli(), *OFFLINE]


def has_browser() -> bool:
    """Say whether a Chrome or Chromium is found on this machine."""
    path = Chromium.find_browser(skip_local=False)
    return path is not None and Path(path).is_file()


def draw_pictures(orders: Sequence[dict[str, Any]], seconds: float) -> Sequence[Exception]:
    """Draw figures as pictures.

    Parameters
    ----------
    orders : sequence of dict
        ``fig`` (a figure as a dict), ``path`` (the file to write) and ``opts`` (width, height, format, scale).
    seconds : float
        The most that one picture may take.

    Returns
    -------
    sequence of Exception
        What went wrong with single pictures.

    Raises
    ------
    Exception
        Whatever keeps the browser from starting.
    """
    import kaleido

    # Without mathjax=False the page that draws would fetch MathJax from the network.
    options = {"page_generator": kaleido.PageGenerator(mathjax=False), "timeout": seconds}
    options["browser_cls"] = OfflineChromium

    async def draw() -> Sequence[Exception]:
        async with kaleido.Kaleido(**options) as browser:
            return await browser.write_fig_from_object(orders) or ()

    try:
        asyncio.get_running_loop()
    except RuntimeError:  # no loop: in this thread, so that Ctrl-C reaches it
        return asyncio.run(draw())
    return kaleido.write_fig_from_object_sync(orders, kopts=options) or ()  # in JupyterLab
