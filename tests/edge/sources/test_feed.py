"""A feed that is frozen, to the bit or behind an encoder, and one whose frames come late."""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from fashion_edge.sources.feed import DRAIN_S, GRID, LATE_S, RECOVERED_S, LateFeed, RepeatedPicture, StillStream

FPS = 15


def pictures(changes: Iterable[float]) -> Iterator[np.ndarray]:
    """Pictures of which each differs from the one before by a mean of so much, of 255, where pixels are compared."""
    rng, image = np.random.default_rng(0), np.full((30 * GRID, 40 * GRID, 3), 100, np.uint8)
    for change in changes:
        grid = image[::GRID, ::GRID].reshape(-1).astype(int)
        chosen = rng.choice(grid.size, min(grid.size, round(change * grid.size / max(1, change))), replace=False)
        grid[chosen] += np.where(grid[chosen] > 100, -1, 1) * max(1, round(change))
        image = image.copy()
        image[::GRID, ::GRID] = grid.reshape(30, 40, 3)
        yield image


def frozen_after(detector, changes: Iterable[float]) -> float | None:
    """Seconds until the detector reports a frozen feed."""
    return next((i / FPS for i, image in enumerate(pictures(changes)) if detector.update(image, i / FPS)), None)


def encoded(seconds: int, *, key: float, last: float) -> list[float]:
    """Changes behind an encoder with a key frame each second, after which it approaches the same picture again."""
    return seconds * [max(last, key * 0.5**n) for n in range(FPS)]


def test_a_device_that_repeats_a_picture_to_the_bit_is_frozen():
    assert frozen_after(RepeatedPicture(3.0), [0.0] * 100) == pytest.approx(3, abs=2 / FPS)
    assert frozen_after(RepeatedPicture(3.0), [0.0, 0.002] * 50) is None, "noise changes a few pixels"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([0.0] * 150, id="repeated to the bit, as by motion JPEG"),
        pytest.param(encoded(10, key=1.7, last=0.002), id="key frames at a low bit rate"),
        pytest.param(encoded(10, key=0.012, last=0.0), id="key frames at a high bit rate"),
        pytest.param([0.06, 0.06, *[0.0] * 13] * 10, id="a picture with edges at a high bit rate"),
    ],
)
def test_a_frozen_picture_behind_an_encoder_is_found(changes):
    assert frozen_after(StillStream(3.0), changes) == pytest.approx(3, abs=0.6)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(encoded(10, key=1.5, last=0.02), id="little noise at a low bit rate"),
        pytest.param(encoded(10, key=0.9, last=0.3), id="noise at a high bit rate"),
        pytest.param([2.0, 1.5, 0.0, 0.003, *[0.4] * 11] * 10, id="few bits are left after key frames"),
        pytest.param([0.0, 0.4] * 75, id="each frame sent twice"),
        pytest.param([0.0, 0.0, 0.0, 0.0, 0.4] * 30, id="each frame sent five times"),
        pytest.param([*[0.002] * 40, 5.0] * 4, id="something moves every three seconds"),
    ],
)
def test_a_still_scene_that_a_camera_sees_is_not_frozen(changes):
    assert frozen_after(StillStream(3.0), changes) is None


def test_a_short_limit_at_a_high_rate_finds_a_picture_that_repeats_to_the_bit():
    detector = StillStream(0.3)
    assert any(detector.update(image, 10 + i / 60) for i, image in enumerate(pictures([0.0] * 40)))


def test_a_slow_stream_is_not_called_frozen_before_twenty_frames():
    detector = StillStream(1.0)
    found = [detector.update(image, float(second)) for second, image in enumerate(pictures([0.0] * 40))]
    assert found.index(True) >= 20


def test_a_frozen_stream_is_back_when_something_moved():
    detector = StillStream(3.0)
    shown = list(pictures([*encoded(5, key=1.7, last=0.002), 1.7, 8.0]))
    for i, image in enumerate(shown[:-2]):
        detector.update(image, i / FPS)
    assert [detector.equals(image) for image in shown[-2:]] == [True, False]
    assert not detector.equals(np.zeros((64, 64, 3), np.uint8)), "another size"


def test_a_late_feed_counts_as_live_again_when_no_frame_was_late_for_a_while():
    feed, now = LateFeed(), 100.0
    assert (feed.update(0.1, now), feed.state) == (False, "live")
    assert (feed.update(LATE_S + 0.1, now + 1), feed.state) == (True, "lagging")
    assert (feed.update(0.1, now + 2), feed.state) == (False, "lagging")
    assert (feed.update(0.1, now + 1 + RECOVERED_S), feed.state) == (False, "live")


def test_a_feed_is_stuck_when_it_stays_late():
    feed = LateFeed()
    feed.update(LATE_S + 1, 100.0)
    assert not feed.stuck(100.0 + DRAIN_S / 2)
    feed.update(0.1, 101.0)  # it caught up
    feed.update(LATE_S + 1, 102.0)
    assert not feed.stuck(100.0 + DRAIN_S)
    assert feed.stuck(102.0 + DRAIN_S)
    feed.reopened(105.0)
    assert not feed.stuck(110.0)
