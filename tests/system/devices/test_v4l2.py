"""`--camera` on a real V4L2 device, in an arm64 machine: vivid for what goes wrong, v4l2loopback for what is seen."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import pytest
from testbed import machine
from testbed.host import WORK
from testbed.pictures import camera_picture

BOOT_S = 600  # a minute and a half where nothing else runs
SHOWN = ["red dress", "blue shirt", "blue jeans", "black dress"]
Fact = dict[str, Any]


@pytest.fixture(scope="session")
def facts(wheel: Path) -> list[Fact]:
    """The facts that guest/v4l2.py printed, in order."""
    pictures = {f"{text}.yuyv": cv2.cvtColor(camera_picture(text), cv2.COLOR_BGR2YUV_YUYV).tobytes() for text in SHOWN}
    text = machine.boot(machine.build(wheel, pictures), BOOT_S)
    (WORK / "work" / "v4l2" / "console.txt").write_text(text)
    found = [json.loads(line[5:]) for line in text.splitlines() if line.startswith("FACT ")]
    assert found, text[-3000:]
    assert found[-1]["fact"] == "done", text[-3000:]
    assert not [fact for fact in found if fact["fact"] == "broken"], found
    return found


def only(facts: list[Fact], name: str, **values: str) -> Fact:
    (fact,) = [f for f in facts if f["fact"] == name and all(f[key] == value for key, value in values.items())]
    return fact


def test_frames_arrive_and_the_negotiated_format_is_printed(facts: list[Fact]) -> None:
    run = only(facts, "normal")
    assert run["status"] == 0, run["stderr"]
    assert any(line.startswith("camera:0: 640x480 ") and line.endswith(" frames/s") for line in run["stderr"])
    records = [record for record in run["records"] if "frame" in record]
    stamps = [datetime.fromisoformat(record["captured_at"]) for record in records]
    assert len(stamps) == 40
    assert stamps == sorted(stamps)
    assert (stamps[-1] - stamps[0]).total_seconds() < 60
    assert all(record["age_ms"] > 0 for record in records)


@pytest.mark.parametrize("command", machine.camera_commands())
def test_the_commands_of_the_guide_work(facts: list[Fact], command: str) -> None:
    done = only(facts, "guide", command=command)
    assert done["status"] == 0, done["stderr"]
    size = re.search(r"--size (\S+)", command)
    assert any(f"camera:0: {size[1] if size else '640x480'} " in line for line in done["stderr"])


def sentence(fact: Fact) -> str:
    assert (fact["status"], len(fact["stderr"])) == (2, 1), fact
    assert not fact["records"]
    return fact["stderr"][0]


def test_a_wrong_index_is_one_sentence(facts: list[Fact]) -> None:
    text = sentence(only(facts, "wrong index"))
    assert "camera /dev/video7 does not exist (/dev/video0, /dev/video10 found)" in text


def test_an_unsupported_size_is_one_sentence_with_the_supported_ones(facts: list[Fact]) -> None:
    text = sentence(only(facts, "unsupported size"))
    assert "has no 333x222; it offers " in text
    assert "320x180, 640x360, 640x480" in text


def test_a_camera_in_use_is_one_sentence_with_the_program_that_uses_it(facts: list[Fact]) -> None:
    assert "camera /dev/video0 is in use by " in sentence(only(facts, "second opener"))


@pytest.mark.parametrize("what", ["inject_v4l2_buf_flag_error", "wrap_sequence_number", "inject_vidioc_qbuf_error"])
def test_an_error_of_one_buffer_does_not_stop_the_frames(facts: list[Fact], what: str) -> None:
    fact = only(facts, "survived", what=what)
    assert "unknown" not in fact, fact
    assert [event["event"] for event in fact["events"]] in ([], ["lost", "live"])


@pytest.mark.parametrize("what", ["inject_fatal_streaming_error", "disconnect", "driver unloaded"])
def test_a_lost_camera_is_reported_and_reopened_without_a_restart(facts: list[Fact], what: str) -> None:
    fact = only(facts, "recovered", what=what)
    states = [event["event"] for event in fact["events"]]
    assert states[0] == "lost"
    assert states[-1] == "live"
    assert fact["invented"] == 0


def test_while_the_driver_is_unloaded_the_message_names_the_device(facts: list[Fact]) -> None:
    assert only(facts, "unloaded")["gone"]
    details = [event["detail"] for event in only(facts, "recovered", what="driver unloaded")["events"]]
    assert any("camera /dev/video0 does not exist" in detail for detail in details), details


def test_the_command_ends_cleanly_after_all_errors(facts: list[Fact]) -> None:
    assert only(facts, "ended")["status"] == 0, only(facts, "ended")


def test_unplugging_twenty_times_leaks_nothing(facts: list[Fact]) -> None:
    fact = only(facts, "cycles")
    assert fact["cycles"] == 20
    assert fact["lost"] >= 20
    first, last = fact["held"][2], fact["held"][-1]
    assert last["descriptors"] == first["descriptors"]
    assert last["threads"] == first["threads"]
    assert last["rss_kb"] - first["rss_kb"] < 4096, fact["held"]  # ten frames of 640x480 are 9 MB
    assert fact["after"]["descriptors"] == first["descriptors"] - 1  # the camera itself


@pytest.mark.parametrize("text", SHOWN)
def test_garments_in_front_of_the_camera_get_their_labels(facts: list[Fact], text: str) -> None:
    fact = only(facts, "labels", picture=text)
    assert fact["status"] == 0, fact["stderr"]
    assert {record["text"] for record in fact["records"] if "text" in record} == {text}
