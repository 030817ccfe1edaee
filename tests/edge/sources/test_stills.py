from pathlib import Path

import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Fault, Frame
from fashion_edge.sources import open_source


def test_a_folder_gives_every_picture_in_sorted_order(photo_folder: Path) -> None:
    source = open_source(str(photo_folder))
    items = list(source.items())
    assert [Path(item.source).name for item in items] == ["1.png", "2.jpg", "1.jpeg"]
    assert [item.index for item in items] == [0, 1, 2]
    assert items[0].image[0, 0].tolist() == [0, 0, 200]
    assert source.describe().endswith("photos: 3 pictures")


def test_a_broken_picture_is_a_fault_and_the_rest_go_on(photo_folder: Path) -> None:
    (photo_folder / "a" / "1.png").write_bytes(b"")
    kinds = [type(item) for item in open_source(str(photo_folder)).items()]
    assert kinds == [Fault, Frame, Frame]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SourceError, match=r"holds no picture; expected files that end in \.bmp, "):
        open_source(str(tmp_path))
