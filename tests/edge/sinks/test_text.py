import os
import pty
import re
from contextlib import suppress

import cv2
import numpy as np
import pytest

from fashion_edge.frame import Fault
from fashion_edge.sinks.text import TextSink

ERASED = re.compile(r"\r(\x1b\[1A)?\x1b\[2K")


def test_a_live_source_is_printed_when_it_changes_and_stills_always(capsys, make_result):
    for sink in (TextSink(still=False), TextSink(still=True)):
        for index, text in enumerate(["red dress", "red dress", "nothing I know"]):
            sink.put(make_result(index, text, source="cam"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "cam frame 0: red dress (dress 0.90, red 0.80)",
        "cam frame 2: nothing I know (dress 0.90, red 0.80)",
    ]
    assert len(lines) == 2 + 3


def test_control_characters_of_a_file_name_are_escaped(capsys, make_result):
    sink = TextSink(still=True)
    TextSink(still=True, quiet=True).put(make_result())
    sink.put(make_result(source="\x1b[2Ja.jpg: blue jeans\nb.jpg"))
    sink.fault(Fault("x", 0, "\x1b]0;x\ny is empty"))
    captured = capsys.readouterr()
    assert captured.out == "\\x1b[2Ja.jpg: blue jeans\\x0ab.jpg: red dress (dress 0.90, red 0.80)\n"
    assert captured.err == "\\x1b]0;x\\x0ay is empty\n"


@pytest.fixture
def clip(tmp_path):
    """Two hundred small frames."""
    path = str(tmp_path / "clip.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 30, (320, 240))
    for i in range(200):
        writer.write(np.full((240, 320, 3), i % 256, np.uint8))
    writer.release()
    return path


@pytest.fixture
def run_on_terminal(start_edge):
    """Run on a terminal, which is standard error and standard output; returns what it shows, without colours."""

    def run(*argv) -> str:
        ours, terminal = pty.openpty()
        code = "from fashion_edge import progress; from fashion_edge.sinks import text\n"
        code += "text.REFRESH_S = progress.REDRAW_S = 0.0\n"  # however fast the machine is
        seen, env = b"", {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        with start_edge(*argv, code=code, stdout=terminal, stderr=terminal, env=env) as child:
            os.close(terminal)
            with suppress(OSError):  # how Linux reports that the other end is closed
                while data := os.read(ours, 4096):
                    seen += data
            os.close(ours)
        assert child.returncode == 0, seen
        return re.sub(r"\x1b\[\d*(;\d+)*m", "", seen.decode())

    return run


def test_the_progress_of_a_video_shows_frames_and_rate_and_is_erased(clip, run_on_terminal):
    seen = run_on_terminal("--source", clip, "--headless", "--frames", "190")
    assert re.search(r"\d frames/s \S*\s+150/190 ", seen)
    assert re.search(ERASED.pattern + "190 frames labelled", seen)


def test_a_label_takes_the_place_of_the_progress_line(clip, run_on_terminal):
    seen = run_on_terminal("--source", clip, "--headless")
    labels = [*re.finditer(re.escape(clip) + r" frame \d+: ", seen)]
    assert len(labels) == 2
    assert all(re.search(ERASED.pattern + "$", seen[: label.start()]) for label in labels)


def test_a_comparison_of_two_bundles_shows_progress(clip, edit_manifest, run_on_terminal):
    other = edit_manifest(lambda manifest: manifest.update(runtime={"hysteresis": 0.1 + 1e-9}))
    seen = run_on_terminal("--source", clip, "--diff", other)
    assert re.search(r"\d frames/s \S*\s+150/200 ", seen)
    assert re.search(ERASED.pattern + "0 of 200 frames decide differently", seen)
