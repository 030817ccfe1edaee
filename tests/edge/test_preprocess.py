import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashion_edge.errors import BundleError
from fashion_edge.preprocess import InputSpec, preprocess

SPEC = InputSpec()


def test_a_red_frame_stays_red():
    frame = np.zeros((480, 640, 3), np.uint8)
    frame[:, :, 2] = 255  # B, G, R
    assert preprocess(frame, SPEC)[0, 0].tolist() == [255, 0, 0]  # R, G, B
    assert preprocess(frame, InputSpec(channels="BGR"))[0, 0].tolist() == [0, 0, 255]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.sampled_from(["stretch", "pad"]), st.integers(0, 255))
def test_a_plain_frame_of_any_size_stays_plain(height, width, fit, grey):
    frame = np.full((height, width, 3), grey, np.uint8)
    small = preprocess(frame, InputSpec(fit=fit))
    assert small.shape == (96, 96, 3)
    assert set(np.unique(small)) <= ({grey} if fit == "stretch" else {grey, 255})


def test_where_halving_is_enough_every_pixel_is_the_mean_of_its_block():
    frame = np.random.default_rng(0).integers(0, 256, (48, 32, 3), np.uint8)
    means = (frame.reshape(24, 2, 16, 2, 3).sum(axis=(1, 3), dtype=int) + 2) // 4  # the half is rounded up
    for spec, order in ((InputSpec(24, 16), [2, 1, 0]), (InputSpec(24, 16, channels="BGR", fit="pad"), [0, 1, 2])):
        assert np.array_equal(preprocess(frame, spec)[..., order], means)
    same = preprocess(frame, InputSpec(48, 32, channels="BGR"))
    assert np.array_equal(same, frame)
    assert not np.shares_memory(same, frame)


def test_pad_keeps_the_aspect_ratio_and_centres_on_white():
    frame = np.zeros((400, 200, 3), np.uint8)
    small = preprocess(frame, InputSpec(fit="pad"))
    columns = np.flatnonzero((small == 0).all(axis=(0, 2)))
    assert (columns[0], columns[-1]) == (24, 71)  # 48 of 96 columns, in the middle
    assert (small[:, :24] == 255).all()


def test_fine_stripes_average_instead_of_aliasing():
    frame = np.zeros((768, 768, 3), np.uint8)
    frame[:, ::2] = 255
    assert np.abs(preprocess(frame, SPEC).astype(int) - 128).max() <= 1


def test_the_pixels_are_the_same_on_every_machine_and_the_frame_is_unchanged(noise):
    before = noise.copy()
    digest = hashlib.sha256(preprocess(noise, SPEC).tobytes()).hexdigest()
    assert digest[:16] == "324208a9545a45eb"
    assert np.array_equal(noise, before)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros((0, 9, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(frame):
    with pytest.raises(ValueError, match=r"a frame is \(h, w, 3\) uint8"):
        preprocess(frame, SPEC)


@pytest.mark.parametrize(
    "change", [{"height": 4}, {"channels": "GRB"}, {"dtype": "int8"}, {"layout": "NCHW"}, {"fit": "crop"}]
)
def test_an_unsupported_input_spec_is_refused(change):
    with pytest.raises(BundleError, match=str(next(iter(change.values())))):
        InputSpec(**change)
