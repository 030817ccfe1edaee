"""A recording replays to the same decisions; one that was damaged or changed is an error."""

import json
import os
import re
import shutil
from pathlib import Path

import cv2
import pytest

from fashion_edge import pacing
from fashion_edge.cli import main
from fashion_edge.errors import MAX_MESSAGE, SourceError
from fashion_edge.recording import FRAMES, HEADER, LINES, Recording
from fashion_edge.sources import open_source


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Forty frames of the demo, with two garments."""
    folder = tmp_path_factory.mktemp("demo") / "raw"
    demo = ["--source", "demo", "--every-frame", "--frames", "40", "--headless"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder.parent))
        assert main([*demo, "--record-raw", str(folder)]) == 0
    return folder


@pytest.fixture
def recording(recorded, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(recorded, tmp_path / "raw"))


@pytest.fixture
def replay(run_edge):
    return lambda folder, *argv: run_edge("--source", f"replay:{folder}", "--headless", *argv)


def read_lines(folder: Path) -> list[dict]:
    return [json.loads(row) for row in (folder / LINES).read_text().splitlines()]


def write_lines(folder: Path, rows: list[dict]) -> None:
    (folder / LINES).write_text("".join(json.dumps(row) + "\n" for row in rows))


def edit_line(folder: Path, number: int, **changes: object) -> None:
    rows = read_lines(folder)
    rows[number].update(changes)
    write_lines(folder, rows)


def edit_header(folder: Path, **changes: object) -> None:
    header = json.loads((folder / HEADER).read_text())
    (folder / HEADER).write_text(json.dumps(header | changes))


SAME = "decisions are the recorded ones, bit for bit"


def test_a_replay_decides_the_same_bit_for_bit_and_records_the_same(recording, replay, tmp_path):
    done = replay(recording, "--record-raw", tmp_path / "again")
    assert done.status == 0
    assert f"replay: all 40 {SAME}" in done.err
    assert (tmp_path / "again" / LINES).read_bytes() == (recording / LINES).read_bytes()
    first = f"{FRAMES}/00000000.png"
    assert (cv2.imread(str(tmp_path / "again" / first)) == cv2.imread(str(recording / first))).all()


def test_a_recording_opened_as_photos_names_the_replay(recording):
    said = open_source(str(recording)).describe()
    assert said.startswith(f"{recording}: 40 pictures; --source replay:{recording} gives them as they were recorded")


def test_a_changed_frame_is_found(recording, replay):
    path = recording / FRAMES / "00000007.png"
    image = cv2.imread(str(path))
    cv2.imwrite(str(path), 255 - image)
    done = replay(recording)
    assert done.status == 3
    assert "of 40 frames differ from the recording; first frame 7: " in done.err


def test_other_settings_are_reported_and_are_not_a_failure(recording, replay):
    done = replay(recording, "--roi", "0,0,0.1,0.1", "--smooth", "0")
    assert done.status == 0
    assert "bit for bit" not in done.err
    assert "decisions are the recorded ones" in done.err or "(another model, runtime or settings)" in done.err


def test_settings_come_from_the_recording(run_demo, replay, tmp_path):
    folder = tmp_path / "raw"
    options = ("--roi", "0.1,0,0.7,1", "--smooth", "1.5", "--dwell", "0")
    assert run_demo(12, "--record-raw", folder, *options).status == 0
    assert Recording(folder).header.roi == "0.1,0.0,0.7,1.0"
    assert f"all 12 {SAME}" in replay(folder).err


def test_a_recording_that_was_cut_short_ends_earlier(recording):
    path = recording / LINES
    path.write_bytes(path.read_bytes()[:-20])
    assert len(list(open_source(f"replay:{recording}").items())) == 39


def test_recording_ends_at_its_limit_and_the_run_continues(run_demo, replay, tmp_path):
    folder = tmp_path / "raw"
    done = run_demo(30, "--record-raw", folder, "--raw-limit", "1")
    assert done.status == 0
    assert done.err.count("the limit of 1 MB is reached; recording ends, the run continues") == 1
    assert "30 frames labelled" in done.err
    assert 500_000 < sum(path.stat().st_size for path in (folder / FRAMES).iterdir()) <= 1_000_000
    assert replay(folder).status == 0


def test_stills_are_recorded_as_stills(run_edge, replay, photo_folder, tmp_path, monkeypatch):
    folder = tmp_path / "raw"
    assert run_edge("--source", photo_folder, "--record-raw", folder).status == 0
    assert Recording(folder).header.still
    assert f"all 3 {SAME}" in replay(folder).err
    monkeypatch.setattr(pacing.time, "sleep", lambda _: pytest.fail("stills are not paced"))
    assert len(list(open_source(f"replay:{folder}", watched=True).items())) == 3


def test_only_overwrite_replaces_a_recording_and_keeps_other_files(run_demo, recording):
    done = run_demo(2, "--record-raw", recording)
    assert done.status == 2
    assert "exists already; name another, or allow overwriting" in done.err
    for mine in (recording / "notes.txt", recording / FRAMES / "mine.png"):
        mine.write_text("mine")
    assert run_demo(2, "--record-raw", recording, "--overwrite").status == 0
    assert len(list(Recording(recording).lines())) == 2
    assert (recording / "notes.txt").read_text() == "mine"
    assert {file.name for file in (recording / FRAMES).iterdir()} == {"00000000.png", "00000001.png", "mine.png"}


def test_a_frame_that_is_gone_is_one_fault(recording, replay):
    (recording / FRAMES / "00000003.png").unlink()
    done = replay(recording)
    assert done.status in (1, 3)
    assert "00000003.png does not exist" in done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not valid JSON"),
        ('{"schema": 9}', "has schema 9, not 1"),
        ('{"schema": 1}', "missing required field"),
        ("[]", "expected object, got array"),
        ('{"x": ' + "[" * 100_000, "is not valid JSON"),
        (" " * (1 << 20) + "{}", "is larger than 1024 KB"),
        (None, "is not a recording; make one with fashion-edge --record-raw"),
    ],
)
def test_a_damaged_or_missing_header_is_one_sentence(recording, replay, text, said):
    (recording / HEADER).unlink()
    if text is not None:
        (recording / HEADER).write_text(text)
    done = replay(recording)
    assert done.status == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fps": 65000}, "fps: expected float <= 1000.0"),
        ({"fps": 0}, "fps: expected float > 0.0"),
        ({"fps": 10**400}, "number out of range"),
        ({"live": {"smooth_s": 61}}, "live.smooth_s: expected float <= 60.0"),
        ({"live": {"smooth_s": float("nan")}}, "is not valid JSON"),
    ],
)
def test_a_header_with_impossible_values_is_an_error(recording, changes, said):
    edit_header(recording, **changes)
    with pytest.raises(SourceError, match=re.escape(said)):
        Recording(recording)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"frame": float("inf")}, "is not valid JSON"),
        ({"frame": -1}, "neither a frame nor an event"),
        ({"at": float("nan")}, "is not valid JSON"),
        ({"at": 1e300}, r"at: expected float <= 1000000000000\.0"),
        ({"scores": [10**400]}, "number out of range"),
        ({"event": "live\n\ndata: x", "detail": ""}, "event: invalid enum value"),
        ({"file": "../../../etc/passwd"}, "names .*, which is outside the recording"),
        ({"file": "/etc/passwd"}, "names .*, which is outside the recording"),
        ({"file": "a/b.png"}, "names .*, which is outside the recording"),
    ],
)
def test_a_line_with_impossible_values_is_an_error(recording, changes, said):
    edit_line(recording, 3, **changes)
    with pytest.raises(SourceError, match=f"line 4.*{said}"):
        list(Recording(recording).lines())


@pytest.mark.parametrize(
    ("row", "said"),
    [('{"x": ' + "[" * 100_000, "line 1 is not valid JSON"), (" " * (1 << 20) + "{}", "line 1 is longer than 1 MB")],
)
def test_a_damaged_or_giant_line_is_an_error(recording, row, said):
    path = recording / LINES
    path.write_text(row + "\n" + path.read_text())
    with pytest.raises(SourceError, match=said):
        list(Recording(recording).lines())


def test_control_characters_in_a_recording_are_escaped(recording):
    edit_header(recording, source="\x1b[2Jcamera" + "a" * 10_000)
    edit_line(recording, 0, event="lost", detail="gone\x1b[2J")
    source = Recording(recording).header.source
    assert source.startswith(r"\x1b[2Jcamera")
    assert len(source) == MAX_MESSAGE
    assert next(Recording(recording).lines()).detail == r"gone\x1b[2J"


def replace(path: Path, how: str, outside: Path) -> None:
    """Put something else in the place of a file of a recording."""
    data = path.read_bytes()
    path.unlink()
    if how == "link":
        outside.write_bytes(data)
        path.symlink_to(outside)
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "device":
        path.symlink_to("/dev/zero")
    elif how == "folder":
        path.mkdir()
    elif how == "huge":
        path.write_bytes(data)
        os.truncate(path, 2 << 30)


@pytest.mark.parametrize("how", ["link", "pipe", "device", "folder", "huge"])
@pytest.mark.parametrize("name", [HEADER, LINES, f"{FRAMES}/00000039.png"])
def test_the_files_of_a_recording_are_regular_and_bounded(recording, replay, tmp_path, name, how):
    replace(recording / name, how, tmp_path / "outside")
    done = replay(recording)
    said = {
        "link": "is a link that leads out of the recording; copy the file there",
        "huge": "larger than 1024 KB" if name == HEADER else "MB, above the limit of",
    }.get(how, "is not a regular file; record it again" if name != HEADER else "is not a recording")
    assert said in done.err
    assert done.status == (1 if name.endswith(".png") else 2)
    assert done.err.count(str(recording / name)) <= 2


def test_a_folder_of_frames_that_leads_out_of_the_recording_is_refused(recording, replay, tmp_path):
    (recording / FRAMES).rename(tmp_path / "elsewhere")
    (recording / FRAMES).symlink_to(tmp_path / "elsewhere")
    done = replay(recording)
    assert "00000000.png is a link that leads out of the recording; copy the file there" in done.err
    assert done.status == 1


def test_only_line_feeds_end_a_line(recording):
    """U+0085 and U+2028 are written as they are; Python's splitlines() would break there."""
    path = recording / LINES
    event = json.dumps({"event": "lost", "at": 0.2, "detail": "Kamera\u0085\u2028fort"}, ensure_ascii=False)
    path.write_text(event + "\n" + path.read_text())
    lines = list(Recording(recording).lines())
    assert (lines[0].event, lines[0].detail, len(lines)) == ("lost", r"Kamera\x85\u2028fort", 41)


