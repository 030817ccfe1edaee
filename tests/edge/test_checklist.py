import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fashion_edge import checklist
from fashion_edge.checklist import STEPS, Answer, Step, walk_through
from fashion_edge.doctor import main
from fashion_edge.errors import OutputExistsError, UsageError


def says(answer: str):
    return lambda step: Answer(step.key, step.ask, answer)


def test_answers_are_kept_with_what_is_known_of_the_machine(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    assert walk_through(file, {"model": "Raspberry Pi 4"}, ask=says("yes")) == 0
    data = json.loads(file.read_text())
    assert [answer["key"] for answer in data["answers"]] == [step.key for step in STEPS]
    assert data["complete"]
    assert data["machine"] == {"model": "Raspberry Pi 4"}


def test_one_no_is_told_by_the_exit_status(tmp_path: Path) -> None:
    def ask(step: Step) -> Answer:
        return Answer(step.key, step.ask, "no" if step.key == "heat" else "skipped", "0x50000")

    assert walk_through(tmp_path / "answers.json", {}, ask=ask) == 1


def test_what_was_answered_before_ctrl_c_is_kept(tmp_path: Path) -> None:
    def ask(step: Step) -> Answer:
        if step is STEPS[2]:
            raise KeyboardInterrupt
        return Answer(step.key, step.ask, "yes")

    with pytest.raises(KeyboardInterrupt):
        walk_through(tmp_path / "answers.json", {}, ask=ask)
    data = json.loads((tmp_path / "answers.json").read_text())
    assert (len(data["answers"]), data["complete"]) == (2, False)


def test_answers_of_an_earlier_time_are_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text("{}")
    with pytest.raises(OutputExistsError, match=r"answers\.json exists already"):
        walk_through(file, {}, ask=says("yes"))
    walk_through(file, {}, overwrite=True, ask=says("skipped"))
    assert json.loads(file.read_text())["answers"]


@pytest.mark.parametrize(("file", "said"), [("/proc/nix/a.json", "cannot be written"), ("/tmp", "is a folder")])
def test_a_place_that_takes_no_answers_is_refused_before_the_first_question(file: str, said: str) -> None:
    def ask(step: Step) -> Answer:
        raise AssertionError("eleven minutes for nothing")

    with pytest.raises(UsageError, match=f"--answers {file} {said}"):
        walk_through(Path(file), {}, overwrite=True, ask=ask)


def test_the_terminal_takes_y_n_s_and_asks_a_no_for_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter(["maybe", "y", "n", "yellow", *"s" * (len(STEPS) - 2)])
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda *_: next(typed))
    monkeypatch.setattr("fashion_edge.doctor.command.all_checks", lambda: ())
    assert main(["--checklist", "--answers", str(tmp_path / "answers.json")]) == 1
    answers = json.loads((tmp_path / "answers.json").read_text())["answers"]
    assert [answer["answer"] for answer in answers[:3]] == ["yes", "no", "skipped"]
    assert answers[1]["note"] == "yellow"


def test_a_note_is_kept_as_it_was_typed_where_the_locale_knows_ascii_only(tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    code = "import sys, pathlib; from fashion_edge.checklist import *; walk_through(pathlib.Path(sys.argv[1]), {})"
    typed = "n\ngrün\n" + "s\n" * (len(STEPS) - 1)
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"}
    subprocess.run([sys.executable, "-c", code, file], input=typed.encode(), env=env, capture_output=True, check=True)
    assert json.loads(file.read_bytes())["answers"][0]["note"] == "grün"


def test_it_takes_eleven_minutes_as_it_says() -> None:
    assert (checklist.__doc__ or "").startswith("Eleven minutes")
    assert sum(step.minutes for step in STEPS) == 11
