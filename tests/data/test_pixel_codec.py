import lzma

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from backprop_evo import data
from backprop_evo.data import pixel_codec

IMAGES = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 4), st.just(3), st.integers(1, 6), st.integers(1, 6)),
    elements=st.integers(0, 255),
)


@settings(max_examples=60)
@given(images=IMAGES)
def test_round_trip_of_any_pixels(images: np.ndarray) -> None:
    assert np.array_equal(pixel_codec.decode(pixel_codec.encode(images), images.shape), images)


def test_round_trip_and_size_of_real_images(mini: data.Dataset) -> None:
    images = mini.train.images[:300]
    packed = pixel_codec.encode(images)
    assert len(packed) < 0.57 * images.nbytes
    assert np.array_equal(pixel_codec.decode(packed, images.shape), images)


def test_damage_is_an_error(mini: data.Dataset) -> None:
    packed = pixel_codec.encode(mini.train.images[:20])
    flipped = packed[:500] + bytes([packed[500] ^ 1]) + packed[501:]
    for damaged in (flipped, packed[:-100], b""):
        with pytest.raises((lzma.LZMAError, EOFError, ValueError)):
            pixel_codec.decode(damaged, (20, 3, 32, 32))
    with pytest.raises(ValueError, match="reshape"):
        pixel_codec.decode(packed, (21, 3, 32, 32))
