import errno
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.decide import LabelSpace, decide
from fashion_edge.frame import Box, Frame
from fashion_edge.result import Result
from fashion_edge.sinks.collect import CollectSink

LABELS = ("dress", "jeans", "red")
SPACE = LabelSpace(LABELS, {"colour": ("red",), "garment": ("dress", "jeans")}, dict.fromkeys(LABELS, 0.5))


def result(index: int, at: float, **scores: float) -> Result:
    image = np.random.default_rng(index).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    vector = np.array([scores.get(label, 0.0) for label in LABELS], np.float32)
    frame, box = Frame(image, index, at, "camera:0"), Box(8, 0, 36, 48)
    return Result(frame, box, vector, vector, decide(vector, SPACE), 0.01, {}, SPACE)


def pictures(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))


def test_a_frame_near_a_threshold_is_saved_by_its_labels(tmp_path):
    sink = CollectSink(tmp_path, SPACE, 0.15, 10)
    sink.put_clean(result(0, 10.0, red=0.99, dress=0.98, jeans=0.4))
    sink.put_clean(result(1, 20.0, red=0.99, dress=0.98))  # confident
    sink.put_clean(result(2, 30.0, red=0.99, dress=0.45))  # not decided
    sure, unsure = pictures(tmp_path)
    assert sure.startswith("photos/red_dress/")
    assert unsure.startswith("unsure/")
    assert cv2.imread(str(tmp_path / sure)).shape == (48, 36, 3)  # the region of interest
    record = json.loads((tmp_path / f"{sure}.json").read_text())
    assert record["near"] == {"jeans": -0.1}
    assert record["text"] == "red dress"
    assert record["thresholds"] == dict.fromkeys(LABELS, 0.5)
    assert record["box"] == {"left": 8, "top": 0, "width": 36, "height": 48}


@pytest.mark.parametrize(("still", "saved"), [(False, 3), (True, 30)])
def test_frames_are_a_second_apart_and_each_still_is_saved(tmp_path, still, saved):
    sink = CollectSink(tmp_path, SPACE, 0.15, 10, still=still)
    for i in range(30):
        sink.put_clean(result(i, i / 10, red=0.5))
    assert len(pictures(tmp_path)) == saved


def test_beyond_the_limit_only_the_oldest_are_deleted(tmp_path):
    mine = tmp_path / "unsure" / "mine.jpg"
    mine.parent.mkdir()
    mine.write_bytes(b"x" * 100_000)
    sink = CollectSink(tmp_path, SPACE, 0.15, 0.02)
    for i in range(20):
        sink.put_clean(result(i, float(i) * 2, red=0.5))
    kept = [name for name in pictures(tmp_path) if "mine" not in name]
    assert mine.exists()
    assert 1 <= len(kept) < 20
    assert kept[-1].endswith("_00000019.jpg")
    files = [path for path in tmp_path.rglob("*_000*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 20_000
    assert len(files) == 2 * len(kept)


@pytest.mark.parametrize("index", [0, 100_000_000])  # after months of uninterrupted recording
def test_frames_of_an_earlier_run_count(tmp_path, index):
    CollectSink(tmp_path, SPACE, 0.15, 10).put_clean(result(index, 0.0, red=0.5))
    (old,) = pictures(tmp_path)
    CollectSink(tmp_path, SPACE, 0.15, 0.005).put_clean(result(index + 1, 100.0, red=0.5))
    assert old not in pictures(tmp_path)


def test_labels_that_are_too_long_for_a_folder_are_sorted_by_hand(tmp_path):
    labels = tuple(f"pattern{i:02d}" for i in range(40))
    space = LabelSpace(labels, {}, dict.fromkeys(labels, 0.5))
    scores = np.full(len(labels), 0.6, np.float32)
    decided = decide(scores, space)
    arrays = {"score_array": scores, "smoothed_array": scores}
    one = replace(result(0, 0.0), **arrays, decision=decided, space=space)
    CollectSink(tmp_path, space, 0.15, 10).put_clean(one)
    (kept,) = pictures(tmp_path)
    assert kept.startswith("unsure/"), "a shortened name would miss labels"
    assert json.loads((tmp_path / f"{kept}.json").read_text())["labels"] == list(labels)


def test_fashion_train_reads_the_folder(tmp_path):
    dataset = pytest.importorskip("fashion_train.data.dataset")
    sink = CollectSink(tmp_path, SPACE, 0.15, 10)
    sink.put_clean(result(0, 0.0, red=0.99, dress=0.98, jeans=0.4))
    sink.put_clean(result(1, 5.0, red=0.99, jeans=0.98, dress=0.4))
    sink.put_clean(result(2, 9.0, dress=0.4))
    loaded = dataset.load_dataset(tmp_path / "photos")
    assert sorted(photo.combination for photo in loaded.photos) == ["red dress", "red jeans"]
    assert len(dataset.find_negatives(tmp_path / "unsure")) == 1


def test_a_full_disk_leaves_no_partial_pair(tmp_path, monkeypatch):
    write = Path.write_bytes

    def full(path, data):
        if ".json" in path.name:
            write(path, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    sink = CollectSink(tmp_path, SPACE, 0.15, 10)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        sink.put_clean(result(0, 10.0, red=0.5))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
