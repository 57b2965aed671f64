"""A map and boxes laid over a picture, for a notebook's widget and for the report."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from o2b_helpers.report.pictures.embedded import embedded

HEAT = np.array([213, 94, 0])  # vermilion: stands out from the toy world's and most photographs' colours in grey, too


@dataclass(frozen=True)
class Outline:
    """A box over a picture.

    Attributes
    ----------
    corners : sequence of float
        x0, y0, x1, y1 in pixels of the picture.
    mark : str
        What stands at its corner; nothing where empty.
    kind : str
        ``strong`` (a thick line), ``plain``, or ``faint`` (dashed).
    """

    corners: Sequence[float]
    mark: str = ""
    kind: str = "plain"


LINES = {"strong": (5.5, 3.0, ""), "plain": (3.5, 1.5, ""), "faint": (2.5, 1.0, "stroke-dasharray='4 3'")}


def laid_over(pixels: np.ndarray, cam: np.ndarray, width: int, quality: int = 85) -> str:
    """Lay a map over a picture in grey, as the address of an embedded JPEG.

    Parameters
    ----------
    pixels : array (height, width, 3) of uint8
        The picture.
    cam : array (map height, map width)
        Where it is high, 0 to 1, on any grid over the whole picture; the higher, the redder.
    width : int
        Pixels that the page gives the picture: a smaller one is drawn with twice its own.
    quality : int
        Of the JPEG, up to 95.

    Returns
    -------
    str
        ``data:image/jpeg;base64,...``.

    Examples
    --------
    >>> laid_over(np.zeros((8, 8, 3), np.uint8), np.ones((2, 2)), 8)[:23]
    'data:image/jpeg;base64,'
    """
    height, own = pixels.shape[:2]
    heat = Image.fromarray(cam.astype(np.float32)).resize((own, height), Image.Resampling.BILINEAR)
    share = 0.75 * np.clip(np.asarray(heat), 0, 1)[..., None]
    pale = 0.6 * pixels + 0.4 * pixels.mean(axis=2, keepdims=True)  # paler, so that the map is seen
    mixed = Image.fromarray(np.clip((1 - share) * pale + share * HEAT, 0, 255).astype(np.uint8))
    if own < width:
        mixed = mixed.resize((2 * own, 2 * height), Image.Resampling.BICUBIC)
    return embedded(mixed, quality=quality)


def outlined(address: str, size: tuple[int, int], width: int, boxes: Sequence[Outline], spoken: str) -> str:
    """Return a picture with boxes over it as SVG.

    Parameters
    ----------
    address : str
        Of the picture.
    size : (int, int)
        Its width and height in the pixels that boxes refer to.
    width : int
        Pixels that the page gives it.
    boxes : sequence of Outline
        The later ones are drawn over the earlier ones.
    spoken : str
        What it shows, for a reader who cannot see it; plain text.
    """
    scale = width / size[0]
    drawn = "".join(_rectangle(box, scale) for box in boxes)
    return (
        f"<svg role='img' aria-label='{html.escape(spoken, quote=True)}' width='{width}' "
        f"height='{size[1] * scale:.0f}' style='display:block'><image href='{address}' width='{width}' "
        f"height='{size[1] * scale:.0f}'/>{drawn}</svg>"
    )


def _rectangle(box: Outline, scale: float) -> str:
    """Draw a box with a white edge, so that it is seen on dark and on light."""
    x, y, right, bottom = (edge * scale for edge in box.corners)
    size = f"width='{right - x:.1f}' height='{bottom - y:.1f}' fill='none'"
    corner, (edge, line, more) = f"x='{x:.1f}' y='{y:.1f}' {size}", LINES[box.kind]
    drawn = f"<rect {corner} stroke='#fff' stroke-width='{edge}'/>"
    drawn += f"<rect {corner} stroke='#111' stroke-width='{line}' {more}/>"
    if box.mark:
        drawn += (
            f"<rect x='{x:.1f}' y='{y:.1f}' width='13' height='14' fill='#111'/>"
            f"<text x='{x + 3:.1f}' y='{y + 11:.1f}' font-size='11' fill='#fff'>{html.escape(box.mark)}</text>"
        )
    return drawn
