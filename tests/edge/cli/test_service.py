import configparser
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fashion_edge.cli import main
from fashion_edge.cli.service import Environment, make_unit
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Tick
from fashion_edge.sinks.monitors import Notifier, NotifySink


def read_unit(text: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",))
    unit.optionxform = str
    unit.read_string(text)
    return unit


def test_the_unit_runs_this_very_command_line(capsys: pytest.CaptureFixture) -> None:
    assert (
        main(["--camera", "0", "--roi", "0.1,0,0.8,1", "--max-age-ms", "150", "--every-frame", "--install-service"])
        == 0
    )
    service = read_unit(capsys.readouterr().out)["Service"]
    program, *args = shlex.split(service["ExecStart"])
    assert Path(program).is_absolute()
    assert set(args) == {
        "--camera",
        "0",
        "--roi",
        "0.1,0,0.8,1",
        "--max-age-ms",
        "150.0",
        "--every-frame",
        "--headless",
    }
    assert service["Type"] == "notify"
    assert service["WatchdogSec"] == "30"
    assert service["WorkingDirectory"] == str(Path.cwd())


def test_a_service_goes_on_with_the_files_of_its_last_start(capsys: pytest.CaptureFixture) -> None:
    assert main(["--camera", "0", "--jsonl", "labels.jsonl", "--install-service"]) == 0
    _, *args = shlex.split(read_unit(capsys.readouterr().out)["Service"]["ExecStart"])
    assert args == ["--camera", "0", "--jsonl", "labels.jsonl", "--headless", "--append"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--roi", "foo"], "--roi 'foo' is not"),
        (["--serve", "abc"], "--serve 'abc' is not PORT"),
        (["--bundle", "nope"], "nope is not a bundle folder"),
        (["--mqtt", "b", "--mqtt-user", "me", "--mqtt-password-file", "nofile"], "nofile cannot be read"),
        (["--record", "day.mp4"], "--record day.mp4 would be there already when the service starts again"),
        (["--jsonl", "x", "--overwrite"], "--overwrite would empty the files"),
        (["--serve", "1", "--serve-origin", "shop"], "--serve-origin 'shop' is not scheme"),
        (["--profile", "nofile"], "profile nofile cannot be read"),
        (["--colour-card", "--camera", "0"], "--colour-card runs alone, --install-service would do nothing"),
        (["--source", "picamera", "--awb", "bogus"], "bogus"),
        (["--camera", "0", "--awb", "lock"], "--awb lock is for --source picamera"),
        (["--source", "clip.mp4", "--size", "640x480"], "--size and --fps are for cameras"),
        (["--source", "nix.mp4"], "source nix.mp4 does not exist"),
        (["--source", "replay:nix"], "nix is not a recording"),
        (["--camera", "0", "--jsonl", "/proc/nothing/x.jsonl"], "cannot be written"),
        (["--camera", "0", "--jsonl", "a.jsonl", "--events", "a.jsonl"], "both name a.jsonl"),
        (["--mqtt", "b", "--mqtt-name", "hall\nUser=root"], r"'hall\nUser=root' contains a line break"),
    ],
)
def test_a_unit_that_could_never_run_is_not_printed(capsys: pytest.CaptureFixture, flags: list[str], said: str) -> None:
    camera = [] if {"--source", "--camera"}.intersection(flags) else ["--camera", "0"]
    assert main([*camera, *flags, "--install-service"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err


def test_a_flag_that_may_be_repeated_is_repeated_in_the_unit(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASHION_EDGE_TOKEN", "correct-horse-battery")
    origins = ["--serve-origin", "https://a.example", "--serve-origin", "https://b.example"]
    assert main(["--camera", "0", "--serve", "8080", *origins, "--install-service"]) == 0
    _, *args = shlex.split(read_unit(capsys.readouterr().out)["Service"]["ExecStart"])
    assert args == ["--camera", "0", "--serve", "8080", *origins, "--headless"]


def test_what_systemd_would_expand_is_escaped() -> None:
    text = make_unit(["--source", "rtsp://cam/100%25", "--save", "my $HOME/st ills", "--headless"], user="pi")
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert line.endswith('--source "rtsp://cam/100%%25" --save "my $$HOME/st ills" --headless')
    assert read_unit(text)["Service"]["User"] == "pi"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"folder": Path("/srv/x\nUser=root")}, "the folder '/srv/x"),
        ({"user": "pi\nExecStartPre=/bin/true"}, "the user 'pi"),
        ({"environment": Environment(settings=(("XDG_CONFIG_HOME", "/c\rUser=root"),))}, "XDG_CONFIG_HOME '/c"),
        ({"args": ["--mqtt-name", "hall\nUser=root"]}, "the argument 'hall"),
    ],
)
def test_nothing_writes_a_line_of_its_own_into_the_unit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=f"^{said}.*holds a line break or another control character"):
        make_unit(**{"args": ["--camera", "0"], **given})


