import shutil
import subprocess
from pathlib import Path

import pytest

from fashion_edge.cli import main
from fashion_edge.cli.request import Request
from fashion_edge.cli.service import FILE, Environment, read_environment
from fashion_edge.loading import default_profile

TOKEN, PASSWORD = "FASHION_EDGE_TOKEN", "FASHION_EDGE_MQTT_PASSWORD"
SECRET = r"""  it's "$HOME" \`id\` 100% \n #x\\ """
BEYOND = ["--serve", "0.0.0.0:8080"]
BROKER = ["--mqtt", "broker", "--mqtt-user", "edge"]


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (TOKEN, PASSWORD):
        monkeypatch.delenv(name, raising=False)


def install(capsys: pytest.CaptureFixture, *flags: str) -> tuple[str, str]:
    assert main(["--camera", "0", *flags, "--install-service"]) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_secrets_of_this_shell_come_by_a_file_and_never_stand_in_the_unit(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    monkeypatch.setenv(PASSWORD, "hunter two")
    unit, said = install(capsys, *BEYOND, *BROKER)
    assert f"\nEnvironmentFile={FILE}\nExecStart=" in unit
    assert f"{TOKEN} and {PASSWORD} are not in the unit, which anybody may read" in said
    command = Environment((TOKEN, PASSWORD)).command
    assert said.endswith(f"{command}\n")
    assert f"#   {command}\n" in unit
    assert SECRET not in unit + said
    assert "hunter" not in unit + said


@pytest.mark.parametrize(
    ("flags", "name"),
    [(BEYOND, TOKEN), (["--serve", "8080"], TOKEN), (BROKER, PASSWORD)],
)
def test_one_that_is_set_is_read(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, flags: list[str], name: str
) -> None:
    monkeypatch.setenv(name, SECRET)
    unit, said = install(capsys, *flags)
    assert f"EnvironmentFile={FILE}\n" in unit
    assert said.startswith(f"{name} is not in the unit")
    assert len(said.splitlines()) == 1


def test_one_that_the_run_does_not_use_is_left_out(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    monkeypatch.setenv(PASSWORD, SECRET)
    file = tmp_path / "password"
    file.write_text("hunter two\n")
    for flags in ([], ["--mqtt", "broker"], [*BROKER, "--mqtt-password-file", str(file)]):
        unit, said = install(capsys, *flags)
        assert "EnvironmentFile" not in unit
        assert said == ""


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (BEYOND, f"{TOKEN} is not set, so the service makes a new token at each start"),
        (["--serve", "8080", "--serve-origin", "https://shop.example"], f"{TOKEN} is not set"),
        (BROKER, f"{PASSWORD} is not set, so the service gives the broker no password for --mqtt-user edge"),
    ],
)
def test_one_that_will_be_missed_is_said(capsys: pytest.CaptureFixture, flags: list[str], expected: str) -> None:
    unit, said = install(capsys, *flags)
    assert "EnvironmentFile" not in unit
    assert said.startswith(expected)
    assert "print the unit again" in said
    assert len(said.splitlines()) == 1


def test_where_none_is_needed_nothing_is_said(capsys: pytest.CaptureFixture) -> None:
    assert install(capsys, "--serve", "8080", "--serve-origin", "http://localhost:3000")[1] == ""


def test_a_token_with_which_no_run_would_start_gives_no_unit(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "short")
    assert main(["--camera", "0", *BEYOND, "--install-service"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{TOKEN} has 5 characters, 16 is the least" in captured.err


def test_the_command_writes_them_for_one_reader_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    monkeypatch.setenv(PASSWORD, "hunter two")
    file = tmp_path / "fashion-edge.env"
    file.touch(0o644)  # of an earlier time, when anybody could read it
    command = Environment((TOKEN, PASSWORD)).command.replace("sudo ", "").replace(FILE, str(file))
    subprocess.run(["sh", "-c", command], check=True)
    assert file.stat().st_mode & 0o777 == 0o600
    for name, value in ((TOKEN, SECRET), (PASSWORD, "hunter two")):  # a shell unquotes as systemd does
        argv = ["sh", "-c", f'. {file}; printf %s "${name}"']
        assert subprocess.run(argv, capture_output=True, text=True, check=True, env={}).stdout == value
    assert len(file.read_text().splitlines()) == 2


def test_the_guide_shows_the_same_command() -> None:
    guide = Path(__file__).parents[2] / "docs" / "how-to" / "service.md"
    assert f"    {Environment((TOKEN,)).command}\n" in guide.read_text(encoding="utf-8")


def test_the_device_profile_is_looked_for_where_it_is_now(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = {"XDG_CONFIG_HOME": str(tmp_path / '100% "mine"')}
    assert read_environment(Request(), config).directives() == ""
    file = default_profile(config)
    file.parent.mkdir(parents=True)
    file.touch()
    line = f'Environment="XDG_CONFIG_HOME={tmp_path}/100%% \\"mine\\""\n'
    assert read_environment(Request(), config).directives() == line
    assert read_environment(Request(profile=file), config).directives() == ""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault_in_such_a_unit(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(TOKEN, SECRET)
    default_profile().parent.mkdir(parents=True)
    main(["--source", "demo", *BEYOND, "--precision", "int8", "--install-service"])
    file = tmp_path / "fashion-edge.service"
    file.write_text(capsys.readouterr().out)
    argv = ["systemd-analyze", "verify", str(file)]
    assert "fashion-edge.service" not in subprocess.run(argv, capture_output=True, text=True, check=False).stderr