def test_a_loss_is_replayed_as_an_event(recording):
    rows = read_lines(recording)
    write_lines(recording, [*rows[:5], {"event": "lost", "at": 0.2, "detail": "unplugged"}, *rows[5:]])
    kinds = [type(item).__name__ for item in open_source(f"replay:{recording}").items()]
    assert kinds[4:7] == ["Frame", "Event", "Frame"]


def test_a_watched_replay_shortens_long_gaps(recording, monkeypatch):
    rows = read_lines(recording)
    write_lines(recording, rows[:20] + [{**row, "at": 3600 + i / 30} for i, row in enumerate(rows[20:], 20)])
    waited: list[float] = []
    monkeypatch.setattr(pacing.time, "sleep", waited.append)
    monkeypatch.setattr(pacing.time, "monotonic", lambda: sum(waited))
    assert len(list(open_source(f"replay:{recording}", watched=True).items())) == 40
    assert waited.pop(20) == pytest.approx(pacing.GAP_S)
    assert waited[1:] == pytest.approx([1 / 30] * 38)


def test_an_invalid_roi_in_a_recording_is_an_error(recording, replay):
    edit_header(recording, roi="junk")
    done = replay(recording)
    assert done.status == 2
    assert "recording.json has the invalid roi 'junk'; give one with --roi" in done.err
    assert replay(recording, "--roi", "auto", "--frames", "1").status == 0


@pytest.mark.parametrize("name", [HEADER, LINES])
def test_a_recording_without_read_permission_is_an_error(recording, replay, monkeypatch, name):
    opened = Path.open

    def refuse(path, *args, **kwargs):
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    done = replay(recording)
    assert done.status == 2
    assert f"{name} cannot be read (Permission denied); check the file" in done.err


@pytest.mark.parametrize("from_file", [False, True])
def test_the_video_of_a_replay_drops_surplus_frames_of_a_stream_only(recording, replay, tmp_path, from_file):
    edit_header(recording, from_file=from_file)
    write_lines(recording, [{**row, "at": row["at"] / 2} for row in read_lines(recording)])
    replay(recording, "--record", tmp_path / "out.avi")
    frames = cv2.VideoCapture(str(tmp_path / "out.avi")).get(cv2.CAP_PROP_FRAME_COUNT)
    assert frames == pytest.approx(40 if from_file else 20, abs=1)
