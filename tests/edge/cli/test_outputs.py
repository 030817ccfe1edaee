"""A run that is refused leaves every file as it was, and none behind."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from fashion_edge.cli import main
from fashion_edge.cli.outputs import check_destinations
from fashion_edge.cli.request import Request
from fashion_edge.errors import OutputExistsError, UsageError
from fashion_edge.frame import Fault
from fashion_edge.sinks.jsonl import JsonlSink


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def recording(tmp_path):
    folder = tmp_path / "recorded"
    demo = ["--source", "demo", "--every-frame", "--frames", "2", "--headless"]
    assert main([*demo, "--record-raw", str(folder)]) == 0
    return folder


def test_only_a_recording_is_replaced_by_a_recording(tmp_path):
    (tmp_path / "project" / "frames").mkdir(parents=True)
    (tmp_path / "project" / "frames" / "holiday.png").write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="is not a recording; name another"):
        check_destinations(Request(record_raw=tmp_path / "project", overwrite=True))


def test_overwrite_replaces_a_recording_and_keeps_other_files(recording):
    (recording / "frames" / "mine.png").write_bytes(b"precious")
    demo = ["--source", "demo", "--every-frame", "--frames", "1", "--headless"]
    assert main([*demo, "--record-raw", str(recording)]) == 2
    assert main([*demo, "--record-raw", str(recording), "--overwrite"]) == 0
    assert {file.name for file in (recording / "frames").iterdir()} == {"00000000.png", "mine.png"}


@pytest.mark.parametrize("flags", [["--record-raw", "recorded"], ["--jsonl", "recorded/frames.jsonl"]])
def test_a_replay_never_writes_over_its_recording(recording, monkeypatch, flags):
    before = contents(recording)
    monkeypatch.chdir(recording.parent)
    assert main(["--source", "replay:recorded", "--headless", "--overwrite", *flags]) == 2
    assert contents(recording) == before


@pytest.mark.parametrize("flag", ["--jsonl", "--events"])
def test_a_photo_of_the_source_is_refused_as_output(photo_folder, flag):
    before = contents(photo_folder)
    taken = photo_folder / "a" / "1.png"
    assert main(["--source", str(photo_folder), flag, str(taken), "--overwrite", "--headless"]) == 2
    assert contents(photo_folder) == before
    check_destinations(Request(source=str(photo_folder), jsonl=str(photo_folder / "labels.jsonl")))


def test_two_outputs_to_one_file_are_refused(tmp_path):
    both = str(tmp_path / "out.jsonl")
    with pytest.raises(UsageError, match="--jsonl and --events both name"):
        check_destinations(Request(jsonl=both, events=both, overwrite=True))
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "out.jsonl")
    with pytest.raises(UsageError, match="both name"):
        check_destinations(Request(jsonl=both, events=str(tmp_path / "link.jsonl"), overwrite=True))


@pytest.mark.parametrize("flag", ["--save", "--record", "--capture", "--record-raw"])
def test_an_unwritable_output_is_refused_before_another_file_is_emptied(tmp_path, capsys, flag):
    kept = tmp_path / "labels.jsonl"
    kept.write_text("precious\n")
    place = "/proc/nothing/clip.mp4"
    files = ["--jsonl", str(kept), "--overwrite", flag, place]
    assert main(["--source", "demo", "--frames", "1", "--headless", *files]) == 2
    assert f"{flag} {place} cannot be written: " in capsys.readouterr().err
    assert kept.read_text() == "precious\n"


def test_checking_outputs_leaves_no_files(tmp_path):
    (tmp_path / "old.jsonl").write_text("precious\n")
    before = contents(tmp_path)
    new = tmp_path / "new" / "deep"
    check_destinations(Request(jsonl=str(tmp_path / "old.jsonl"), record=new / "a.mp4", save=new, overwrite=True))
    assert contents(tmp_path) == before
    assert not new.parent.exists()


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"jsonl": "."}, "--jsonl . is a folder; name a file, such as labels.jsonl"),
        ({"save": Path(__file__)}, "is a file; name a folder"),
        ({"record": Path("clip.gif")}, "--record clip.gif must end in .mp4"),
        ({"jsonl": "-", "events": "-"}, "both write to standard output"),
    ],
)
def test_an_unwritable_output_is_refused(request_, said):
    with pytest.raises(UsageError, match=said):
        check_destinations(Request(**request_))


def test_devices_and_appended_files_need_no_overwrite(tmp_path):
    (tmp_path / "out.jsonl").write_text("{}\n")
    check_destinations(Request(jsonl="/dev/null", events="/dev/null"))
    check_destinations(Request(jsonl="/dev/null", events=str(tmp_path / "out.jsonl"), append=True))
    demo = ["--source", "demo", "--every-frame", "--frames", "2", "--headless"]
    assert main([*demo, "--jsonl", str(tmp_path / "out.jsonl"), "--append", "--events", "/dev/null"]) == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3
    assert Path("/dev/null").is_char_device()


def test_a_port_in_use_empties_no_file(tmp_path):
    pytest.importorskip("aiohttp")
    (tmp_path / "out.jsonl").write_text("precious")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        argv = ["--source", "demo", "--frames", "1", "--headless", "--serve", port]
        assert main([*argv, "--jsonl", str(tmp_path / "out.jsonl"), "--overwrite"]) == 2
        assert main([*argv, "--jsonl", str(tmp_path / "new.jsonl")]) == 2
    assert contents(tmp_path) == {"out.jsonl": b"precious"}


def test_a_broken_link_among_the_saved_pictures_is_ignored(tmp_path, photo_folder):
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "x.jpg").symlink_to("/nonexistent")
    assert main(["--source", str(photo_folder / "a" / "1.png"), "--save", str(tmp_path / "saved"), "--headless"]) == 0


def test_the_rotated_file_counts_as_an_output(tmp_path):
    lines, full = str(tmp_path / "a.jsonl"), tmp_path / "a.jsonl.1"
    with pytest.raises(UsageError, match="with --jsonl-limit and --events both name"):
        check_destinations(Request(jsonl=lines, events=str(full), jsonl_limit=1))
    full.write_text("precious")
    with pytest.raises(OutputExistsError, match=r"a\.jsonl\.1 exists already"):
        check_destinations(Request(jsonl=lines, jsonl_limit=1))
    check_destinations(Request(jsonl=lines, jsonl_limit=1, append=True))  # a restarted service finds its own file


def test_log_rotation_ignores_devices(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink = JsonlSink(str(pipe), limit_mb=1e-6)
    for index in range(3):
        sink.fault(Fault("x.jpg", index, "x.jpg is empty"))
    sink.close()
    assert os.read(reader, 1 << 16).count(b"x.jpg is empty") == 3
    assert pipe.is_fifo()
    assert not (tmp_path / "pipe.1").exists()
    os.close(reader)


@pytest.mark.parametrize("flags", [["--jsonl", "rec/frames.jsonl"], ["--events", "rec/frames/00000000.png"]])
def test_outputs_inside_a_recording_are_refused(tmp_path, monkeypatch, capsys, flags):
    monkeypatch.chdir(tmp_path)
    demo = ["--source", "demo", "--frames", "1", "--headless"]
    assert main([*demo, *flags, "--record-raw", "rec", "--overwrite"]) == 2
    assert "would be part of a recording of raw frames; name a file elsewhere" in capsys.readouterr().err
    assert not (tmp_path / "rec").exists()


def test_appending_to_a_recording_is_refused(recording):
    before = contents(recording)
    lines = str(recording / "frames.jsonl")
    assert main(["--source", "demo", "--frames", "1", "--headless", "--append", "--jsonl", lines]) == 2
    assert contents(recording) == before


@pytest.mark.parametrize("part", ["", "frames"])
def test_a_recording_of_its_own_pictures_is_refused(recording, part):
    before = contents(recording)
    argv = ["--source", str(recording / part), "--record-raw", str(recording), "--overwrite", "--headless"]
    assert main(argv) == 2
    assert contents(recording) == before


@pytest.mark.parametrize("flag", ["--save", "--capture", "--record-raw"])
def test_saving_into_the_source_folder_is_refused(photo_folder, flag):
    before = contents(photo_folder)
    assert main(["--source", str(photo_folder), flag, str(photo_folder / "out"), "--headless"]) == 2
    assert contents(photo_folder) == before


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (
            ["--jsonl", "a.jsonl", "--events", "b/c", "--save", "b/c", "--overwrite"],
            "--events b/c is a file, and --save",
        ),
        (["--record", "x.mp4", "--save", "x.mp4"], "--record x.mp4 is a file, and --save x.mp4 needs a folder"),
        (["--jsonl", "x", "--save", "x"], "--jsonl x is a file"),
        (["--jsonl", "x", "--save", "x/y"], "--jsonl x is a file"),
        (["--record", "x/a.mp4", "--jsonl", "x"], "--jsonl x is a file, and --record x/a.mp4 needs a folder"),
    ],
)
def test_a_file_with_the_name_of_a_needed_folder_is_refused(tmp_path, monkeypatch, capsys, flags, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text("precious\n")
    assert main(["--source", "demo", "--frames", "1", "--headless", *flags]) == 2
    assert said in capsys.readouterr().err
    assert contents(tmp_path) == {"a.jsonl": b"precious\n"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_file_may_be_in_the_folder_of_another_output(tmp_path):
    check_destinations(Request(jsonl=str(tmp_path / "out" / "a.jsonl"), save=tmp_path / "out"))


@pytest.mark.parametrize("flags", [["--record-raw", "old", "--overwrite"], ["--capture", "new"]])
def test_a_damaged_recording_is_refused_before_outputs_are_opened(recording, monkeypatch, flags):
    monkeypatch.chdir(recording.parent)
    shutil.copytree(recording, "old")
    rows = (recording / "frames.jsonl").read_text().splitlines()
    (recording / "frames.jsonl").write_text("\n".join(["no JSON", *rows[1:]]))
    before = contents(recording.parent)
    assert main(["--source", "replay:recorded", "--headless", *flags]) == 2
    assert contents(recording.parent) == before
    assert not Path("new").exists()
