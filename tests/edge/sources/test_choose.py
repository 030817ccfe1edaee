import pytest

from fashion_edge.errors import SourceError
from fashion_edge.sources import open_source


def test_a_path_that_does_not_exist_is_named_with_what_would_be_right() -> None:
    with pytest.raises(SourceError, match="source photoz does not exist; give an image, a folder"):
        open_source("photoz")


def test_a_camera_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(SourceError, match=r"camera /dev/video97 does not exist \(.* found\); run fashion-doctor"):
        open_source("97")


def test_a_device_that_is_no_camera_cannot_be_opened() -> None:
    with pytest.raises(SourceError, match="camera /dev/null cannot be opened"):
        open_source("/dev/null")


def test_the_demo_needs_nothing() -> None:
    source = open_source("demo", every_frame=True)
    items = source.items()
    first, second = next(items), next(items)
    items.close()
    assert first.image.shape == second.image.shape == (480, 640, 3)
    assert (first.index, second.index) == (0, 1)
    assert not source.live
    assert open_source("demo").live
