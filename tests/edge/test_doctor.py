import json

import pytest

from fashion_edge import doctor
from fashion_edge.doctor import Finding, check_bundle, check_opencv, check_runtimes, main


def states(findings: object) -> list[str]:
    return [finding.state for finding in findings]


def test_the_shipped_bundle_is_checked_variant_by_variant() -> None:
    findings = list(check_bundle())
    assert len(findings) >= 3
    assert all(finding.state in ("ok", "note") for finding in findings), findings


def test_two_opencv_builds_at_once_are_bad_and_the_command_removes_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor, "installed", lambda name: "4.12" if name in ("opencv-python", "opencv-python-headless") else None
    )
    (finding,) = check_opencv()
    assert finding.state == "bad"
    assert finding.text == "opencv-python 4.12 and opencv-python-headless 4.12 overwrite each other's files"
    assert finding.mend.startswith("pip uninstall -y opencv-python opencv-python-headless")


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"ai-edge-litert", "onnxruntime"}, ["ok", "ok"]),
        ({"tflite-runtime"}, ["note", "note"]),
        (set(), ["bad", "note"]),
    ],
)
def test_runtimes(monkeypatch: pytest.MonkeyPatch, there: set[str], expected: list[str]) -> None:
    monkeypatch.setattr(doctor, "installed", lambda name: "1.0" if name in there else None)
    assert states(check_runtimes()) == expected


def test_the_exit_status_says_whether_something_is_bad(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    bad = Finding("camera", "bad", "it may not be opened", "sudo usermod -aG video $USER")
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([bad]),))
    assert main([]) == 1
    assert "mend: sudo usermod -aG video $USER" in capsys.readouterr().out
    assert main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["mend"] == "sudo usermod -aG video $USER"
    monkeypatch.setattr(doctor, "CHECKS", (lambda: iter([Finding("python", "ok", "fine")]),))
    assert main([]) == 0
