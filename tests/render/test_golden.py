"""The golden frames: always the same, all different, small when compressed."""

import io

import numpy as np

from fashion_render import golden_frames


def test_golden_frames_are_the_same_on_every_call():
    frames = golden_frames()

    assert frames.shape == (12, 192, 144, 3)
    assert frames.dtype == np.uint8
    assert np.array_equal(frames, golden_frames())


def test_golden_frames_differ_from_each_other():
    frames = golden_frames().reshape(12, -1)

    assert len(np.unique(frames, axis=0)) == 12


def test_the_last_golden_frame_tells_swapped_channels():
    card = golden_frames()[-1].astype(int)

    assert np.abs(card - card[:, :, ::-1]).mean() > 50


def test_golden_frames_compress_well():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, frames=golden_frames())

    assert buffer.tell() < 250_000
