import json
from pathlib import Path

import pytest

from fashion_edge.doctor import Finding, Machine, command, main, models
from fashion_edge.doctor.command import examine
from fashion_edge.doctor.installation import check_opencv, check_runtimes
from fashion_edge.doctor.isolated import Outcome
from fashion_edge.doctor.machine import number
from fashion_edge.doctor.models import check_bundle, check_colours


def having(**versions: str) -> Machine:
    """A machine with just these distributions."""
    there = {name.replace("_", "-"): version for name, version in versions.items()}
    return Machine(installed=there.get, load=lambda name: None, attempt=lambda *job: Outcome("done"))


def test_the_shipped_bundle_is_checked_variant_by_variant() -> None:
    findings = list(check_bundle(Machine()))
    assert len(findings) >= 3
    assert all(finding.state in ("ok", "note") for finding in findings), findings


def test_colours_are_checked_through_every_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.state for finding in check_colours(Machine())] == ["ok"]
    from fashion_edge.sources import files

    real = files.read_image
    monkeypatch.setattr(files, "read_image", lambda path: real(path)[:, :, ::-1])
    (finding,) = check_colours(Machine())
    assert finding.state == "bad"
    assert "png: other colours; jpg: other colours" in finding.text


@pytest.mark.parametrize(
    ("there", "mend"),
    [
        (
            {"opencv_python": "4.11.0.86"},
            "pip install --force-reinstall --no-deps opencv-python==4.11.0.86 pillow",
        ),
        ({}, "pip install --force-reinstall --no-deps 'opencv-python-headless<4.12' pillow"),
        (
            {"opencv_python": "4.12", "opencv_python_headless": "4.12"},
            "pip uninstall -y opencv-python opencv-python-headless && pip install 'fashion-edge[headless]'",
        ),
    ],
)
def test_decoders_are_installed_again_as_the_numpy_that_is_there_needs_them(
    there: dict[str, str], mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_through", lambda cv2, card, path: card[:, :, ::-1])
    (finding,) = check_colours(having(**there))
    assert finding.mend == mend


def test_two_opencv_builds_at_once_are_bad_and_the_command_removes_both() -> None:
    (finding,) = check_opencv(having(opencv_python="4.12", opencv_python_headless="4.12"))
    assert finding.state == "bad"
    assert finding.text == "opencv-python 4.12 and opencv-python-headless 4.12 overwrite each other's files"
    assert finding.mend.startswith("pip uninstall -y opencv-python opencv-python-headless && pip install")


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"ai_edge_litert": "2.3", "onnxruntime": "1.32.0"}, ["ok", "ok"]),
        ({"tflite_runtime": "2.14"}, ["note", "note"]),
        ({}, ["bad", "note"]),
    ],
)
def test_runtimes(there: dict[str, str], expected: list[str]) -> None:
    assert [finding.state for finding in check_runtimes(having(**there))] == expected


def test_the_exit_status_says_whether_something_is_bad(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    bad = Finding("camera", "bad", "it may not be opened", "sudo usermod -aG video $USER")
    monkeypatch.setattr(command, "all_checks", lambda: (lambda machine: iter([bad]),))
    assert main([]) == 1
    assert "mend: sudo usermod -aG video $USER" in capsys.readouterr().out
    assert main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["mend"] == "sudo usermod -aG video $USER"
    monkeypatch.setattr(command, "all_checks", lambda: (lambda machine: iter([Finding("python", "ok", "fine")]),))
    assert main([]) == 0


def test_a_check_that_fails_is_a_finding_and_the_rest_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def check_broken(machine: Machine) -> None:
        raise RuntimeError("no\nbus")

    monkeypatch.setattr(
        command, "all_checks", lambda: (check_broken, lambda machine: iter([Finding("python", "ok", "fine")]))
    )
    assert main([]) == 1
    out = capsys.readouterr().out
    assert "check_broken failed: RuntimeError: no bus" in out
    assert "ok    python       fine" in out


def test_the_programs_of_an_environment_that_is_not_activated_are_told_by_their_paths(tmp_path: Path) -> None:
    venv = tmp_path / "my venv"
    (venv / "bin").mkdir(parents=True)
    for program in ("pip", "fashion-edge"):
        (venv / "bin" / program).touch()
    mend = "pip uninstall -y opencv-python && pip install 'fashion-edge[headless]'"
    finding = Finding("opencv", "bad", "two", mend)

    def told(which: str) -> str | None:
        return examine(Machine(venv=venv, which=lambda program: which), [lambda machine: iter([finding])])[0].mend

    pip = f"'{venv}/bin/pip'"
    assert told("/usr/bin/pip") == f"{pip} uninstall -y opencv-python && {pip} install 'fashion-edge[headless]'"
    assert told(f"{venv}/bin/pip") == mend
    machine = Machine(venv=venv, which=lambda program: None)
    assert machine.spell_out("fashion-edge --source picamera") == f"'{venv}/bin/fashion-edge' --source picamera"
    assert machine.spell_out("sudo apt install -y python3-pip") == "sudo apt install -y python3-pip"


def test_a_damaged_bundle_is_exported_again_and_the_shipped_one_installed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*job: str) -> Outcome:
        return Outcome("refused", "model.int8.tflite is missing")

    mends = {finding.mend for finding in check_bundle(Machine(attempt=refuse))}
    assert mends == {"pip install --force-reinstall --no-deps .  # in the folder of the clone or release"}
    own = tmp_path / "bundles" / "my own"
    own.mkdir(parents=True)
    (own / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    (finding,) = check_bundle(Machine())
    assert (finding.state, finding.mend) == ("bad", "fashion-export --out 'bundles/my own' --overwrite")
    (own / "manifest.json").write_text('{"schema": 99}')
    (finding,) = check_bundle(Machine())
    assert finding.mend == "git pull && pip install --upgrade .  # in the folder of the clone"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.32.0rc1", (1, 32, 0)), ("2.4", (2, 4)), ("4.12.0.88", (4, 12, 0)), ("1.30.0+cu12", (1, 30, 0))],
)
def test_versions_compare_as_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert number(text) == expected
