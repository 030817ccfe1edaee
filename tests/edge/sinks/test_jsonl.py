import io
import json
import resource
import sys

import pytest

from fashion_edge.errors import OutputExistsError, UsageError
from fashion_edge.frame import Event, Fault
from fashion_edge.sinks.jsonl import JsonlSink


def test_a_file_can_be_followed_while_it_grows(tmp_path, make_result):
    path = tmp_path / "new" / "out.jsonl"
    with JsonlSink(str(path)) as sink:
        sink.put(make_result())
        assert json.loads(path.read_text())["text"] == "red dress"
        sink.fault(Fault("x.jpg", 1, "x.jpg is empty"))
        sink.event(Event("camera:0", "lost", 0.0, "gone"))
    assert [next(iter(json.loads(line).items())) for line in path.read_text().splitlines()] == [
        ("source", "demo"),
        ("source", "x.jpg"),
        ("source", "camera:0"),
    ]


def test_events_are_changes_only(tmp_path, make_result):
    path = tmp_path / "events.jsonl"
    with JsonlSink(str(path), changes=True) as sink:
        for index, text in enumerate(["red dress", "red dress", "? dress", "? dress"]):
            sink.put(make_result(index, text))
        sink.event(Event("camera:0", "lost", 0.0, "gone"))
        sink.put(make_result(4, "? dress"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("text", line.get("event")) for line in lines] == ["red dress", "? dress", "lost", "? dress"]
    assert [line["frame"] for line in lines if "frame" in line] == [0, 2, 4]


def test_log_rotation_keeps_one_older_file(tmp_path, make_result):
    path = tmp_path / "out.jsonl"
    with JsonlSink(str(path), limit_mb=1e-3) as sink:
        for index in range(30):
            sink.put(make_result(index))
    files = [tmp_path / "out.jsonl.1", path]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 1000 for file in files)
    frames = [json.loads(line)["frame"] for file in files for line in file.read_text().splitlines()]
    assert frames == list(range(frames[0], 30))  # no line is lost between the two, none is cut


@pytest.mark.parametrize("append", [True, False])
def test_a_file_that_is_emptied_meanwhile_gets_whole_lines(tmp_path, make_result, append):
    path = tmp_path / "out.jsonl"
    with JsonlSink(str(path), append=append) as sink:
        sink.put(make_result(1))
        path.open("w").close()  # `: > out.jsonl`, or logrotate's copytruncate
        sink.put(make_result(2))
    assert [json.loads(line)["frame"] for line in path.read_text().splitlines()] == [2]


def test_a_full_disk_leaves_no_partial_line(tmp_path, make_result):
    path = tmp_path / "out.jsonl"
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    with JsonlSink(str(path)) as sink:
        sink.put(make_result(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, most[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                sink.put(make_result(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert [json.loads(line)["frame"] for line in path.read_text().splitlines()] == [1]


def test_a_file_that_is_emptied_meanwhile_is_not_rotated(tmp_path, make_result):
    path = tmp_path / "out.jsonl"
    with JsonlSink(str(path), limit_mb=0.001) as sink:
        for index in range(1, 5):
            sink.put(make_result(index))
            path.write_text("")  # as logrotate's copytruncate does
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_moved_away_is_recreated_at_its_limit(tmp_path, make_result):
    path = tmp_path / "out.jsonl"
    with JsonlSink(str(path), limit_mb=0.001) as sink:
        sink.put(make_result(1))
        path.rename(tmp_path / "kept.jsonl")
        for index in range(2, 6):
            sink.put(make_result(index))
    assert "2" in path.read_text()


def test_an_existing_file_is_kept_without_overwrite(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("precious\n")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        JsonlSink(str(path))
    assert path.read_text() == "precious\n"
    JsonlSink(str(path), overwrite=True).close()
    assert path.read_text() == ""


def test_a_path_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--jsonl .* cannot be written"):
        JsonlSink(str(tmp_path / "file" / "out.jsonl"))


def test_standard_output_is_utf_8_in_any_locale(monkeypatch, make_result):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    JsonlSink("-").put(make_result(source="größe.jpg"))
    assert json.loads(written.getvalue())["source"] == "größe.jpg"


def test_appending_starts_a_new_line_after_a_cut_one(tmp_path, make_result):
    (tmp_path / "out.jsonl").write_text('{"half')
    with JsonlSink(str(tmp_path / "out.jsonl"), append=True) as sink:
        sink.put(make_result())
    with JsonlSink(str(tmp_path / "out.jsonl"), append=True) as sink:
        sink.put(make_result())
    half, *whole = (tmp_path / "out.jsonl").read_text().splitlines()
    assert half == '{"half'
    assert [json.loads(line)["text"] for line in whole] == ["red dress"] * 2
