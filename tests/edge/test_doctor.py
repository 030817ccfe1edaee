import json

import pytest

from fashion_edge.doctor import Finding, Machine, checks, main
from fashion_edge.doctor.aside import Outcome
from fashion_edge.doctor.machine import number
from fashion_edge.doctor.models import check_bundle, check_colours
from fashion_edge.doctor.opencv import check_opencv
from fashion_edge.doctor.runtimes import check_runtimes


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
    from fashion_edge.sources import stills

    real = stills.read_image
    monkeypatch.setattr(stills, "read_image", lambda path: real(path)[:, :, ::-1])
    (finding,) = check_colours(Machine())
    assert finding.state == "bad"
    assert "png: other colours; jpg: other colours" in finding.text


def test_two_opencv_builds_at_once_are_bad_and_the_command_removes_both() -> None:
    (finding,) = check_opencv(having(opencv_python="4.12", opencv_python_headless="4.12"))
    assert finding.state == "bad"
    assert finding.text == "opencv-python 4.12 and opencv-python-headless 4.12 overwrite each other's files"
    assert finding.mend.startswith("pip uninstall -y opencv-python opencv-python-headless")


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
    monkeypatch.setattr(checks, "CHECKS", (lambda machine: iter([bad]),))
    assert main([]) == 1
    assert "mend: sudo usermod -aG video $USER" in capsys.readouterr().out
    assert main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["mend"] == "sudo usermod -aG video $USER"
    monkeypatch.setattr(checks, "CHECKS", (lambda machine: iter([Finding("python", "ok", "fine")]),))
    assert main([]) == 0


def test_a_check_that_fails_is_a_finding_and_the_rest_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def check_broken(machine: Machine) -> None:
        raise RuntimeError("no\nbus")

    monkeypatch.setattr(checks, "CHECKS", (check_broken, lambda machine: iter([Finding("python", "ok", "fine")])))
    assert main([]) == 1
    out = capsys.readouterr().out
    assert "check_broken failed: RuntimeError: no bus" in out
    assert "ok    python       fine" in out


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.32.0rc1", (1, 32, 0)), ("2.4", (2, 4)), ("4.12.0.88", (4, 12, 0)), ("1.30.0+cu12", (1, 30, 0))],
)
def test_versions_compare_as_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert number(text) == expected
