import os
import sys
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


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take no such name")
def test_a_name_that_is_no_utf8_is_told_in_a_way_that_can_be_written(photo_folder: Path) -> None:
    odd = os.fsencode(photo_folder / "a") + b"/0\xff"
    Path(os.fsdecode(odd + b".png")).write_bytes((photo_folder / "a" / "1.png").read_bytes())
    Path(os.fsdecode(odd + b".jpg")).write_bytes(b"no picture")
    fault, frame, *_ = open_source(str(photo_folder)).items()
    assert isinstance(fault, Fault)
    assert isinstance(frame, Frame)
    assert frame.source.endswith("0\\xff.png")
    assert "0\\xff.jpg" in fault.reason


def test_a_folder_that_may_not_be_looked_into_is_a_fault_and_the_rest_go_on(
    photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, locked = Path.open, photo_folder / "a"

    def refuse(path: Path, *args: str) -> object:
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args)

    monkeypatch.setattr("os.access", lambda path, mode: path != locked)
    monkeypatch.setattr("builtins.open", lambda path, *args: refuse(Path(path), *args))
    fault, frame = open_source(str(photo_folder)).items()
    assert isinstance(fault, Fault)
    assert fault.reason == f"{locked} is not for this user to read; mend its mode"
    assert isinstance(frame, Frame)
