"""The golden frames: always the same, all different, small when compressed."""

import io

import numpy as np

from fashion_render import golden_frames


def test_golden_frames_are_all_different_and_the_same_on_every_call():
    frames = golden_frames()
    assert (frames.shape, frames.dtype) == ((12, 192, 144, 3), np.uint8)
    assert np.array_equal(frames, golden_frames())
    assert len(np.unique(frames.reshape(12, -1), axis=0)) == 12
    card = frames[-1].astype(int)
    assert np.abs(card - card[:, :, ::-1]).mean() > 50, "swapped channels show"
    np.savez_compressed(buffer := io.BytesIO(), frames=frames)
    assert buffer.tell() < 250_000
