import shutil
from types import SimpleNamespace

import pytest

from fashion_edge.defaults import SHIPPED_BUNDLE
from fashion_edge.doctor import Machine, software
from fashion_edge.doctor.software import (
    check_bundle,
    check_colours,
    check_display,
    check_numpy,
    check_opencv,
    check_python,
    check_runtimes,
)
from fashion_edge.isolated import JobResult, KilledError

HEADLESS, UNINSTALL = "pip install 'fashion-edge[headless]'", "pip uninstall -y"
BOTH = {"opencv-python": "4.12", "opencv-python-headless": "4.12"}


@pytest.mark.parametrize(
    ("changes", "state", "text"),
    [
        ({"arch": "aarch64", "libc": ("glibc", "2.36")}, "ok", "on aarch64, glibc 2.36"),
        ({"arch": "aarch64", "bits": 32}, "bad", "a 32-bit system under a 64-bit kernel: no runtime has wheels"),
        ({"arch": "armv7l", "bits": 32}, "bad", "on armv7l, a 32-bit system: no runtime has wheels"),
        ({"arch": "riscv64"}, "bad", "on riscv64: no runtime has wheels for it, only for x86_64 and aarch64"),
        ({"python": (3, 10)}, "bad", "wheels exist for 3.11 to 3.13"),
        ({"libc": ("", "")}, "bad", "without glibc: the runtimes' wheels need it"),
    ],
)
def test_python(machine, changes, state, text):
    (finding,) = check_python(machine(**{"arch": "x86_64", "python": (3, 11), "libc": ("glibc", "2.36"), **changes}))
    assert finding.state == state
    assert text in finding.text


NUMPY_2 = {"numpy": "2.4.0"}


@pytest.mark.parametrize(
    ("versions", "state", "fix"),
    [
        ({"numpy": "1.26.4", "tflite-runtime": "2.14.0"}, "ok", None),
        ({}, "bad", "pip install numpy"),
        (NUMPY_2 | {"tflite-runtime": "2.14.0"}, "bad", f"{UNINSTALL} tflite-runtime && pip install ai-edge-litert"),
        (NUMPY_2 | {"simplejpeg": "1.6"}, "bad", "pip install 'numpy<2'"),
        (NUMPY_2 | {"simplejpeg": "1.6", "opencv-python": "5"}, "bad", "pip install 'numpy<2' 'opencv-python<4.12'"),
    ],
)
def test_numpy_2_with_packages_that_were_built_for_numpy_1(machine, refuse, versions, state, fix):
    load = refuse(ValueError("numpy.dtype size changed"))
    (finding,) = check_numpy(machine(versions=versions, load=load))
    assert (finding.state, finding.fix) == (state, fix)


@pytest.mark.parametrize(
    ("versions", "states"),
    [
        ({"ai-edge-litert": "2.3", "onnxruntime": "1.32.0"}, ["ok", "ok"]),
        ({"tflite-runtime": "2.14"}, ["note", "note"]),
        ({}, ["bad", "note"]),
    ],
)
def test_runtimes(machine, versions, states):
    assert [finding.state for finding in check_runtimes(machine(versions=versions))] == states


@pytest.mark.parametrize(
    ("part", "version", "state"),
    [("0xd08", "1.23.2", "bad"), ("0xd08", "1.32.0rc1", "ok"), ("0xd08", "1.33", "ok"), ("0xd0b", "1.23.2", "ok")],
)
def test_old_onnxruntime_crashes_on_a_cortex_a72_only(machine, pi4, part, version, state):
    files = {**pi4, "proc/cpuinfo": f"CPU part\t: {part}\n"}
    _, finding = check_runtimes(machine(files, {"ai-edge-litert": "2.3.0", "onnxruntime": version}))
    assert (finding.state, finding.fix) == (state, "pip install 'onnxruntime>=1.32'" if state == "bad" else None)


def test_runtime_that_cannot_be_imported(machine):
    failed = JobResult("failed", "ImportError: libm.so.6: version not found")
    versions = {"ai-edge-litert": "2.3.0", "onnxruntime": "1.32.0"}
    findings = list(check_runtimes(machine(versions=versions, isolated=lambda *job: failed)))
    assert findings[0].text == "ai-edge-litert 2.3.0 cannot be imported (ImportError: libm.so.6: version not found)"
    fixes = [("bad", f"pip install --force-reinstall {package}") for package in versions]
    assert [(finding.state, finding.fix) for finding in findings] == fixes


@pytest.mark.parametrize(
    ("package", "module", "install", "without", "fix"),
    [
        ("ai-edge-litert", "ai_edge_litert.interpreter", "another version", "--runtime onnx", "'ai-edge-litert!=2.1'"),
        ("tflite-runtime", "tflite_runtime.interpreter", "ai-edge-litert", "--runtime onnx", "ai-edge-litert"),
        ("onnxruntime", "onnxruntime", "another version", "--runtime litert and fashion-export", "'onnxruntime!=2.1'"),
    ],
)
def test_runtime_that_crashes_is_named_with_its_signal(machine, package, module, install, without, fix):
    def crash(job, name):
        assert (job, name) == ("load", module)
        return JobResult("crashed", "is killed by SIGSEGV (segmentation fault)")

    findings = check_runtimes(machine(versions={package: "2.1"}, isolated=crash))
    finding = next(finding for finding in findings if package in finding.text)
    crashed = f"{package} 2.1 is killed by SIGSEGV (segmentation fault) when it is imported"
    assert finding.text.startswith(f"{crashed}: install {install}, or use fashion-edge {without}")
    assert (finding.state, finding.fix) == ("bad", f"pip install {fix}")


