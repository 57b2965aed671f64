"""A Chrome or Chromium that draws the figures and asks nothing of the network.

Started as kaleido starts it, Chrome asks its maker's servers (port 443) for updates, the time, lists of sites and the
accounts of its user, and the search engine for its first page. No figure needs any of that.
"""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from choreographer.browsers.chromium import Chromium

DRAWING = Path(__file__).with_name("drawing.py")
FEATURES = "NetworkTimeServiceQuerying,OptimizationHints,OptimizationGuideModelDownloading,MediaRouter,Translate"
OFFLINE = (
    "--disable-background-networking",
    "--disable-component-extensions-with-background-pages",
    "--disable-default-apps",
    f"--disable-features={FEATURES}",
    "--component-updater=url-source=file:///",
    "--gaia-url=http://localhost:1",  # a port that Chrome refuses to connect to
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-proxy-server",
    "about:blank",
)


class OfflineChromium(Chromium):
    """Chrome as kaleido starts it, with everything switched off that would use the network.

    Where Linux allows it, it is also set apart from every network. It may still look whether there is a way to an IPv6
    address: that sends nothing, and finds none.
    """

    def get_cli(self) -> Sequence[str]:
        """Return the command that starts it."""
        apart = () if self.is_isolated() else set_apart()  # a snap cannot be started from there
        return [*apart, *super().get_cli(), *OFFLINE]


@cache
def set_apart() -> tuple[str, ...]:
    """Return what starts a program in a network of its own, without a way out; empty where the system has no such."""
    unshare = shutil.which("unshare") if sys.platform == "linux" else None
    if unshare is None:
        return ()
    apart = (unshare, "--map-root-user", "--net", "--")
    works = subprocess.run([*apart, sys.executable, "-c", ""], capture_output=True, check=False).returncode == 0
    return apart if works else ()


def has_browser() -> bool:
    """Say whether a Chrome or Chromium is found on this machine."""
    path = Chromium.find_browser(skip_local=False)
    return path is not None and Path(path).is_file()


def draw_pictures(orders: Sequence[dict[str, Any]], seconds: float) -> list[str]:
    """Draw figures as pictures, in a process of its own.

    A browser that is closed by a signal leaves threads behind that wait for it for ever; they end with their process.

    Parameters
    ----------
    orders : sequence of dict
        ``fig`` (a figure as a dict), ``path`` (the file to write) and ``opts`` (width, height, format, scale).
    seconds : float
        The most that one picture may take.

    Returns
    -------
    list of str
        What went wrong with single pictures, or with all of them.
    """
    with subprocess.Popen(
        [sys.executable, "-P", str(DRAWING)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as drawing:
        try:
            told, said = drawing.communicate(pickle.dumps((sys.path, orders, seconds)))
        except BaseException:
            with suppress(psutil.NoSuchProcess):
                for process in psutil.Process(drawing.pid).children(recursive=True):
                    process.kill()
            drawing.kill()
            raise
    if drawing.returncode:
        return [(said.decode(errors="replace").strip().splitlines() or ["it ended by itself"])[-1]]
    reasons: list[str] = json.loads(told)
    return reasons
