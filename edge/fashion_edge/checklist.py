"""Eleven minutes with a real Pi: what no emulated device can tell, asked step by step and kept as JSON."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from fashion_edge.atomic import atomic_file, refuse_existing, refuse_unwritable_file
from fashion_edge.console import say

SCHEMA = 1
ANSWERS = {"y": "yes", "n": "no", "s": "skipped"}


@dataclass(frozen=True)
class Step:
    """Something to do, and a question about what is then seen."""

    key: str
    minutes: float
    do: str
    ask: str


@dataclass(frozen=True)
class Answer:
    """What a person said of a step; `note` says what was seen instead, where it was not as asked."""

    key: str
    ask: str
    answer: str  # yes, no or skipped
    note: str = ""


STEPS = (
    Step(
        "csi_colours",
        1.5,
        "fashion-edge --source picamera, in daylight or under white light; hold up something red, then something blue",
        "Is red shown as red, and blue as blue?",
    ),
    Step(
        "white_balance",
        1,
        "Keep a white sheet before the camera for ten seconds, then take it away",
        "Is the sheet white, neither yellow nor blue, and do the labels of a garment stay the same after it?",
    ),
    Step(
        "exposure",
        1,
        "Point the camera at a window, then at a dark corner with a garment in it",
        "Is the garment neither burnt out nor lost in the dark after three seconds, and does it get its name?",
    ),
    Step(
        "distance",
        1,
        "Hold a garment at one metre and at two metres, filling the frame that is drawn",
        "Does it get the same name at both distances?",
    ),
    Step(
        "latency",
        1,
        "Move a garment quickly in and out of the picture and watch the label",
        "Does the label follow in less than half a second?",
    ),
    Step(
        "usb_unplug",
        1,
        "fashion-edge --camera 0; pull the USB plug, wait until the picture says NO SIGNAL, and plug it in again",
        "Does the picture come back by itself within ten seconds?",
    ),
    Step(
        "csi_cable",
        1,
        "With the Pi switched off, take the ribbon cable out; switch on and run fashion-edge --source picamera",
        "Does it say in one sentence that libcamera finds no camera?",
    ),
    Step(
        "heat",
        2,
        "fashion-edge --source picamera --headless --seconds 120, then vcgencmd get_throttled",
        "Does it print throttled=0x0?",
    ),
    Step(
        "reboot",
        1.5,
        "With the service installed: sudo reboot, then journalctl -u fashion-edge -n 5",
        "Are there labels in the journal, from after the start?",
    ),
)

Ask = Callable[[Step], Answer]


def walk_through(file: Path, machine: dict[str, Any], *, overwrite: bool = False, ask: Ask | None = None) -> int:
    """Ask every step and write the answers; what was answered before Ctrl-C is written too.

    Args:
        file: where the JSON goes: schema, created, complete, machine, answers.
        machine: what is known of this machine without asking.
        overwrite: replace a file that is there.
        ask: puts one step to a person; the terminal by default.

    Returns:
        The exit status: 0 where nothing was answered with no, else 1.

    Raises:
        OutputExistsError: the file is there and `overwrite` is false.
        UsageError: it is a folder, or cannot be written.
    """
    refuse_existing(file, overwrite=overwrite)
    refuse_unwritable_file(f"--answers {file}", file)  # now, and not after eleven minutes
    answers: list[Answer] = []
    say(f"{len(STEPS)} steps, about {sum(step.minutes for step in STEPS):g} minutes; s skips one, Ctrl-C ends early")
    try:
        for answer in _ask_all(ask or ask_at_terminal):
            answers.append(answer)
    finally:
        if answers:
            with atomic_file(file, overwrite=overwrite) as part:
                text = json.dumps(to_json(machine, answers), indent=2, ensure_ascii=False) + "\n"
                part.write_text(text, encoding="utf-8", errors="surrogateescape")  # a note's bytes as they were typed
            say(f"answers: {file}")
    return 1 if any(answer.answer == "no" for answer in answers) else 0


def to_json(machine: dict[str, Any], answers: Sequence[Answer]) -> dict[str, Any]:
    """The content of the file."""
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "complete": len(answers) == len(STEPS),
        "machine": machine,
        "answers": [asdict(answer) for answer in answers],
    }


def ask_at_terminal(step: Step) -> Answer:
    """Show what to do, and take yes, no or skip; a no is asked for what was seen."""
    say("")
    say(f"{STEPS.index(step) + 1}. {step.do}")
    choice = click.prompt(f"   {step.ask}", type=click.Choice(list(ANSWERS)), err=True)
    note = click.prompt("   What happened instead?", default="", show_default=False, err=True) if choice == "n" else ""
    return Answer(step.key, step.ask, ANSWERS[choice], note)


def _ask_all(ask: Ask) -> Iterator[Answer]:
    for step in STEPS:
        yield ask(step)