@pytest.mark.parametrize(
    ("builds", "error", "text"),
    [
        (
            ["opencv-python", "opencv-python-headless"],
            "",
            "opencv-python 4.12 and opencv-python-headless 4.12 overwrite",
        ),
        (["opencv-contrib-python"], "libGL.so.1: cannot open", "OpenCV requires desktop libraries (libGL.so.1: cannot"),
        (["opencv-python"], "it is killed by SIGILL", "OpenCV cannot be imported (it is killed by SIGILL)"),
        ([], "No module named 'cv2'", "OpenCV cannot be imported (No module named 'cv2')"),
    ],
)
def test_opencv_problems_end_with_exactly_one_build(machine, refuse, builds, error, text):
    (finding,) = check_opencv(machine(versions=dict.fromkeys(builds, "4.12"), load=refuse(KilledError(error))))
    assert finding.state == "bad"
    assert finding.text.startswith(text)
    assert finding.fix == (f"{UNINSTALL} {' '.join(builds)} && {HEADLESS}" if builds else HEADLESS)


@pytest.mark.parametrize(
    ("gui", "environ", "state", "text"),
    [
        ("", {"DISPLAY": ":0"}, "note", "this OpenCV has no GUI"),
        ("", {}, "note", "no display: fashion-edge runs headless; its page needs none"),
        ("QT5", {"SSH_CONNECTION": "a b"}, "note", "no display over ssh"),
        ("QT5", {"WAYLAND_DISPLAY": "wayland-0"}, "ok", "QT5 on a display"),
    ],
)
def test_display(machine, gui, environ, state, text):
    load = lambda name: SimpleNamespace(currentUIFramework=lambda: gui)  # noqa: E731
    (finding,) = check_display(machine(versions={"opencv-python-headless": "4.12"}, environ=environ, load=load))
    assert finding.state == state
    assert text in finding.text
    if "no GUI" in text:
        assert finding.fix == "pip uninstall -y opencv-python-headless && pip install 'fashion-edge[window]'"


def test_damaged_bundle_is_exported_or_installed_again(tmp_path, monkeypatch):
    failed = JobResult("failed", "model.int8.tflite is missing")
    fixes = {finding.fix for finding in check_bundle(Machine(isolated=lambda *job: failed))}
    assert fixes == {"pip install --force-reinstall --no-deps .  # in the folder of the clone or release"}
    own = tmp_path / "bundles" / "my own"
    own.mkdir(parents=True)
    (own / "manifest.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    (finding,) = check_bundle(Machine())
    assert (finding.state, finding.fix) == ("bad", "fashion-export --out 'bundles/my own' --overwrite")
    (own / "manifest.json").write_text('{"schema": 99}')
    (finding,) = check_bundle(Machine())
    assert finding.fix == "git pull && pip install --upgrade .  # in the folder of the clone"


def test_a_crash_is_the_bundles_fault_where_the_shipped_one_runs(monkeypatch, tmp_path):
    shutil.copytree(SHIPPED_BUNDLE, tmp_path / "bundles" / "own")
    monkeypatch.chdir(tmp_path)

    def isolated(_job, folder, _file):
        return (
            JobResult("done", "0.01") if folder == str(SHIPPED_BUNDLE) else JobResult("crashed", "is killed by SIGABRT")
        )

    for finding in check_bundle(Machine(isolated=isolated)):
        assert "is killed by SIGABRT in its self-check, while the shipped bundle runs: export it again" in finding.text
        assert (finding.state, finding.fix) == ("bad", "fashion-export --out bundles/own --overwrite")


def test_colours_are_checked_with_every_decoder(monkeypatch):
    assert [finding.state for finding in check_colours(Machine())] == ["ok"]
    from fashion_edge.sources import files

    real = files.read_image
    monkeypatch.setattr(files, "read_image", lambda path: real(path)[:, :, ::-1])
    (finding,) = check_colours(Machine())
    assert finding.state == "bad"
    assert "png: other colours; jpg: other colours" in finding.text


@pytest.mark.parametrize(
    ("versions", "fix"),
    [
        ({"opencv-python": "4.11.0.86"}, "pip install --force-reinstall --no-deps opencv-python==4.11.0.86 pillow"),
        ({}, "pip install --force-reinstall --no-deps 'opencv-python-headless<4.12' pillow"),
        (BOTH, f"{UNINSTALL} opencv-python opencv-python-headless && {HEADLESS}"),
    ],
)
def test_decoders_are_installed_again_in_versions_for_the_installed_numpy(machine, versions, fix, monkeypatch):
    monkeypatch.setattr(software, "write_and_read", lambda card, path: card[:, :, ::-1])
    (finding,) = check_colours(machine(versions=versions))
    assert finding.fix == fix