@pytest.mark.parametrize("name", ["cam\\", "cam "])
def test_a_folder_that_systemd_would_read_otherwise_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="ends with a blank or a backslash"):
        make_unit(["--camera", "0"], Path("/srv") / name)


@pytest.mark.parametrize("folder", ["Anna's", 'a "b"', "a\\b", "$a"])
def test_a_program_that_systemd_would_not_start_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    program = tmp_path / folder / "fashion-edge"
    program.parent.mkdir()
    program.touch()
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    with pytest.raises(UsageError, match="is no path that systemd starts a program from"):
        make_unit(["--camera", "0"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    def complaints(text: str) -> bool:
        file = tmp_path / "fashion-edge.service"
        file.write_text(text)
        argv = ["systemd-analyze", "verify", str(file)]
        return "fashion-edge.service" in subprocess.run(argv, capture_output=True, text=True, check=False).stderr

    unit = make_unit(["--source", "my clips/100%.mp4", "--jsonl", "out.jsonl"], user="root")
    assert not complaints(unit)
    assert complaints(unit.replace("WatchdogSec=30", "WatchdogSec=often"))


def test_what_the_service_would_be_refused_at_its_start_is_refused_now(
    capsys: pytest.CaptureFixture, photo_folder: Path
) -> None:
    assert main(["--source", str(photo_folder), "--smooth", "0.3", "--install-service"]) == 2
    assert "--smooth 0.3 is for frames that follow each other" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["7", "/dev/video97", "picamera:1", "rtsp://door.example/1", "demo"])
def test_a_camera_or_a_stream_may_come_later_than_its_service(source: str) -> None:
    assert main(["--source", source, "--install-service"]) == 0


def test_a_service_is_not_installed_from_a_folder_that_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert main(["--camera", "0", "--install-service"]) == 2
    assert "the folder that you are in was removed" in capsys.readouterr().err


def test_a_user_without_a_name_is_written_as_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert f"User={os.getuid()}\n" in make_unit(["--camera", "0"])


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The other end of the socket, as systemd holds it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.settimeout(60)
    yield listener
    listener.close()


def heard(manager: socket.socket) -> list[str]:
    manager.settimeout(0.05)
    lines = []
    try:
        while True:
            lines += manager.recv(4096).decode().splitlines()
    except TimeoutError:
        return lines


def test_ready_watchdog_and_stopping_reach_the_manager(manager: socket.socket) -> None:
    env = {**os.environ, "NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "300000"}
    code = "import sys; from fashion_edge.cli import main; sys.exit(main(['--source', 'demo', '--headless']))"
    child = subprocess.Popen([sys.executable, "-c", code], env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    lines: list[str] = []
    while lines.count("WATCHDOG=1") < 3 or not any("frames labelled" in line for line in lines):
        lines += manager.recv(4096).decode().splitlines()
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 0, child.stderr.read()
    child.stderr.close()
    lines += heard(manager)
    assert lines.count("READY=1") == 1
    assert next(line for line in lines if "frames labelled" in line).startswith("STATUS=")
    assert lines[-1] == "STOPPING=1"


def test_a_lost_camera_is_told_and_the_watchdog_goes_on(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000000"})
    now = [0.0]
    sink = NotifySink(notifier, clock=lambda: now[0])
    sink.event(Event("camera:0", "lost", 0.0, "gives no\nframes"))
    for _ in range(600):  # a minute of ticks
        now[0] += 0.1
        sink.tick(Tick(now[0]))
    sink.close()
    lines = heard(manager)
    assert "STATUS=camera:0 lost: gives no frames" in lines
    assert 6 <= lines.count("WATCHDOG=1") <= 7


def test_an_abstract_socket_is_reached() -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind("\0fashion-edge-test")
    notifier = Notifier({"NOTIFY_SOCKET": "@fashion-edge-test"})
    notifier.send(READY=1)
    assert listener.recv(100) == b"READY=1"
    notifier.close()
    listener.close()


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "relative"}, {"NOTIFY_SOCKET": "/gone/away"}])
def test_without_a_manager_nothing_happens(environ: dict[str, str]) -> None:
    notifier = Notifier(environ)
    notifier.send(READY=1)
    assert notifier.watchdog_s is None
    notifier.close()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "often"}, None),
    ],
)
def test_the_interval_is_ours_only_if_it_is_meant_for_us(environ: dict[str, str], expected: float | None) -> None:
    assert Notifier(environ).watchdog_s == expected


def test_a_password_in_the_address_of_a_stream_is_said_to_stand_in_the_unit(capsys: pytest.CaptureFixture) -> None:
    assert main(["--source", "rtsp://user:se/cr@et@camera/x", "--install-service"]) == 0
    assert "the unit holds the password of --source" in capsys.readouterr().err
    assert main(["--source", "rtsp://camera/x", "--install-service"]) == 0
    assert "password" not in capsys.readouterr().err
