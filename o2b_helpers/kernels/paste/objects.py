"""Objects with transparency, and their controls of the same size and outline."""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from o2b_helpers.core.errors import InputError
from o2b_helpers.kernels import checks

CONTROLS = ("mean_colour", "phase_scrambled")


def checked_object(pixels: UInt8[np.ndarray, "height width 4"], name: str = "object") -> np.ndarray:
    """Return an object cropped to what is visible of it, where it has transparency.

    Parameters
    ----------
    pixels : array (height, width, 4) of uint8
        Red, green, blue and alpha.
    name : str
        How messages name it.

    Returns
    -------
    array (height, width, 4) of uint8
        The first and last row and column each hold at least one visible pixel.

    Raises
    ------
    InputError
        Another shape or type, no transparent pixel at all, or no visible one.

    Examples
    --------
    >>> ball = np.zeros((6, 6, 4), np.uint8)
    >>> ball[2:4, 1:4] = 255
    >>> checked_object(ball).shape
    (2, 3, 4)
    """
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or pixels.shape[2] != 4 or pixels.dtype != np.uint8:
        raise _no_object(name, f"shape {pixels.shape}, {pixels.dtype}")
    visible = pixels[..., 3] > 0
    if not visible.any():
        raise _no_object(name, "every pixel is transparent")
    if pixels[..., 3].min() == 255:
        raise _no_object(name, "no pixel is transparent")
    rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def resized_object(pixels: UInt8[np.ndarray, "height width 4"], size: tuple[int, int]) -> np.ndarray:
    """Resize an object to (height, width); invisible pixels lend no colour to visible ones.

    Examples
    --------
    >>> resized_object(np.full((4, 4, 4), 200, np.uint8), (2, 3)).shape
    (2, 3, 4)
    """
    image = Image.fromarray(np.ascontiguousarray(pixels), "RGBA")
    return np.asarray(image.resize(size[::-1], Image.Resampling.LANCZOS))  # Pillow weighs colours by alpha itself


def control(kind: str, pixels: UInt8[np.ndarray, "height width 4"], seed: int = 0) -> np.ndarray:
    """Make a control of an object: the same outline, so that it covers the same, but not the object.

    Parameters
    ----------
    kind : {"mean_colour", "phase_scrambled"}
        A patch of the object's mean colour; or the object with the phases of its frequencies drawn anew, the same
        for all colours: its colours and the coarseness of its texture stay, its form goes.
    pixels : array (height, width, 4) of uint8
        The object, in the size in which it is pasted.
    seed : int
        Of the phases.

    Returns
    -------
    array (height, width, 4) of uint8
        The object's alpha.

    Raises
    ------
    ParameterError
        An unknown kind.

    Examples
    --------
    >>> ball = np.full((8, 8, 4), 90, np.uint8)
    >>> control("mean_colour", ball)[0, 0].tolist()
    [90, 90, 90, 90]
    """
    checks.choice("control", kind, CONTROLS)
    pixels = np.asarray(pixels)
    colours, alpha = pixels[..., :3].astype(np.float64), pixels[..., 3:]
    mean = mean_colour(pixels)
    if kind == "mean_colour":
        changed = np.broadcast_to(mean, colours.shape)
    else:
        # behind the outline stands the mean colour: else its edge would be scrambled into the texture
        share = alpha / 255.0
        changed = phase_scrambled(share * colours + (1 - share) * mean, seed)
    return np.concatenate([np.rint(changed).clip(0, 255).astype(np.uint8), alpha], 2)


def mean_colour(pixels: UInt8[np.ndarray, "height width 4"]) -> np.ndarray:
    """Return the mean of an object's colours (3,), each pixel weighed by its alpha."""
    alpha = pixels[..., 3:].astype(np.float64)
    return (pixels[..., :3] * alpha).sum((0, 1)) / alpha.sum((0, 1))


def phase_scrambled(values: np.ndarray, seed: int) -> np.ndarray:
    """Draw the phases of all frequencies anew: amplitudes and means stay, and what one colour has to do with another.

    Parameters
    ----------
    values : array (height, width, colour)
        Any numbers.
    seed : int
        Of the phases.

    Returns
    -------
    array (height, width, colour)
        float64.

    Examples
    --------
    >>> values = np.random.default_rng(0).random((8, 9, 3))
    >>> amplitude = lambda x: np.abs(np.fft.fft2(x, axes=(0, 1)))
    >>> bool(np.allclose(amplitude(values), amplitude(phase_scrambled(values, 1))))
    True
    """
    height, width = values.shape[:2]
    noise = np.random.default_rng(seed).random((height, width))
    phase = np.angle(np.fft.rfft2(noise))  # of a real picture, so that the result is one
    phase[0, 0] = 0.0
    spectrum = np.fft.rfft2(values, axes=(0, 1)) * np.exp(1j * phase)[..., None]
    return np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))


def _no_object(name: str, value: str) -> InputError:
    return InputError(
        "An object cannot be pasted",
        value=f"{name}: {value}",
        expected="red, green, blue and alpha of 8 bits, with visible and with transparent pixels",
        remedy="save the object as a PNG with a transparent ground",
    )
