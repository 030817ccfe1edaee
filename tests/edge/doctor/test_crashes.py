"""The whole command beside a runtime that kills: stand-ins on PYTHONPATH, with a version of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fashion_edge.bundle import load_bundle
from fashion_edge.defaults import SHIPPED_BUNDLE

KILL = "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n"
DEADLY_SESSION = """
import os, signal
__version__ = "99.1"
class SessionOptions:
    def add_session_config_entry(self, *entry): pass
class InferenceSession:
    def __init__(self, *given, **named): os.kill(os.getpid(), signal.SIGSEGV)
"""
DEADLY_INTERPRETER = """
import os
class Interpreter:
    def __init__(self, **given): os.abort()
"""
HARMLESS = "__version__ = '99.1'\n"
ILL, SEGV, ABORT = "SIGILL (illegal instruction)", "SIGSEGV (segmentation fault)", "SIGABRT (aborted)"
TFLITE = [v.file for v in load_bundle(SHIPPED_BUNDLE).manifest.variants if v.runtime == "litert"]
Doctor = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Run `fashion-doctor` where a distribution is replaced by files."""

    def run(package: str, files: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        about = f"Metadata-Version: 2.1\nName: {package}\nVersion: 99.1\n"
        for name, text in {**files, f"{package.replace('-', '_')}-99.1.dist-info/METADATA": about}.items():
            path = tmp_path / "standins" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "here").mkdir()  # where no bundle lies, so that the shipped one is looked at
        code = "import sys; from fashion_edge.doctor import main; sys.exit(main())"
        path = os.pathsep.join((str(Path(sys.prefix, "bin")), os.environ["PATH"]))  # an environment that is activated
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(tmp_path / "standins")}
        argv = [sys.executable, "-P", "-c", code, *arguments]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, cwd=tmp_path / "here", env=env, timeout=100
        )

    return run


@pytest.mark.parametrize(
    ("package", "files", "said"),
    [
        (
            "onnxruntime",
            {"onnxruntime/__init__.py": KILL},
            [
                f"onnxruntime 99.1 is killed by {ILL} when it is imported",
                f"model.onnx: onnxruntime 99.1 is killed by {ILL} in its self-check",
            ],
        ),
        (
            "onnxruntime",
            {"onnxruntime/__init__.py": DEADLY_SESSION},
            [f"model.onnx: onnxruntime 99.1 is killed by {SEGV} in its self-check"],
        ),
        (
            "ai-edge-litert",
            {"ai_edge_litert/__init__.py": HARMLESS, "ai_edge_litert/interpreter.py": KILL},
            [
                f"ai-edge-litert 99.1 is killed by {ILL} when it is imported",
                *[f"{file}: ai-edge-litert 99.1 is killed by {ILL} in its self-check" for file in TFLITE],
            ],
        ),
        (
            "ai-edge-litert",
            {"ai_edge_litert/__init__.py": HARMLESS, "ai_edge_litert/interpreter.py": DEADLY_INTERPRETER},
            [f"{file}: ai-edge-litert 99.1 is killed by {ABORT} in its self-check" for file in TFLITE],
        ),
    ],
)
def test_a_runtime_that_kills_is_a_finding_and_every_other_check_is_shown(
    doctor: Doctor, package: str, files: dict[str, str], said: list[str]
) -> None:
    done = doctor(package, files, "--json")
    assert done.returncode == 1, done.stderr
    findings = json.loads(done.stdout)
    dead = [finding for finding in findings if "is killed by" in finding["text"]]
    assert [finding["text"].partition(": install another version, or use fashion-edge")[0] for finding in dead] == said
    assert {(finding["state"], finding["mend"]) for finding in dead} == {("bad", f"pip install '{package}!=99.1'")}
    everywhere = {"python", "numpy", "runtime", "onnxruntime", "opencv", "window", "bundle", "colours"}
    assert everywhere <= {finding["subject"] for finding in findings}
    variants = load_bundle(SHIPPED_BUNDLE).manifest.variants
    assert sum(finding["subject"] == "bundle" for finding in findings) == len(variants)
    assert not any(finding["subject"] == "doctor" for finding in findings)


def test_an_opencv_that_kills_is_a_finding_and_blames_no_runtime(doctor: Doctor) -> None:
    done = doctor("opencv-python-headless", {"cv2/__init__.py": KILL}, "--json")
    assert done.returncode == 1, done.stderr
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert found["opencv"]["text"] == f"OpenCV cannot be imported (it is killed by {ILL})"
    assert found["bundle"]["text"] == "the golden frames were not replayed: that takes OpenCV"
    assert found["runtime"]["state"] == "ok"
    assert "doctor" not in found


def test_a_person_reads_it_too_and_no_core_file_is_left(doctor: Doctor, tmp_path: Path) -> None:
    done = doctor("onnxruntime", {"onnxruntime/__init__.py": KILL})
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("BAD   onnxruntime ")]
    assert f"is killed by {ILL} when it is imported: install another version" in lines[at]
    assert lines[at + 1].strip() == "mend: pip install 'onnxruntime!=99.1'"
    assert lines[-1].startswith("ok    colours"), "the last check"
    assert not done.stderr
    assert not [*(tmp_path / "here").iterdir()]
