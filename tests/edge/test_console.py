import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from fashion_edge.cli.common import run_command


@pytest.mark.parametrize(
    "flag",
    ["--source", "--bundle", "--jsonl", "--save", "--capture", "--record", "--record-raw", "--print-colour-card"],
)
def test_a_file_name_that_is_too_long_is_one_sentence(run_edge, tmp_path, monkeypatch, flag):
    monkeypatch.chdir(tmp_path)
    name = "a" * 300 + {"--record": ".mp4", "--print-colour-card": ".png"}.get(flag, "")
    said = f"fashion-edge: {name} cannot be read or written (File name too long); name another place\n"
    assert run_edge(flag, name) == (2, "", said)


def test_a_missing_file_is_named_and_debug_shows_the_traceback(capsys, tmp_path):
    @click.command(name="fashion-x")
    @click.option("--debug", is_flag=True)
    def command(*, debug):
        (tmp_path / "gone").read_bytes()

    assert run_command(command, []) == 2
    gone = f"{tmp_path}/gone cannot be read or written (No such file or directory); name another place"
    assert capsys.readouterr().err == f"fashion-x: {gone}\n"
    assert run_command(command, ["--debug"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):\n")
    assert f"FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path}/gone'" in said


@pytest.mark.parametrize(
    ("flag", "argv", "said"),
    [
        ("--source", ["my photos"], "(my photos); give it as --source 'my photos'"),
        ("--dataset", ["photos"], "(photos); give it as --dataset photos"),
        ("--source", ["a.jpg", "b.jpg"], "for several photos give their folder, as --source FOLDER"),
        ("--source", ["--source", "a.jpg", "b.jpg"], "(b.jpg); for several photos give their folder"),
        ("--dataset", ["picture.jpg"] * 999, "picture.jpg ...); for several photos give their folder"),
        ("--out", ["photos"], "(photos); see fashion-x --help"),
    ],
)
def test_photos_as_arguments_are_refused_with_the_option(capsys, flag, argv, said):
    command = click.Command("fashion-x", params=[click.Option([flag])])
    assert run_command(command, argv) == 2
    message = capsys.readouterr().err
    assert said in message
    assert len(message) < 300


def in_a_shell(redirections: str, *argv: str) -> subprocess.CompletedProcess:
    program = "import sys; from fashion_edge.cli import main; sys.exit(main())"
    command = ["sh", "-c", f'exec "$@" {redirections}', "sh", sys.executable, "-c", program, *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False)


NEEDS_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


@pytest.mark.parametrize(
    ("redirections", "status"),
    [
        pytest.param("> /dev/null 2> /dev/full", 0, marks=NEEDS_FULL),  # messages are lost, and no more
        pytest.param("> /dev/full", 1, marks=NEEDS_FULL),  # what was found is lost: an output failed
        pytest.param("> /dev/full 2>&1", 1, marks=NEEDS_FULL),
        ("2>&-", 0),
        ("<&- >&- 2>&-", 0),
    ],
)
def test_a_closed_terminal_does_not_end_the_run(tmp_path, redirections, status):
    lines = tmp_path / "lines.jsonl"
    done = in_a_shell(redirections, "--source", "demo", "--every-frame", "--frames", "3", "--jsonl", str(lines))
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert [line for line in lines.read_text().splitlines() if '"frame"' in line][2:]


@NEEDS_FULL
def test_a_full_disk_behind_standard_output_is_a_failed_output():
    done = in_a_shell("> /dev/full", "--help")
    said = "an output cannot be written (No space left on device); free some space, or write it elsewhere"
    assert (done.returncode, done.stderr) == (1, f"fashion-edge: {said}\n")


def test_characters_outside_the_locale_are_escaped():
    program = "import click; from fashion_edge.cli.common import run_command; "
    program += "run_command(click.Command('x', callback=lambda: [*map(click.echo, ('服: dress', 'b: red'))]), [])"
    argv = ["env", "PYTHONIOENCODING=latin-1", sys.executable, "-c", program]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout == "\\u670d: dress\nb: red\n"


def test_a_closed_standard_output_behaves_as_dev_null():
    done = in_a_shell(">&-", "--source", "demo", "--every-frame", "--frames", "3", "--jsonl", "-")
    assert done.returncode == 0
    assert "failed" not in done.stderr


PROGRAM = """
from fashion_edge.console import suppress_output
with suppress_output():
    print("chatter of a library")
print("the result")
"""


def test_native_output_is_suppressed():
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout == "the result\n"
