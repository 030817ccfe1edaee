"""A recording replays to the same decisions; one that was damaged or changed is an error."""

import json
import re
import shutil
from pathlib import Path

import cv2
import pytest

from fashion_edge import pacing
from fashion_edge.cli import main
from fashion_edge.errors import SourceError
from fashion_edge.recording import FRAMES, HEADER, LINES, Recording
from fashion_edge.sources import open_source


def record(folder: Path, frames: int, *argv: str) -> int:
    demo = ["--source", "demo", "--every-frame", "--frames", str(frames), "--headless"]
    return main([*demo, "--record-raw", str(folder), *argv])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Forty frames of the demo, with two garments."""
    folder = tmp_path_factory.mktemp("demo") / "raw"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder.parent))
        assert record(folder, 40) == 0
    return folder


@pytest.fixture
def recording(recorded, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(recorded, tmp_path / "raw"))


def replay(folder: Path, *argv: str) -> int:
    return main(["--source", f"replay:{folder}", "--headless", *argv])


def edit_line(folder: Path, number: int, **changes: object) -> None:
    path = folder / LINES
    rows = path.read_text().splitlines()
    rows[number] = json.dumps({**json.loads(rows[number]), **changes})
    path.write_text("\n".join(rows) + "\n")


def test_a_replay_decides_the_same_bit_for_bit(recording, capsys):
    assert replay(recording) == 0
    assert "replay: all 40 decisions are the recorded ones, bit for bit" in capsys.readouterr().err


def test_a_recording_opened_as_photos_names_the_replay(recording):
    said = open_source(str(recording)).describe()
    assert said.startswith(f"{recording}: 40 pictures; --source replay:{recording} gives them as they were recorded")


def test_a_recording_of_a_replay_is_the_same_recording(recording, tmp_path):
    assert replay(recording, "--record-raw", str(tmp_path / "again")) == 0
    assert (tmp_path / "again" / LINES).read_bytes() == (recording / LINES).read_bytes()
    first = f"{FRAMES}/00000000.png"
    assert (cv2.imread(str(tmp_path / "again" / first)) == cv2.imread(str(recording / first))).all()


def test_a_changed_frame_is_found(recording, capsys):
    path = recording / FRAMES / "00000007.png"
    image = cv2.imread(str(path))
    cv2.imwrite(str(path), 255 - image)
    assert replay(recording) == 3
    assert "of 40 frames differ from the recording; first frame 7: " in capsys.readouterr().err


def test_other_settings_are_reported_and_are_not_a_failure(recording, capsys):
    assert replay(recording, "--roi", "0,0,0.1,0.1", "--smooth", "0") == 0
    said = capsys.readouterr().err
    assert "bit for bit" not in said
    assert "decisions are the recorded ones" in said or "(another model, runtime or settings)" in said


def test_settings_come_from_the_recording(tmp_path, capsys):
    folder = tmp_path / "raw"
    assert record(folder, 12, "--roi", "0.1,0,0.7,1", "--smooth", "1.5", "--dwell", "0") == 0
    assert Recording(folder).header.roi == "0.1,0.0,0.7,1.0"
    assert replay(folder) == 0
    assert "all 12 decisions are the recorded ones, bit for bit" in capsys.readouterr().err


def test_a_recording_that_was_cut_short_ends_earlier(recording):
    path = recording / LINES
    path.write_bytes(path.read_bytes()[:-20])
    assert len(list(open_source(f"replay:{recording}").items())) == 39


def test_recording_ends_at_its_limit_and_the_run_continues(tmp_path, capsys):
    folder = tmp_path / "raw"
    assert record(folder, 30, "--raw-limit", "1") == 0
    said = capsys.readouterr().err
    assert said.count("the limit of 1 MB is reached; recording ends, the run continues") == 1
    assert "30 frames labelled" in said
    size = sum(path.stat().st_size for path in (folder / FRAMES).iterdir())
    assert 500_000 < size <= 1_000_000
    assert replay(folder) == 0


def test_stills_are_recorded_as_stills(photo_folder, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "raw"
    assert main(["--source", str(photo_folder), "--record-raw", str(folder)]) == 0
    assert Recording(folder).header.still
    assert replay(folder) == 0
    assert "all 3 decisions are the recorded ones, bit for bit" in capsys.readouterr().err
    monkeypatch.setattr(pacing.time, "sleep", lambda _: pytest.fail("stills are not paced"))
    assert len(list(open_source(f"replay:{folder}", watched=True).items())) == 3


def test_only_overwrite_replaces_a_recording(recording, capsys):
    assert record(recording, 2) == 2
    assert "exists already; name another or add --overwrite" in capsys.readouterr().err
    (recording / "notes.txt").write_text("mine")
    assert record(recording, 2, "--overwrite") == 0
    assert len(list(Recording(recording).lines())) == 2
    assert (recording / "notes.txt").read_text() == "mine"


def test_a_frame_that_is_gone_is_one_fault(recording, capsys):
    (recording / FRAMES / "00000003.png").unlink()
    status = replay(recording)
    assert status in (1, 3)
    assert "00000003.png does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "a/b.png"])
def test_a_name_outside_the_recording_is_refused(recording, name):
    edit_line(recording, 3, file=name)
    with pytest.raises(SourceError, match="line 4 names .*, which is outside the recording"):
        list(Recording(recording).lines())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not valid JSON"),
        ('{"schema": 9}', "has schema 9, not 1"),
        ('{"schema": 1}', "missing required field"),
        ("[]", "expected object, got array"),
        ('{"x": ' + "[" * 100_000, "is not valid JSON"),
        (" " * (1 << 20) + "{}", "is larger than 1024 KB"),
    ],
)
def test_a_damaged_header_is_one_sentence(recording, text, said, capsys):
    (recording / HEADER).write_text(text)
    assert replay(recording) == 2
    assert said in capsys.readouterr().err


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
    header = json.loads((recording / HEADER).read_text())
    (recording / HEADER).write_text(json.dumps(header | changes))
    with pytest.raises(SourceError, match=re.escape(said)):
        Recording(recording)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"frame": float("inf")}, "is not valid JSON"),
        ({"frame": -1}, "neither a frame nor an event"),
        ({"at": float("nan")}, "is not valid JSON"),
        ({"at": 1e300}, "at: expected float <= 1000000000000.0"),
        ({"scores": [10**400]}, "number out of range"),
        ({"event": "live\n\ndata: x", "detail": ""}, "event: invalid enum value"),
    ],
)
def test_a_line_with_impossible_values_is_an_error(recording, changes, said):
    edit_line(recording, 3, **changes)
    with pytest.raises(SourceError, match="line 4.*" + re.escape(said)):
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


def test_control_characters_in_a_recording_are_replaced(recording):
    header = json.loads((recording / HEADER).read_text())
    (recording / HEADER).write_text(json.dumps(header | {"source": "\x1b[2Jcamera"}))
    edit_line(recording, 0, event="lost", detail="gone\x1b[2J")
    assert Recording(recording).header.source == "?[2Jcamera"
    assert next(Recording(recording).lines()).detail == "gone?[2J"


def test_only_line_feeds_end_a_line(recording):
    """U+0085 and U+2028 are written as they are; Python's splitlines() would break there."""
    path = recording / LINES
    event = json.dumps({"event": "lost", "at": 0.2, "detail": "Kamera\u0085\u2028fort"}, ensure_ascii=False)
    path.write_text(event + "\n" + path.read_text())
    lines = list(Recording(recording).lines())
    assert (lines[0].event, lines[0].detail, len(lines)) == ("lost", "Kamera??fort", 41)


