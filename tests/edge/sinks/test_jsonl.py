import contextlib
import io
import json
import resource
import sys
from pathlib import Path

import pytest

from fashion_edge.errors import OutputExistsError, UsageError
from fashion_edge.frame import Event, Fault
from fashion_edge.sinks.jsonl import JsonlSink


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "out.jsonl"


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def frames(path: Path) -> list[int]:
    return [line["frame"] for line in read(path) if "frame" in line]


def test_a_file_can_be_followed_while_it_grows(path, make_result):
    with JsonlSink(str(path)) as sink:
        sink.put(make_result())
        assert read(path)[0]["text"] == "red dress"
        sink.fault(Fault("x.jpg", 1, "x.jpg is empty"))
        sink.event(Event("camera:0", "lost", 0.0, "gone"))
    assert [line["source"] for line in read(path)] == ["demo", "x.jpg", "camera:0"]


def test_events_are_changes_only(path, make_result):
    with JsonlSink(str(path), changes=True) as sink:
        for index, text in enumerate(["red dress", "red dress", "? dress", "? dress"]):
            sink.put(make_result(index, text))
        sink.event(Event("camera:0", "lost", 0.0, "gone"))
        sink.put(make_result(4, "? dress"))
    texts = [line.get("text", line.get("event")) for line in read(path)]
    assert texts == ["red dress", "? dress", "lost", "? dress"]
    assert frames(path) == [0, 2, 4]


def test_a_repeated_fault_is_a_line_of_its_own_but_no_change(path):
    for name, changes in (("all.jsonl", False), ("changes.jsonl", True)):
        with JsonlSink(str(path.with_name(name)), changes=changes) as sink:
            for index in range(3):
                sink.fault(Fault("camera:0", index, "no scores", repeated=index > 0))
    assert frames(path.with_name("all.jsonl")) == [0, 1, 2]
    assert frames(path.with_name("changes.jsonl")) == [0]


def test_log_rotation_keeps_one_older_file(path, make_result):
    with JsonlSink(str(path), limit_mb=1e-3) as sink:
        for index in range(30):
            sink.put(make_result(index))
    older, newer = sorted(path.parent.iterdir(), reverse=True)
    assert (older.name, newer.name) == ("out.jsonl.1", "out.jsonl")
    assert max(older.stat().st_size, newer.stat().st_size) <= 1000
    kept = frames(older) + frames(newer)
    assert kept == list(range(kept[0], 30)), "no line is lost between the two, none is cut"


@pytest.mark.parametrize("append", [True, False])
def test_a_file_that_is_emptied_meanwhile_gets_whole_lines(path, make_result, append):
    with JsonlSink(str(path), append=append) as sink:
        sink.put(make_result(1))
        path.open("w").close()  # `: > out.jsonl`, or logrotate's copytruncate
        sink.put(make_result(2))
    assert frames(path) == [2]


def test_a_full_disk_leaves_no_partial_line(path, make_result):
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    with JsonlSink(str(path)) as sink:
        sink.put(make_result(1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, most[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                sink.put(make_result(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, most)
    assert frames(path) == [1]


def test_a_file_that_is_emptied_meanwhile_is_not_rotated(path, make_result):
    with JsonlSink(str(path), limit_mb=0.001) as sink:
        for index in range(1, 5):
            sink.put(make_result(index))
            path.write_text("")  # as logrotate's copytruncate does
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_moved_away_is_recreated_at_its_limit(path, make_result):
    with JsonlSink(str(path), limit_mb=0.001) as sink:
        sink.put(make_result(1))
        path.rename(path.with_name("kept.jsonl"))
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


def test_a_program_may_replace_standard_output_by_text(make_result):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        JsonlSink("-").put(make_result(source="größe.jpg"))
    assert json.loads(out.getvalue())["source"] == "größe.jpg"


def test_standard_output_is_utf_8_in_any_locale(monkeypatch, make_result):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    JsonlSink("-").put(make_result(source="größe.jpg"))
    assert json.loads(written.getvalue())["source"] == "größe.jpg"


def test_appending_starts_a_new_line_after_a_cut_one_and_says_so(tmp_path, capsys, make_result):
    path = tmp_path / "out.jsonl"
    path.write_text('{"half')
    for index in range(2):
        with JsonlSink(str(path), append=True) as sink:
            sink.put(make_result(index))
    half, *whole = path.read_text().splitlines()
    assert half == '{"half'
    assert capsys.readouterr().err.count("out.jsonl: the last line is incomplete, as a killed run leaves it") == 1
    assert [json.loads(line)["frame"] for line in whole] == [0, 1]
