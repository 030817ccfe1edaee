from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.sources.device import MAX_CORRUPT, CvCapture

SHOT = np.full((64, 96, 3), 50, np.uint8)


@dataclass
class FakeVideoCapture:
    """OpenCV's VideoCapture on a V4L2 camera."""

    image: np.ndarray | None = None
    grabs: bool = True
    props: dict[int, float] = field(default_factory=dict)
    released: int = 0

    def grab(self) -> bool:
        return self.grabs

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        return self.image is not None, self.image

    def getBackendName(self) -> str:  # noqa: N802  # OpenCV's name
        return "V4L2"

    def get(self, prop: int) -> float:
        return self.props.get(prop, 0.0)

    def release(self) -> None:
        self.released += 1


def test_the_clock_of_a_browsers_recording_is_no_rate() -> None:
    webm = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_FPS: 1000.0, cv2.CAP_PROP_FRAME_COUNT: 10_000.0})
    capture = CvCapture(webm, "clip.webm")
    assert (capture.fps, capture.frames) == (30.0, 300), "ten seconds"
    phone = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_FPS: 960.0, cv2.CAP_PROP_FRAME_COUNT: 960.0})
    assert (CvCapture(phone, "slow.mp4").fps, CvCapture(phone, "slow.mp4").frames) == (960.0, 960)


@pytest.mark.parametrize(("stamp_ms", "expected"), [(99_960.0, 99.96), (5.0, 100.0), (100_500.0, 100.0)])
def test_the_drivers_time_is_used_when_it_is_on_our_clock(stamp_ms: float, expected: float) -> None:
    camera = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_POS_MSEC: stamp_ms})
    assert CvCapture(camera, "camera:0", clock=lambda: 100.0).read().captured_at == pytest.approx(expected)


def test_a_frame_that_waited_while_the_program_was_stopped_is_as_old_as_it_is() -> None:
    now = 100.0
    camera = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_POS_MSEC: 99_960.0})
    capture = CvCapture(camera, "camera:0", clock=lambda: now)
    capture.read()
    now = 112.0  # Ctrl-Z, and fg after twelve seconds: the driver has kept four frames of then
    for stamp in (99_993.0, 100_027.0, 100_060.0, 100_093.0):
        camera.props[cv2.CAP_PROP_POS_MSEC] = stamp
        assert capture.read().captured_at == pytest.approx(stamp / 1000)
    for none in (112_500.0, 500.0, 0.0):  # to come, long before the last one, and not told
        camera.props[cv2.CAP_PROP_POS_MSEC] = none
        assert capture.read().captured_at == 112.0


@pytest.mark.parametrize(
    "gone", [FakeVideoCapture(SHOT, grabs=False), FakeVideoCapture(), FakeVideoCapture(np.zeros((0, 0, 3), np.uint8))]
)
def test_a_read_that_gave_nothing_is_no_picture(gone: FakeVideoCapture) -> None:
    assert CvCapture(gone, "camera:0").read() is None


def test_a_spoilt_picture_is_left_out_and_is_no_loss() -> None:
    camera = FakeVideoCapture(SHOT)
    spoilt = iter([(True, None), (False, None), (True, np.zeros((0, 0, 3), np.uint8))])
    camera.retrieve = lambda: next(spoilt, (True, SHOT))
    assert CvCapture(camera, "camera:0").read().image is SHOT


def test_a_buffer_without_a_byte_is_a_spoilt_picture() -> None:
    camera = FakeVideoCapture()
    buffers = iter([b"", cv2.imencode(".jpg", SHOT)[1].tobytes()])
    camera.retrieve = lambda: (True, cv2.imdecode(np.frombuffer(next(buffers), np.uint8), cv2.IMREAD_COLOR))
    shot = CvCapture(camera, "camera:0").read()
    assert shot is not None
    assert shot.image.shape == SHOT.shape


def test_pictures_that_are_all_spoilt_are_a_loss_and_a_read_that_timed_out_is_not_tried_again() -> None:
    tries = []
    camera = FakeVideoCapture()
    camera.grab = lambda: bool(tries.append(1)) or True
    assert CvCapture(camera, "camera:0", clock=lambda: 0.0).read() is None
    assert len(tries) == MAX_CORRUPT
    tries.clear()
    three_seconds_a_look = iter(range(0, 300, 3))
    assert CvCapture(camera, "camera:0", clock=lambda: float(next(three_seconds_a_look))).read() is None
    assert len(tries) == 1


def test_what_was_negotiated_is_told() -> None:
    props = {
        cv2.CAP_PROP_FRAME_WIDTH: 1280,
        cv2.CAP_PROP_FRAME_HEIGHT: 720,
        cv2.CAP_PROP_FPS: 30,
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
    }
    assert (
        CvCapture(FakeVideoCapture(SHOT, props=props), "camera:0").describe() == "camera:0: 1280x720 MJPG, 30 frames/s"
    )


def test_frames_too_large_to_hold_are_refused_before_one_is_read() -> None:
    giant = FakeVideoCapture(SHOT, props={cv2.CAP_PROP_FRAME_WIDTH: 50_000, cv2.CAP_PROP_FRAME_HEIGHT: 50_000})
    with pytest.raises(SourceError, match="declares frames of 50000x50000, above the limit of 64 megapixels"):
        CvCapture(giant, "clip.mp4")
    assert giant.released == 1


def test_a_file_is_read_in_one_call_and_its_time_is_that_of_asking() -> None:
    class FakeFile(FakeVideoCapture):
        def read(self) -> tuple[bool, np.ndarray | None]:
            return self.retrieve()

        def grab(self) -> bool:
            raise AssertionError("a second call takes the interpreter lock a second time")

    ticks = iter([100.0, 100.25, 101.0])
    file = FakeFile(SHOT, props={cv2.CAP_PROP_FRAME_COUNT: 2.0})
    capture = CvCapture(file, "clip.mp4", clock=lambda: next(ticks))
    shot = capture.read()
    assert shot is not None
    assert (shot.captured_at, shot.capture_s) == (100.0, 0.25)
    file.image = None
    assert capture.read() is None
