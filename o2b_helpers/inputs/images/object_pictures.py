"""Read a picture of an object with transparency."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.Image import open as open_image  # bound here, as other libraries replace PIL.Image.open

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.images.decoding import MAX_PIXELS, read_bytes
from o2b_helpers.inputs.images.faults import is_fault

FORMATS = ("PNG", "WEBP", "TIFF", "GIF", "AVIF")


def read_object(path: Path | str, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read an object that is to be pasted onto pictures.

    Parameters
    ----------
    path : Path
        A picture with transparency, e.g. a PNG.
    max_pixels : int
        Largest width x height, looked at before any pixel is decoded.

    Returns
    -------
    array (height, width, 4) of uint8
        Red, green, blue and alpha.

    Raises
    ------
    InputError
        A file that is missing, empty, broken, too large or no picture; a picture without transparency.
    EnvironmentFault
        The disk, the share or the memory failed, also after some tries.
    """
    content = read_bytes(path)
    Image.init()
    try:
        with open_image(io.BytesIO(content), formats=[name for name in FORMATS if name in Image.OPEN]) as image:
            too_large = image.width * image.height > max_pixels
            transparent = image.has_transparency_data
            pixels = None if too_large or not transparent else np.asarray(image.convert("RGBA"))
    except Exception as error:  # decoders raise OSError, SyntaxError, EOFError, struct.error, ...
        if is_fault(error):
            raise
        raise _bad("The object's picture cannot be read", path, f"a whole {' or '.join(FORMATS[:2])}") from error
    if too_large:
        raise _bad("The object's picture has too many pixels", path, f"at most {max_pixels:,} pixels")
    if pixels is None or pixels[..., 3].min() == 255:
        raise _bad("The object's picture has no transparency", path, "a picture with a transparent ground")
    return pixels


def _bad(problem: str, path: Path | str, expected: str) -> InputError:
    remedy = "save the object as a PNG with a transparent ground"
    return InputError(problem, value=path, expected=expected, remedy=remedy)
