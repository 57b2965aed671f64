"""Read one picture into RGB, or say why it cannot be read."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile
from PIL.Image import open as open_image  # bound here, as other libraries replace PIL.Image.open

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.images.faults import is_fault, is_short_of_memory, patiently

MAX_PIXELS = 100_000_000
MIN_SIDE = 8
DECODED_PIXEL = 10  # bytes: Pillow keeps four of each, a conversion four more, and the copy being resized
UPRIGHT_PIXEL, TRANSPARENT_PIXEL = 12, 20  # where it is turned, too; where it is laid over white
_RASTER = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF")
_SIXTEEN_BIT = {"I;16", "I;16L", "I;16B", "I;16N"}
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {  # EXIF orientation -> what turns the stored pixels upright; 1 = they are
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: Path | str, max_pixels: int = MAX_PIXELS, *, min_side: int = MIN_SIDE) -> Image.Image:
    """Read a picture as people see it: upright, RGB, 8 bits.

    The EXIF orientation is applied, an animation gives its first frame, transparency is laid over white, and
    greyscale, palette, CMYK and 16-bit pictures are converted (16 bits keep their upper 8; CMYK by Pillow's plain
    formula, without colour profiles).

    Parameters
    ----------
    path : Path
        The file.
    max_pixels : int
        Largest width x height, looked at before any pixel is decoded. Pillow itself refuses above about
        179 million pixels, whatever is asked for here.
    min_side : int
        Smallest width and height in pixels.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, width x height after the EXIF rotation.

    Raises
    ------
    InputError
        Missing file, zero bytes, not a picture, truncated, too small, too many pixels.
    EnvironmentFault
        The disk, the share or the memory failed, also after some tries.
    """
    return decode_image(read_bytes(path), str(path), max_pixels, min_side=min_side)


def read_bytes(path: Path | str) -> bytes:
    """Return what is in the file.

    Raises
    ------
    InputError
        Where the file is missing, no file at all, or empty.
    EnvironmentFault
        Where it is there and the machine cannot read it, also after some tries.
    """
    path = Path(path)
    try:
        content = patiently(path.read_bytes, str(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _bad("The image is missing", path, "an existing file", "put the file there") from error
    except OSError as error:
        raise _bad(
            f"The image file cannot be opened ({error.strerror})", path, "a readable file", "check the file"
        ) from error
    if not content:
        raise _bad("The image file is empty (zero bytes)", path, "a whole picture", "copy or download it again")
    return content


def decode_image(content: bytes, name: str, max_pixels: int = MAX_PIXELS, *, min_side: int = MIN_SIDE) -> Image.Image:
    """Decode the bytes of one picture; as `read_image`, for bytes already at hand.

    Parameters
    ----------
    content : bytes
        The file's content.
    name : str
        How messages name the picture.
    max_pixels, min_side : int
        As in `read_image`.

    Returns
    -------
    PIL.Image.Image
        Mode RGB.

    Raises
    ------
    InputError
        As `read_image`.
    EnvironmentFault
        Too little memory, also after some tries.
    """
    return patiently(lambda: _decoded(content, name, max_pixels, min_side), name)


def bytes_to_decode(content: bytes, name: str, max_pixels: int = MAX_PIXELS) -> int:
    """Return about how much memory a picture takes while it is decoded, from its header alone.

    Parameters
    ----------
    content, name, max_pixels
        As for `decode_image`.

    Returns
    -------
    int
        Bytes; 0 for a picture that `decode_image` refuses for its size.

    Raises
    ------
    InputError
        For what is no picture.
    """

    def estimate() -> int:
        with _opened(content, name, max_pixels) as image:
            pixels = image.width * image.height
            each = TRANSPARENT_PIXEL if image.has_transparency_data else UPRIGHT_PIXEL
        return pixels * each if pixels <= max_pixels else 0

    return patiently(estimate, name)


def _decoded(content: bytes, name: str, max_pixels: int, min_side: int) -> Image.Image:
    # some libraries switch this on for the whole process; grey fill for missing data would then pass as a picture
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with _opened(content, name, max_pixels) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise _too_large(name, f"{width} x {height} pixels", max_pixels)
        if min(width, height) < min_side:
            raise _bad(
                "The image is too small",
                f"{name}: {width} x {height} pixels",
                f"at least {min_side} pixels on either side",
                "use the full-size picture or leave it out of the table",
            )
        try:
            image.load()  # the first frame only
            rgb = _to_rgb(image, name)
            # after load(), as Pillow turns TIFF pictures upright itself and then drops the tag
            turn = _UPRIGHT.get(image.getexif().get(_ORIENTATION_TAG, 1))
            upright = rgb if turn is None else rgb.transpose(turn)
            upright.info = {}  # pixels only: two files with the same pixels give the same picture
            return upright
        except InputError:
            raise
        except Exception as error:  # decoders raise OSError, SyntaxError, EOFError, struct.error, ...
            if is_fault(error) or is_short_of_memory(width * height * DECODED_PIXEL):
                raise MemoryError(str(error)) from error
            raise _bad(
                f"The image file is truncated or broken ({error})",
                name,
                "a whole picture",
                "copy or download it again",
            ) from error


def _opened(content: bytes, name: str, max_pixels: int) -> Image.Image:
    Image.init()
    formats = [name for name in _RASTER if name in Image.OPEN]  # raster only: no PostScript is ever run
    try:
        return open_image(io.BytesIO(content), formats=formats)
    except Image.DecompressionBombError as error:
        raise _too_large(name, str(error), max_pixels) from error
    except Exception as error:  # UnidentifiedImageError, or whatever a broken header sets off
        if is_fault(error):
            raise
        raise _bad(
            "The file is not a picture that can be read",
            name,
            "a JPEG, PNG, GIF, WebP, TIFF, BMP, PNM, JPEG 2000 or AVIF picture",
            "save it as JPEG or PNG, or download it again if it should be one",
        ) from error


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode in _SIXTEEN_BIT or (image.mode == "I" and image.format in ("PPM", "PNG")):
        return _from_sixteen_bit(image)
    if image.mode in ("I", "F"):
        raise _bad(
            "The image has pixel values without a known range",
            f"{name}: Pillow mode {image.mode}",
            "8 or 16 bits per channel",
            "save it as an 8-bit PNG or JPEG",
        )
    if image.has_transparency_data:
        return _over_white(image.convert("LA") if image.mode == "La" else image)
    return image.convert("RGB")


def _from_sixteen_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)  # as Pillow does for 16-bit colour
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")


def _too_large(name: str, size: str, max_pixels: int) -> InputError:
    return _bad(
        "The image has too many pixels; it was not decoded",
        f"{name}: {size}",
        f"at most {max_pixels:,} pixels",
        "make the picture smaller or leave it out of the table",
    )


def _bad(problem: str, value: object, expected: str, remedy: str) -> InputError:
    return InputError(problem, value=value, expected=expected, remedy=remedy)
