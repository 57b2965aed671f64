"""Simple properties of pictures: light, contrast, colour and the energy of their edges."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt8

from o2b_helpers.inputs.images.pixel_cache import CachedImages

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709
CYCLES = (4.0, 8.0, 16.0, 32.0)  # in the width of a picture
ORIENTATIONS = 4
BANDWIDTH = 0.5  # standard deviation of a gabor's spectrum, of its frequency
SMALLEST = 1e-8  # added to energies before the logarithm
NAMES = (
    "luminance", "contrast", "saturation", "red_green", "blue_yellow",
    *(f"gabor_{cycles:g}_{180 * k // ORIENTATIONS}" for cycles in CYCLES for k in range(ORIENTATIONS)),
)  # fmt: skip


def low_level_features(
    pixels: UInt8[np.ndarray, "picture 3 height width"],
) -> Float[np.ndarray, "picture feature"]:
    """Measure light, contrast, colour and gabor energies of pictures (ours).

    Parameters
    ----------
    pixels : array (picture, 3, height, width)
        Bytes, red, green and blue.

    Returns
    -------
    array (picture, feature)
        As `NAMES` has them: mean luminance; its standard deviation (RMS contrast); mean saturation (1 - smallest /
        largest channel); mean red - green and mean blue - yellow; logarithm of the energy of the luminance behind gabor
        filters of 4 frequencies (cycles in a picture's width) and 4 orientations (degrees; 0 is a vertical edge).

    Notes
    -----
    A gabor's spectrum is a Gaussian around its frequency, so that the energy of what it lets through is a weighted sum
    of the picture's power spectrum (Parseval), and no picture is filtered.

    Examples
    --------
    >>> stripes = np.tile(np.where(np.arange(64) % 8 < 4, 200, 50).astype(np.uint8), (1, 3, 64, 1))  # 8 cycles
    >>> features = dict(zip(NAMES, low_level_features(stripes)[0], strict=True))
    >>> max((name for name in NAMES if name.startswith("gabor")), key=features.get), float(features["saturation"])
    ('gabor_8_0', 0.0)
    """
    values = np.asarray(pixels, dtype=np.float64) / 255
    light = np.tensordot(values, LUMINANCE, (1, 0))
    largest, smallest = values.max(1), values.min(1)
    saturation = np.where(largest > 0, 1 - smallest / np.where(largest > 0, largest, 1), 0)
    red, green, blue = values.transpose(1, 0, 2, 3)
    means = [light, None, saturation, red - green, blue - (red + green) / 2]
    simple = [light.std((1, 2)) if part is None else part.mean((1, 2)) for part in means]
    height, width = light.shape[1:]
    power = np.abs(np.fft.fft2(light - light.mean((1, 2), keepdims=True))) ** 2 / (height * width) ** 2
    across, down = np.fft.fftfreq(width) * width, np.fft.fftfreq(height) * height
    energies = []
    for cycles in CYCLES:
        for angle in np.pi * np.arange(ORIENTATIONS) / ORIENTATIONS:
            distance = (across[None] - cycles * np.cos(angle)) ** 2 + (down[:, None] - cycles * np.sin(angle)) ** 2
            energies.append((power * np.exp(-distance / (cycles * BANDWIDTH) ** 2)).sum((1, 2)))
    return np.column_stack([*simple, *np.log(np.array(energies) + SMALLEST)])


def measured(images: CachedImages, batch_size: int) -> np.ndarray:
    """Measure many pictures, some at a time: (picture, feature)."""
    starts = range(0, len(images), batch_size)
    return np.concatenate(
        [low_level_features(images.pixels(range(at, min(at + batch_size, len(images)))).numpy()) for at in starts]
    )
