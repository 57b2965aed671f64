"""A picture as an address that holds all of it, so that a page needs no other file."""

from __future__ import annotations

import base64
import io
from typing import Literal

from PIL import Image


def embedded(picture: Image.Image, kind: Literal["jpeg", "png"] = "jpeg", quality: int = 75) -> str:
    """Return the address of an embedded picture.

    Parameters
    ----------
    picture : Image
        The picture.
    kind : {"jpeg", "png"}
        How it is stored.
    quality : int
        Of a JPEG, up to 95.

    Examples
    --------
    >>> embedded(Image.new("RGB", (8, 8)))[:23]
    'data:image/jpeg;base64,'
    """
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": quality} if kind == "jpeg" else {}))
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
