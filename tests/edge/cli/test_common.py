from pathlib import Path

import click
import pytest

from fashion_edge.cli.common import FILE, TEXT, GroupedCommand, Number, group, run_command


def test_text_and_paths_are_returned_unchanged():
    assert TEXT.convert("größer", None, None) == "größer"
    assert FILE.convert("a/b.mp4", None, None) == Path("a/b.mp4")


@pytest.mark.parametrize("kind", [TEXT, FILE])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "it is empty"),
        ("v\udcff.mp4", r"v\\xff.mp4 is not UTF-8; rename"),
        ("hall\nUser=root", r"'hall\\nUser=root' contains a line break or another control character; remove it"),
        ("\x1b[2J", r"'\\x1b\[2J' contains"),
    ],
)
def test_empty_undecodable_and_multi_line_values_are_refused(kind, value, reason):
    with pytest.raises(click.BadParameter, match=reason):
        kind.convert(value, None, None)


@click.command(name="fashion-test", cls=GroupedCommand)
@group("Source", click.option("--photos", type=FILE), click.option("--fps", type=Number(1, 120)))
@group("Output", click.option("--seconds", type=Number(0, unit="SECONDS"), help="Stop then."))
def command(photos: Path | None, fps: float | None, seconds: float | None) -> None:
    click.echo(f"{photos} {fps} {seconds}")


def test_help_lists_options_by_group_with_their_types(capsys):
    assert run_command(command, ["--help"]) == 0
    text = capsys.readouterr().out
    assert text.index("Source:") < text.index("--photos FILE") < text.index("Output:") < text.index("--seconds SECONDS")


@pytest.mark.parametrize("argv", [["--pictures", "a"], ["--pictures=a"]])
def test_an_old_option_name_works_with_a_warning(capsys, argv):
    assert run_command(command, argv, renamed={"--pictures": "--photos"}) == 0
    captured = capsys.readouterr()
    assert captured.out == "a None None\n"
    assert "--pictures is now called --photos" in captured.err


def test_help_does_not_list_arguments_without_a_help_text(capsys):
    @click.command(name="fashion-test", cls=GroupedCommand)
    @click.argument("run", required=False)
    def with_argument(run):
        """Do nothing."""

    assert run_command(with_argument, ["--help"]) == 0
    assert capsys.readouterr().out.count("RUN") == 1, "in the usage line"