def test_a_folder_that_is_not_a_recording_is_an_error(tmp_path, capsys):
    assert replay(tmp_path) == 2
    assert "is not a recording; make one with fashion-edge --record-raw" in capsys.readouterr().err


def test_a_loss_is_replayed_as_an_event(recording):
    path = recording / LINES
    rows = path.read_text().splitlines()
    rows.insert(5, json.dumps({"event": "lost", "at": 0.2, "detail": "unplugged"}))
    path.write_text("\n".join(rows))
    kinds = [type(item).__name__ for item in open_source(f"replay:{recording}").items()]
    assert kinds[4:7] == ["Frame", "Event", "Frame"]


def test_a_watched_replay_shortens_long_gaps(recording, monkeypatch):
    for number in range(20, 40):
        edit_line(recording, number, at=3600 + number / 30)
    waited: list[float] = []
    monkeypatch.setattr(pacing.time, "sleep", lambda seconds: waited.append(seconds) or later(seconds))
    now = 0.0

    def later(seconds):
        nonlocal now
        now += seconds

    monkeypatch.setattr(pacing.time, "monotonic", lambda: now)
    assert len(list(open_source(f"replay:{recording}", watched=True).items())) == 40
    assert waited.pop(20) == pytest.approx(pacing.GAP_S)
    assert waited[1:] == pytest.approx([1 / 30] * 38)


def test_an_invalid_roi_in_a_recording_is_an_error(recording, capsys):
    header = json.loads((recording / HEADER).read_text())
    (recording / HEADER).write_text(json.dumps(header | {"roi": "junk"}))
    assert replay(recording) == 2
    assert "recording.json has the invalid roi 'junk'; give one with --roi" in capsys.readouterr().err
    assert replay(recording, "--roi", header["roi"], "--frames", "1") == 0


@pytest.mark.parametrize("name", [HEADER, LINES])
def test_a_recording_without_read_permission_is_an_error(recording, monkeypatch, capsys, name):
    opened = Path.open

    def refuse(path, *args, **kwargs):
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    assert replay(recording) == 2
    assert f"{name} cannot be read (Permission denied); check the file" in capsys.readouterr().err


@pytest.mark.parametrize("from_file", [False, True])
def test_the_video_of_a_replay_drops_surplus_frames_of_a_stream_only(recording, tmp_path, from_file):
    header = json.loads((recording / HEADER).read_text())
    (recording / HEADER).write_text(json.dumps({**header, "from_file": from_file}))
    rows = [json.loads(row) for row in (recording / LINES).read_text().splitlines()]
    faster = [json.dumps({**row, "at": row["at"] / 2}) for row in rows]
    (recording / LINES).write_text("\n".join(faster) + "\n")
    replay(recording, "--record", str(tmp_path / "out.avi"))
    video = cv2.VideoCapture(str(tmp_path / "out.avi"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == pytest.approx(len(rows) if from_file else len(rows) / 2, abs=1)
