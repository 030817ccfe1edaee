import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from fashion_edge.cli.service import SECRETS_FILE, make_unit, secrets_command
from fashion_edge.errors import UsageError

TOKEN, PASSWORD = "FASHION_EDGE_TOKEN", "FASHION_EDGE_MQTT_PASSWORD"
SECRET = r"""  it's "$HOME" \`id\` 100% \n #x\\ """
PUBLIC = ["--serve", "0.0.0.0:8080"]
BROKER = ["--mqtt", "broker", "--mqtt-user", "edge"]
ORIGINS = ["--serve-origin", "https://a.example", "--serve-origin", "https://b.example"]


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch):
    for name in (TOKEN, PASSWORD, "FASHION_EDGE_SOURCE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def install(run_edge):
    def run(*flags):
        return run_edge(*([] if "--source" in flags else ["--camera", "0"]), *flags, "--install-service")

    return run


def read_service(unit: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",))
    parser.optionxform = str
    parser.read_string(unit)
    return parser["Service"]


@pytest.mark.parametrize(
    ("flags", "added"),
    [
        (["--roi", "0.1,0,0.8,1", "--max-age-ms", "150.0", "--every-frame"], []),
        (["--jsonl", "labels.jsonl"], ["--append"]),
        (["--serve", "8080", *ORIGINS], []),
    ],
)
def test_the_unit_runs_the_same_command_line(install, monkeypatch, flags, added):
    monkeypatch.setenv(TOKEN, "correct-horse-battery")
    service = read_service(install(*flags).out)
    program, *args = shlex.split(service["ExecStart"])
    assert Path(program).is_absolute()
    assert sorted(args) == sorted(["--camera", "0", "--headless", *flags, *added])
    assert (service["Type"], service["WatchdogSec"]) == ("notify", "30")
    assert service["WorkingDirectory"] == str(Path.cwd())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("--roi foo", "--roi 'foo' is not"),
        ("--serve abc", "--serve 'abc' is not PORT"),
        ("--serve 1 --serve-origin shop", "--serve-origin 'shop' is not scheme"),
        ("--bundle nope", "nope is not a bundle folder"),
        ("--profile nofile", "profile nofile cannot be read"),
        ("--mqtt b --mqtt-user me --mqtt-password-file nofile", "nofile cannot be read"),
        ("--mqtt b --mqtt-name 'hall\nUser=root'", r"'hall\nUser=root' contains a line break"),
        ("--record day.mp4", "--record day.mp4 would exist already when the service restarts"),
        ("--record-raw raw", "--record-raw raw would exist already when the service restarts"),
        ("--jsonl x --overwrite", "--overwrite would empty the files"),
        ("--jsonl a.jsonl --events a.jsonl", "both name a.jsonl"),
        ("--jsonl /proc/nothing/x.jsonl", "cannot be written"),
        ("--colour-card", "--colour-card runs alone, --install-service would do nothing"),
        ("--source picamera --awb bogus", "bogus"),
        ("--awb lock", "--awb lock is for --source picamera"),
        ("--source clip.mp4 --size 640x480", "--size and --fps are for cameras"),
        ("--source nix.mp4", "source nix.mp4 does not exist"),
        ("--source replay:nix", "nix is not a recording"),
        ("--source photos --smooth 0.3", "--smooth 0.3 is for frames that follow each other"),
    ],
)
def test_a_command_line_that_fails_as_a_service_is_refused(install, photo_folder, monkeypatch, command, said):
    monkeypatch.chdir(photo_folder.parent)
    status, out, err = install(*shlex.split(command))
    assert (status, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("source", ["7", "/dev/video97", "picamera:1", "rtsp://door.example/1", "demo"])
def test_a_camera_or_a_stream_may_be_absent_now(install, source):
    assert install("--source", source).status == 0


def test_what_systemd_would_expand_is_escaped():
    unit = make_unit(["--source", "rtsp://cam/100%25", "--save", "my $HOME/st ills", "--headless"], user="pi")
    service = read_service(unit)
    assert service["ExecStart"].endswith('--source "rtsp://cam/100%%25" --save "my $$HOME/st ills" --headless')
    assert service["User"] == "pi"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"folder": Path("/srv/x\nUser=root")}, "the folder '/srv/x"),
        ({"user": "pi\nExecStartPre=/bin/true"}, "the user 'pi"),
        ({"args": ["--mqtt-name", "hall\rUser=root"]}, "the argument 'hall"),
    ],
)
def test_control_characters_are_refused(given, said):
    with pytest.raises(UsageError, match=f"^{said}.*contains a control character"):
        make_unit(**{"args": ["--camera", "0"], **given})


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_unit(tmp_path):
    def has_complaints(text):
        file = tmp_path / "fashion-edge.service"
        file.write_text(text)
        argv = ["systemd-analyze", "verify", str(file)]
        return "fashion-edge.service" in subprocess.run(argv, capture_output=True, text=True, check=False).stderr

    unit = make_unit(["--source", "my clips/100%.mp4", "--jsonl", "out.jsonl"], user="root", secrets=[TOKEN])
    assert not has_complaints(unit)
    assert has_complaints(unit.replace("WatchdogSec=30", "WatchdogSec=often"))


