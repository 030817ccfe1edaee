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
def recording(run_demo, tmp_path):
    folder = tmp_path / "recorded"
    assert run_demo(2, "--record-raw", folder).status == 0
    return folder


def test_only_a_recording_is_replaced_by_a_recording(tmp_path):
    (tmp_path / "project" / "frames").mkdir(parents=True)
    (tmp_path / "project" / "frames" / "holiday.png").write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="is not a recording; name another"):
        check_destinations(Request(record_raw=tmp_path / "project", overwrite=True))


@pytest.mark.parametrize(
    "command",
    [
        "--source replay:recorded --overwrite --record-raw recorded",
        "--source replay:recorded --overwrite --jsonl recorded/frames.jsonl",
        "--source recorded --overwrite --record-raw recorded",
        "--source recorded/frames --overwrite --record-raw recorded",
        "--source demo --frames 1 --append --jsonl recorded/frames.jsonl",
    ],
)
def test_nothing_is_written_into_a_recording(run_edge, recording, monkeypatch, command):
    before = contents(recording)
    monkeypatch.chdir(recording.parent)
    assert run_edge(*command.split(), "--headless").status == 2
    assert contents(recording) == before


@pytest.mark.parametrize("flag", ["--jsonl", "--events", "--record"])
@pytest.mark.parametrize("source", ["", "a/1.png"])
def test_a_photo_of_the_source_is_refused_as_output(run_edge, photo_folder, source, flag):
    before = contents(photo_folder)
    done = run_edge("--source", photo_folder / source, flag, photo_folder / "a/1.png", "--overwrite", "--headless")
    assert done.status == 2
    assert "is the source itself, or a part of it; name another file" in done.err
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
def test_an_unwritable_output_is_refused_before_another_file_is_emptied(run_demo, tmp_path, flag):
    kept, place = tmp_path / "labels.jsonl", "/proc/nothing/clip.mp4"
    kept.write_text("precious\n")
    done = run_demo(1, "--jsonl", kept, "--overwrite", flag, place)
    assert done.status == 2
    assert f"{flag} {place} cannot be written: " in done.err
    assert kept.read_text() == "precious\n"


def test_checking_outputs_leaves_no_files(tmp_path):
    old, new = tmp_path / "old.jsonl", tmp_path / "new" / "deep"
    old.write_text("precious\n")
    check_destinations(Request(jsonl=str(old), record=new / "a.mp4", save=new, overwrite=True))
    assert contents(tmp_path) == {"old.jsonl": b"precious\n"}
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


def test_devices_and_appended_files_need_no_overwrite(run_demo, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("{}\n")
    check_destinations(Request(jsonl="/dev/null", events="/dev/null"))
    check_destinations(Request(jsonl=str(tmp_path / "out" / "a.jsonl"), save=tmp_path / "out"))
    assert run_demo(2, "--jsonl", out, "--append", "--events", "/dev/null").status == 0
    assert len(out.read_text().splitlines()) == 3
    assert Path("/dev/null").is_char_device()


def test_a_port_in_use_empties_no_file(run_demo, tmp_path):
    pytest.importorskip("aiohttp")
    (tmp_path / "out.jsonl").write_text("precious")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run_demo(1, "--serve", port, "--jsonl", tmp_path / "out.jsonl", "--overwrite").status == 2
        assert run_demo(1, "--serve", port, "--jsonl", tmp_path / "new.jsonl").status == 2
    assert contents(tmp_path) == {"out.jsonl": b"precious"}


def test_a_broken_link_among_the_saved_pictures_is_ignored(run_edge, tmp_path, photo_folder):
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "x.jpg").symlink_to("/nonexistent")
    assert run_edge("--source", photo_folder / "a/1.png", "--save", tmp_path / "saved", "--headless").status == 0


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


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("--jsonl rec/frames.jsonl --record-raw rec --overwrite", "would be part of a recording of raw frames; name a"),
        ("--events rec/frames/00000000.png --record-raw rec --overwrite", "would be part of a recording of raw frames"),
        ("--jsonl a.jsonl --events b/c --save b/c --overwrite", "--events b/c is a file, and --save"),
        ("--record x.mp4 --save x.mp4", "--record x.mp4 is a file, and --save x.mp4 needs a folder"),
        ("--jsonl x --save x", "--jsonl x is a file"),
        ("--jsonl x --save x/y", "--jsonl x is a file"),
        ("--record x/a.mp4 --jsonl x", "--jsonl x is a file, and --record x/a.mp4 needs a folder"),
        ("--jsonl a.jsonl", "exists already; name another, or allow overwriting"),
    ],
)
def test_outputs_that_are_in_each_others_way_are_refused(run_demo, tmp_path, monkeypatch, command, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jsonl").write_text("precious\n")
    done = run_demo(1, *command.split())
    assert done.status == 2
    assert said in done.err
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.jsonl", "precious\n")]


@pytest.mark.parametrize("flag", ["--save", "--capture", "--record-raw"])
def test_saving_into_the_source_folder_is_refused(photo_folder, flag):
    before = contents(photo_folder)
    assert main(["--source", str(photo_folder), flag, str(photo_folder / "out"), "--headless"]) == 2
    assert contents(photo_folder) == before


@pytest.mark.parametrize("flags", ["--record-raw old --overwrite", "--capture new"])
def test_a_damaged_recording_is_refused_before_outputs_are_opened(run_edge, recording, monkeypatch, flags):
    monkeypatch.chdir(recording.parent)
    shutil.copytree(recording, "old")
    rows = (recording / "frames.jsonl").read_text().splitlines()
    (recording / "frames.jsonl").write_text("\n".join(["no JSON", *rows[1:]]))
    before = contents(recording.parent)
    assert run_edge("--source", "replay:recorded", "--headless", *flags.split()).status == 2
    assert contents(recording.parent) == before
    assert not Path("new").exists()
