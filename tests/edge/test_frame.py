import numpy as np
import pytest

from fashion_edge.errors import UsageError
from fashion_edge.frame import Box, Roi


def test_auto_is_the_whole_photo_and_the_guide_box_of_live_video():
    assert Roi().box(480, 640, still=True) == Box(0, 0, 640, 480)
    assert Roi().box(480, 640, still=False) == Box(128, 0, 384, 480)
    assert Roi.parse("guide").box(480, 640, still=True) == Box(128, 0, 384, 480)
    assert Roi.parse("full").box(480, 640, still=False) == Box(0, 0, 640, 480)


@pytest.mark.parametrize(
    ("height", "width"), [(480, 640), (720, 1280), (640, 360), (1920, 1080), (640, 200), (100, 100)]
)
def test_the_guide_box_keeps_its_shape_in_landscape_and_in_portrait(height, width):
    box = Roi().box(height, width, still=False)
    assert box.width / box.height == pytest.approx(4 / 5, abs=0.01)
    assert box.width == width or box.height == height
    assert abs(2 * box.left + box.width - width) <= 1
    assert abs(2 * box.top + box.height - height) <= 1


def test_fractions_scale_with_the_frame_and_crop_a_view():
    box = Roi.parse("0.25,0.5,0.5,0.5").box(100, 200, still=False)
    assert box == Box(50, 50, 100, 50)
    image = np.zeros((100, 200, 3), np.uint8)
    assert box.crop(image).base is image
    assert Roi.parse("0.8,0,0.2,1").box(100, 200, still=False) == Box(160, 0, 40, 100), "in spite of rounding"


@pytest.mark.parametrize("text", ["middle", "0,0,1", "0.5,0,0.6,1", "0,0,0,1", "-0.1,0,1,1", "nan,0,1,1"])
def test_an_invalid_box_is_refused(text):
    with pytest.raises(UsageError, match=text.replace(".", r"\.")):
        Roi.parse(text)
