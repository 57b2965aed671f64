"""Write figures as pictures: SVG to print, PNG to show."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import plotly.graph_objects as go
from PIL import Image

from o2b_helpers.core.files.atomic import writing
from o2b_helpers.core.progress import say
from o2b_helpers.report.pictures.browser import draw_pictures

PICTURE_SECONDS = 60


def write_pictures(drawn: dict[str, go.Figure], folder: Path) -> list[Path]:
    """Draw all SVG and PNG files with one browser; an older file is replaced only by a new one that is whole."""
    written: list[Path] = []
    with writing(folder), tempfile.TemporaryDirectory(prefix=".drawing-", dir=folder) as name:
        aside = Path(name)
        wanted = []
        for stem, figure in drawn.items():
            size = {"width": figure.layout.width, "height": figure.layout.height}
            for kind, scale in (("svg", 1), ("png", 2)):
                options = size | {"format": kind, "scale": scale}
                wanted.append({"fig": figure.to_dict(), "path": str(aside / f"{stem}.{kind}"), "opts": options})
        reasons = draw_pictures(wanted, PICTURE_SECONDS)
        for picture in (Path(order["path"]) for order in wanted):
            if picture.is_file() and picture.stat().st_size:
                (_same_bytes if picture.suffix == ".svg" else _small)(picture)
                os.replace(picture, folder / picture.name)
                written.append(folder / picture.name)
        if len(written) < len(wanted):
            lacking = f"Only {len(written)} of {len(wanted)}" if written else "No"
            reason = reasons[0].splitlines()[0][:160] if reasons else "it gave no reason"
            said = f"Chrome or Chromium could not draw them ({reason}). The HTML figures are there."
            say(f"{lacking} SVG and PNG figures: {said}")
    return written


def _small(path: Path) -> None:
    """Store a PNG with 256 colours: a third of the size, and the figures have far fewer."""
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def _same_bytes(path: Path) -> None:
    """Replace Plotly's random identifier, so that the same figure gives the same SVG."""
    text = path.read_text(encoding="utf-8")
    identifier = re.search(r'id="defs-([0-9a-f]{6})"', text)
    if identifier:
        path.write_text(text.replace(identifier.group(1), "figure"), encoding="utf-8")
