"""Masks as run-length codes: the same mask comes back, and a wrong code is refused."""

from __future__ import annotations

import numpy as np
import pytest

from o2b_helpers.core.errors import InputError
from o2b_helpers.inputs.images.run_lengths import decode_mask, encode_mask


def plain_code(mask):
    """Count pixel by pixel, column by column."""
    runs, value = [0], False
    for pixel in mask.flatten(order="F").tolist():
        if pixel != value:
            runs.append(0)
            value = pixel
        runs[-1] += 1
    return " ".join(map(str, runs))


def masks():
    rng = np.random.default_rng(0)
    for height, width in [(1, 1), (1, 9), (8, 1), (5, 7), (31, 20)]:
        shape = (height, width)
        yield np.zeros(shape, dtype=bool)
        yield np.ones(shape, dtype=bool)
        for place in [(0, 0), (height - 1, width - 1), (height // 2, width // 3), (height - 1, 0)]:
            mask = np.zeros(shape, dtype=bool)
            mask[place] = True
            yield mask
        for share in (0.1, 0.5, 0.9):
            yield rng.random(shape) < share


def test_round_trip():
    for mask in masks():
        code = encode_mask(mask)
        assert code == plain_code(mask)
        back = decode_mask(code, *mask.shape)
        assert back.dtype == bool and np.array_equal(back, mask)
        assert encode_mask(np.asfortranarray(mask)) == code


def test_known_codes():
    assert encode_mask(np.zeros((2, 3), dtype=bool)) == "6"
    assert encode_mask(np.ones((2, 3), dtype=bool)) == "0 6"
    assert encode_mask(np.array([[1, 1, 0], [0, 1, 0]], dtype=bool)) == "0 1 1 2 2"


@pytest.mark.parametrize("code", ["", " ", "3  2", "3 2 1 ", "-1 7", "2 0 4", "1.5 2", "a", None, 6, "9" * 30, "٣ 3"])
def test_what_is_no_code_is_refused(code):
    with pytest.raises(InputError, match="not the code of a mask"):
        decode_mask(code, 2, 3)


def test_a_code_of_another_size_is_refused():
    with pytest.raises(InputError, match="does not fit its picture"):
        decode_mask("3 2 1", 3, 3)


@pytest.mark.parametrize("mask", [np.zeros((2, 2)), np.zeros(4, dtype=bool), np.zeros((0, 3), dtype=bool)])
def test_what_is_no_mask_is_refused(mask):
    with pytest.raises(InputError, match="not a mask"):
        encode_mask(mask)