@pytest.fixture
def secrets(monkeypatch):
    monkeypatch.setenv(TOKEN, SECRET)
    monkeypatch.setenv(PASSWORD, "hunter two")


def test_secrets_are_read_from_a_file_and_are_not_in_the_unit(install, secrets):
    _, unit, said = install(*PUBLIC, *BROKER)
    command = secrets_command((TOKEN, PASSWORD))
    assert f"\nEnvironmentFile={SECRETS_FILE}\nExecStart=" in unit
    assert f"#   {command}\n" in unit
    assert f"{TOKEN} and {PASSWORD} are not in the unit, which every user can read" in said
    assert said.endswith(f"{command}\n")
    assert not {SECRET, "hunter"}.intersection(unit + said)


@pytest.mark.parametrize(("flags", "name"), [(PUBLIC, TOKEN), (["--serve", "8080"], TOKEN), (BROKER, PASSWORD)])
def test_only_the_secrets_that_the_run_uses_are_read(install, secrets, flags, name):
    _, unit, said = install(*flags)
    assert f"EnvironmentFile={SECRETS_FILE}\n" in unit
    assert said.startswith(f"{name} is not in the unit")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("flags", [[], ["--mqtt", "broker"], [*BROKER, "--mqtt-password-file", "password"]])
def test_a_run_that_uses_no_secret_reads_none(install, secrets, monkeypatch, tmp_path, flags):
    monkeypatch.chdir(tmp_path)
    Path("password").write_text("hunter two\n")
    _, unit, said = install(*flags)
    assert "EnvironmentFile" not in unit
    assert said == ""


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (PUBLIC, f"{TOKEN} is not set, so the service makes a new token at each start"),
        (["--serve", "8080", "--serve-origin", "https://shop.example"], f"{TOKEN} is not set"),
        (BROKER, f"{PASSWORD} is not set, so the service gives the broker no password for --mqtt-user edge"),
        (["--source", "rtsp://user:se/cr@et@camera/x"], "--source rtsp://***@camera/x may contain a password, which"),
        (["--source", "http://camera/x?pw=secret"], "--source http://camera/x?pw=*** may contain a password, which"),
        (["--source", "rtsp://camera/x"], ""),
        (["--serve", "8080", "--serve-origin", "http://localhost:3000"], ""),
    ],
)
def test_a_missing_or_visible_secret_is_reported(install, flags, expected):
    _, unit, said = install(*flags)
    assert "EnvironmentFile" not in unit
    assert said.startswith(expected)
    assert len(said.splitlines()) == bool(expected)


def test_an_address_in_the_environment_is_not_in_the_unit(run_edge, monkeypatch):
    monkeypatch.setenv("FASHION_EDGE_SOURCE", "rtsp://user:hunter2@camera/x")
    status, unit, said = run_edge("--install-service")
    assert status == 0
    assert f"EnvironmentFile={SECRETS_FILE}\n" in unit
    assert "hunter2" not in unit + said
    assert "--source" not in read_service(unit)["ExecStart"]
    assert said.startswith("FASHION_EDGE_SOURCE is not in the unit, which every user can read; before it starts write")
    assert "EnvironmentFile" not in run_edge("--camera", "0", "--install-service").out


def test_a_token_that_is_too_short_is_refused(install, monkeypatch):
    monkeypatch.setenv(TOKEN, "short")
    status, out, err = install(*PUBLIC)
    assert (status, out) == (2, "")
    assert f"{TOKEN} has 5 characters, 16 is the minimum" in err


def test_the_command_writes_the_secrets_unchanged_and_readable_by_one_user(secrets, tmp_path):
    file = tmp_path / "fashion-edge.env"
    file.touch(0o644)  # of an earlier installation, readable by every user
    command = secrets_command((TOKEN, PASSWORD)).replace("sudo ", "").replace(SECRETS_FILE, str(file))
    subprocess.run(["sh", "-c", command], check=True)
    assert file.stat().st_mode & 0o777 == 0o600
    for name, value in ((TOKEN, SECRET), (PASSWORD, "hunter two")):  # a shell unquotes as systemd does
        argv = ["sh", "-c", f'. {file}; printf %s "${name}"']
        assert subprocess.run(argv, capture_output=True, text=True, check=True, env={}).stdout == value
    assert len(file.read_text().splitlines()) == 2


def test_the_guide_shows_the_same_command():
    docs = Path(__file__).parents[3] / "docs"
    command = secrets_command((TOKEN,))
    assert any(command in page.read_text(encoding="utf-8") for page in docs.rglob("*.md"))
