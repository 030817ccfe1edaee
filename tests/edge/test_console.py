from pathlib import Path

import click
import pytest

from fashion_edge.cli import main
from fashion_edge.console import run_command

LONG = "a" * 300


@pytest.mark.parametrize(
    "argv",
    [
        ["--source", LONG],
        ["--bundle", LONG],
        ["--jsonl", LONG],
        ["--save", LONG],
        ["--capture", LONG],
        ["--record", f"{LONG}.mp4"],
        ["--record-raw", LONG],
        ["--print-colour-card", f"{LONG}.png"],
    ],
)
def test_a_name_longer_than_names_may_be_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said == f"fashion-edge: {argv[1]} cannot be read or written (File name too long); name another place"


def test_a_file_that_went_away_is_named_and_debug_shows_where(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    @click.command(name="fashion-x")
    @click.option("--debug", is_flag=True)
    def command(*, debug: bool) -> None:
        (tmp_path / "gone").read_bytes()

    assert run_command(command, []) == 2
    gone = f"{tmp_path}/gone cannot be read or written (No such file or directory); name another place"
    assert capsys.readouterr().err == f"fashion-x: {gone}\n"
    with pytest.raises(FileNotFoundError):
        run_command(command, ["--debug"])
