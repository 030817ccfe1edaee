"""The command, also with runtimes that crash: stand-ins on PYTHONPATH, with a version of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fashion_edge.bundle import load_bundle
from fashion_edge.defaults import SHIPPED_BUNDLE
from fashion_edge.doctor import Finding, Machine, command, main
from fashion_edge.doctor.command import examine

KILL = "import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n"
CRASHING_SESSION = """
import os, signal
__version__ = "99.1"
class SessionOptions:
    def add_session_config_entry(self, *entry): pass
class InferenceSession:
    def __init__(self, *args, **kwargs): os.kill(os.getpid(), signal.SIGSEGV)
"""
CRASHING_INTERPRETER = """
import os
class Interpreter:
    def __init__(self, **kwargs): os.abort()
"""
LITERT, INTERPRETER = "ai_edge_litert/__init__.py", "ai_edge_litert/interpreter.py"
HARMLESS = "__version__ = '99.1'\n"
ILL, SEGV, ABORT = "SIGILL (illegal instruction)", "SIGSEGV (segmentation fault)", "SIGABRT (aborted)"
VARIANTS = load_bundle(SHIPPED_BUNDLE).manifest.variants


@pytest.fixture
def doctor(tmp_path):
    """Run `fashion-doctor` where a distribution is replaced by files."""

    def run(package, files, *arguments):
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 99.1\n"
        for name, text in {**files, f"{package.replace('-', '_')}-99.1.dist-info/METADATA": metadata}.items():
            path = tmp_path / "standins" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "here").mkdir()  # without bundles: the shipped one is checked
        code = "import sys; from fashion_edge.doctor import main; sys.exit(main())"
        path = os.pathsep.join((str(Path(sys.prefix, "bin")), os.environ["PATH"]))  # as in an activated venv
        python_path = os.pathsep.join((str(tmp_path / "standins"), os.environ.get("PYTHONPATH", "")))
        env = {**os.environ, "PATH": path, "PYTHONPATH": python_path}
        argv = [sys.executable, "-P", "-c", code, *arguments]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, cwd=tmp_path / "here", env=env, timeout=100
        )

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "files", "imported", "replayed"),
    [
        ("onnxruntime", {"onnxruntime/__init__.py": KILL}, ILL, ILL),
        ("onnxruntime", {"onnxruntime/__init__.py": CRASHING_SESSION}, "", SEGV),
        ("ai-edge-litert", {LITERT: HARMLESS, INTERPRETER: KILL}, ILL, ILL),
        ("ai-edge-litert", {LITERT: HARMLESS, INTERPRETER: CRASHING_INTERPRETER}, "", ABORT),
    ],
)
def test_crashing_runtime_is_a_finding_and_all_other_checks_run(doctor, package, files, imported, replayed):
    runtime = "onnx" if package == "onnxruntime" else "litert"
    replays = [variant.file for variant in VARIANTS if variant.runtime == runtime]
    expected = [f"{package} 99.1 is killed by {imported} when it is imported"] if imported else []
    expected += [f"{file}: {package} 99.1 is killed by {replayed} in its self-check" for file in replays]
    done = doctor(package, files, "--json")
    assert done.returncode == 1, done.stderr
    findings = json.loads(done.stdout)
    crashes = [finding for finding in findings if "is killed by" in finding["text"]]
    assert [
        crash["text"].partition(": install another version, or use fashion-edge")[0] for crash in crashes
    ] == expected
    assert {(crash["state"], crash["mend"]) for crash in crashes} == {("bad", f"pip install '{package}!=99.1'")}
    subjects = [finding["subject"] for finding in findings]
    assert {"python", "numpy", "runtime", "onnxruntime", "opencv", "window", "bundle", "colours"} <= set(subjects)
    assert subjects.count("bundle") == len(VARIANTS)
    assert "doctor" not in subjects


@pytest.mark.slow
def test_crashing_opencv_is_a_finding_and_not_blamed_on_a_runtime(doctor):
    done = doctor("opencv-python-headless", {"cv2/__init__.py": KILL}, "--json")
    assert done.returncode == 1, done.stderr
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)}
    assert found["opencv"]["text"] == f"OpenCV cannot be imported (it is killed by {ILL})"
    assert found["bundle"]["text"] == "the golden frames were not replayed: OpenCV is needed"
    assert found["runtime"]["state"] == "ok"
    assert "doctor" not in found


@pytest.mark.slow
def test_text_output_has_the_fix_below_its_finding_and_no_core_file_is_left(doctor, tmp_path):
    done = doctor("onnxruntime", {"onnxruntime/__init__.py": KILL})
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    (at,) = [i for i, line in enumerate(lines) if line.startswith("BAD   onnxruntime ")]
    assert f"is killed by {ILL} when it is imported: install another version" in lines[at]
    assert lines[at + 1].strip() == "fix: pip install 'onnxruntime!=99.1'"
    assert lines[-1].startswith("ok    colours"), "the last check"
    assert not done.stderr
    assert not [*(tmp_path / "here").iterdir()]


BAD = Finding("camera", "bad", "no permission", "sudo usermod -aG video $USER")
FINE = Finding("python", "ok", "fine")


def test_exit_status_is_1_if_a_finding_is_bad(monkeypatch, capsys):
    monkeypatch.setattr(command, "all_checks", lambda: (lambda machine: iter([BAD]),))
    assert main([]) == 1
    assert "fix: sudo usermod -aG video $USER" in capsys.readouterr().out
    assert main(["--json"]) == 1
    assert json.loads(capsys.readouterr().out) == [
        {"subject": "camera", "state": "bad", "text": "no permission", "mend": "sudo usermod -aG video $USER"}
    ]
    monkeypatch.setattr(command, "all_checks", lambda: (lambda machine: iter([FINE]),))
    assert main([]) == 0


def test_check_that_raises_is_a_finding_and_the_others_run(monkeypatch, capsys):
    def check_broken(machine):
        raise RuntimeError("no\nbus")

    monkeypatch.setattr(command, "all_checks", lambda: (check_broken, lambda machine: iter([FINE])))
    assert main([]) == 1
    out = capsys.readouterr().out
    assert "check_broken failed: RuntimeError: no bus" in out
    assert "ok    python       fine" in out


def test_fix_has_full_paths_unless_the_venv_is_activated(tmp_path):
    venv = tmp_path / "my venv"
    (venv / "bin").mkdir(parents=True)
    for program in ("pip", "fashion-edge"):
        (venv / "bin" / program).touch()
    fix = "pip uninstall -y opencv-python && pip install 'fashion-edge[headless]'"

    def printed(fix, which):
        finding = Finding("opencv", "bad", "two", fix)
        return examine(Machine(venv=venv, which=lambda program: which), [lambda machine: iter([finding])])[0].fix

    pip = f"'{venv}/bin/pip'"
    assert printed(fix, "/usr/bin/pip") == f"{pip} uninstall -y opencv-python && {pip} install 'fashion-edge[headless]'"
    assert printed(fix, f"{venv}/bin/pip") == fix
    assert printed("fashion-edge --source picamera", None) == f"'{venv}/bin/fashion-edge' --source picamera"
    assert printed("sudo apt install -y python3-pip", None) == "sudo apt install -y python3-pip"
