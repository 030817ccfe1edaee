"""Checks of a machine that is made of files: a Raspberry Pi in a folder."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from fashion_edge.doctor.cameras import check_cameras, check_libcamera
from fashion_edge.doctor.installation import check_display, check_numpy, check_opencv, check_python, check_runtimes
from fashion_edge.doctor.isolated import Outcome
from fashion_edge.doctor.machine import Check, Finding, KilledError, Machine, check_governor, check_power
from fashion_edge.sources.camera import Device, Mode

PI4 = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "51121\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
}
Make = Callable[..., Machine]


def done(*job: str) -> Outcome:
    return Outcome("done")


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A machine from files, versions of distributions, and whatever else differs."""

    def build(files: dict[str, str] = PI4, versions: dict[str, str] | None = None, **changes: Any) -> Machine:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        given = {
            "root": tmp_path,
            "environ": {},
            "installed": (versions or {}).get,
            "load": ModuleType,
            "attempt": done,
            **changes,
        }
        return Machine(**given)

    return build


def look(check: Check, machine: Machine) -> list[tuple[str, str]]:
    return [(finding.state, finding.text) for finding in check(machine)]


def refuse(error: Exception) -> Callable[[str], Any]:
    def load(name: str) -> None:
        raise error

    return load


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


@pytest.mark.parametrize(
    ("changes", "state", "said"),
    [
        ({"arch": "aarch64", "libc": ("glibc", "2.36")}, "ok", "on aarch64, glibc 2.36"),
        ({"arch": "aarch64", "bits": 32}, "bad", "a 32-bit system under a 64-bit kernel: no runtime has wheels"),
        ({"arch": "armv7l", "bits": 32}, "bad", "on armv7l, a 32-bit system: no runtime has wheels"),
        ({"arch": "riscv64"}, "bad", "on riscv64: no runtime has wheels for it, only for x86_64 and aarch64"),
        ({"python": (3, 10)}, "bad", "wheels exist for 3.11 to 3.13"),
        ({"libc": ("", "")}, "bad", "without glibc: the runtimes' wheels need it"),
    ],
)
def test_python(make: Make, changes: dict[str, Any], state: str, said: str) -> None:
    ((found, text),) = look(
        check_python, make(**{"arch": "x86_64", "python": (3, 11), "libc": ("glibc", "2.36"), **changes})
    )
    assert found == state
    assert said in text


def test_numpy_2_beside_what_was_built_for_numpy_1(make: Make) -> None:
    both = only([*check_numpy(make(versions={"numpy": "2.4.0", "tflite-runtime": "2.14.0"}))])
    assert (both.state, both.mend) == ("bad", "pip uninstall -y tflite-runtime && pip install ai-edge-litert")
    apt = {"numpy": "2.4.0", "simplejpeg": "1.6"}
    changed = refuse(ValueError("numpy.dtype size changed"))
    for build in ("opencv-python", "opencv-python-headless"):  # a second one would overwrite the first
        finding = only([*check_numpy(make(versions={**apt, build: "4.13"}, load=changed))])
        assert finding.mend == f"pip install 'numpy<2' '{build}<4.12'"
    assert only([*check_numpy(make(versions=apt, load=changed))]).mend == "pip install 'numpy<2'"
    assert look(check_numpy, make(versions={"numpy": "1.26.4", "tflite-runtime": "2.14.0"})) == [("ok", "numpy 1.26.4")]


def test_an_old_onnxruntime_dies_on_a_cortex_a72_and_nowhere_else(make: Make) -> None:
    old = {"ai-edge-litert": "2.3.0", "onnxruntime": "1.23.2"}
    *_, finding = check_runtimes(make(versions=old))
    assert (finding.state, finding.mend) == ("bad", "pip install 'onnxruntime>=1.32'")
    pi5 = {**PI4, "proc/cpuinfo": "CPU part\t: 0xd0b\n"}
    assert look(check_runtimes, make(pi5, versions=old))[1] == ("ok", "onnxruntime 1.23.2")
    assert look(check_runtimes, make(versions={**old, "onnxruntime": "1.32.0"}))[1] == ("ok", "onnxruntime 1.32.0")


def test_a_runtime_that_is_installed_but_does_not_load_is_bad(make: Make) -> None:
    refused = Outcome("refused", "ImportError: libm.so.6: version not found")
    machine = make(versions={"ai-edge-litert": "2.3.0", "onnxruntime": "1.32.0"}, attempt=lambda *job: refused)
    litert, onnx = check_runtimes(machine)
    assert (litert.state, onnx.state) == ("bad", "bad")
    assert litert.text == "ai-edge-litert 2.3.0 cannot be imported (ImportError: libm.so.6: version not found)"
    assert litert.mend == "pip install --force-reinstall ai-edge-litert"
    assert onnx.mend == "pip install --force-reinstall onnxruntime"


@pytest.mark.parametrize(
    ("package", "module", "advice", "mend"),
    [
        (
            "ai-edge-litert",
            "ai_edge_litert.interpreter",
            "install another version, or use fashion-edge --runtime onnx",
            "pip install 'ai-edge-litert!=2.14.0'",
        ),
        (
            "tflite-runtime",
            "tflite_runtime.interpreter",
            "install ai-edge-litert, or use fashion-edge --runtime onnx",
            "pip install ai-edge-litert",
        ),
        (
            "onnxruntime",
            "onnxruntime",
            "install another version, or use fashion-edge --runtime litert and fashion-export --tflite-only",
            "pip install 'onnxruntime!=2.14.0'",
        ),
    ],
)
def test_a_runtime_that_dies_on_import_is_named_with_its_signal(
    make: Make, package: str, module: str, advice: str, mend: str
) -> None:
    def attempt(job: str, name: str) -> Outcome:
        assert (job, name) == ("load", module)
        return Outcome("died", "is killed by SIGSEGV (segmentation fault)")

    finding = next(f for f in check_runtimes(make(versions={package: "2.14.0"}, attempt=attempt)) if package in f.text)
    assert finding.text == f"{package} 2.14.0 is killed by SIGSEGV (segmentation fault) when it is imported: {advice}"
    assert (finding.state, finding.mend) == ("bad", mend)


def test_opencv_for_a_desktop_on_a_machine_without_one(make: Make) -> None:
    lacking = make(versions={"opencv-python": "4.12"}, load=refuse(ImportError("libGL.so.1: cannot open")))
    assert "wants a desktop's libraries" in only([*check_opencv(lacking)]).text


@pytest.mark.parametrize(
    "error", [ImportError("numpy.core.multiarray failed to import"), KilledError("it is killed by SIGILL")]
)
def test_an_opencv_that_cannot_be_imported_is_not_joined_by_a_second_build(make: Make, error: ImportError) -> None:
    finding = only([*check_opencv(make(versions={"opencv-python": "4.12"}, load=refuse(error)))])
    assert finding.text == f"OpenCV cannot be imported ({error})"
    assert finding.mend == "pip uninstall -y opencv-python && pip install 'fashion-edge[headless]'"
    assert only([*check_opencv(make(load=refuse(error)))]).mend == "pip install 'fashion-edge[headless]'"


def test_the_opencv_that_is_there_makes_room_for_the_other_build(make: Make) -> None:
    contrib = make(versions={"opencv-contrib-python": "4.12"}, load=refuse(ImportError("libGL.so.1: cannot open")))
    assert (
        only([*check_opencv(contrib)]).mend
        == "pip uninstall -y opencv-contrib-python && pip install 'fashion-edge[headless]'"
    )
    no_gui = make(
        versions={"opencv-contrib-python-headless": "4.12"},
        environ={"DISPLAY": ":0"},
        load=lambda name: SimpleNamespace(currentUIFramework=str),
    )
    assert (
        only([*check_display(no_gui)]).mend
        == "pip uninstall -y opencv-contrib-python-headless && pip install 'fashion-edge[window]'"
    )


@pytest.mark.parametrize(
    ("gui", "environ", "state", "said"),
    [
        ("", {"DISPLAY": ":0"}, "note", "this OpenCV has no GUI"),
        ("", {}, "note", "no display: fashion-edge runs headless; its page needs none"),
        ("QT5", {"SSH_CONNECTION": "a b"}, "note", "no display over ssh"),
        ("QT5", {"WAYLAND_DISPLAY": "wayland-0"}, "ok", "QT5 on a display"),
    ],
)
def test_display(make: Make, gui: str, environ: dict[str, str], state: str, said: str) -> None:
    machine = make(environ=environ, load=lambda name: SimpleNamespace(currentUIFramework=lambda: gui))
    ((found, text),) = look(check_display, machine)
    assert found == state
    assert said in text


@pytest.mark.parametrize(
    ("bits", "state", "said"),
    [
        ("0", "ok", "neither under-voltage nor throttling since boot"),
        ("50005", "bad", "the supply's voltage is too low now"),
        ("50000", "note", "the supply's voltage was too low since boot"),
        ("8", "bad", "slowed down now: temperature limit"),
        ("40000", "note", "slowed down since boot: throttled"),
    ],
)
def test_power(make: Make, bits: str, state: str, said: str) -> None:
    machine = make({**PI4, "sys/devices/platform/soc/soc:firmware/get_throttled": bits})
    power, heat = look(check_power, machine)
    assert power[0] == state
    assert said in power[1]
    assert heat == ("ok", "51 degrees C")


def test_heat(make: Make) -> None:
    hot = make({**PI4, "sys/class/thermal/thermal_zone0/temp": "81000"})
    assert look(check_power, hot)[1][0] == "bad"


def test_no_power_is_judged_on_a_machine_that_is_no_pi(make: Make) -> None:
    assert look(check_power, make({})) == []
    assert look(check_governor, make({})) == []


def test_governor(make: Make) -> None:
    assert look(check_governor, make()) == [("ok", "ondemand")]
    slow = make({**PI4, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave"})
    assert "sudo tee" in only([*check_governor(slow)]).mend


@pytest.mark.parametrize("driver", ["intel_pstate", "amd-pstate-epp"])
def test_a_pc_whose_powersave_moves_the_clock_is_not_told_otherwise(make: Make, driver: str) -> None:
    clock = "sys/devices/system/cpu/cpu0/cpufreq"
    pc = make({f"{clock}/scaling_governor": "powersave\n", f"{clock}/scaling_driver": f"{driver}\n"})
    assert look(check_governor, pc) == [("ok", "powersave")]


def test_a_pi_that_does_not_tell_of_its_power_is_not_called_well(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # no vcgencmd
    silent = {name: text for name, text in PI4.items() if "throttled" not in name}
    power, _ = look(check_power, make(silent))
    assert power == ("note", "whether it is under-voltage or slowed down is not known: the firmware does not tell you")


NAMES = "sys/class/video4linux"
WEBCAM = {"dev/video0": "", "dev/video1": "", f"{NAMES}/video0/name": "HD Webcam", f"{NAMES}/video1/name": "HD Webcam"}


def ask_webcam(path: str) -> tuple[Device, list[Mode]]:
    captures = path.endswith("video0")
    modes = [Mode("YUYV", 640, 480, 30.0), Mode("MJPG", 1920, 1080, 30.0)] if captures else []
    return Device("uvcvideo", "HD Webcam", "usb-0000:01:00.0-1", captures=captures), modes


def test_a_webcam_is_one_camera_though_it_has_two_nodes(make: Make) -> None:
    assert [(f.state, f.text) for f in check_cameras(make(WEBCAM), ask_webcam)] == [
        ("ok", "/dev/video0: HD Webcam, USB, YUYV, MJPG, up to 1920x1080")
    ]


def test_the_nodes_of_a_ribbon_camera_point_to_picamera(make: Make) -> None:
    pi = {**PI4, "dev/video0": "", "sys/class/video4linux/video0/name": "unicam-image\n"}
    finding = only([*check_cameras(make(pi), refuse(AssertionError("not to be opened")))])
    assert finding.mend == "fashion-edge --source picamera"


def test_no_camera(make: Make) -> None:
    assert "no camera in /dev/video*" in only([*check_cameras(make())]).text


def test_a_camera_that_cannot_be_asked(make: Make) -> None:
    findings = [*check_cameras(make(WEBCAM), refuse(OSError(5, "Input/output error")))]
    assert [finding.state for finding in findings] == ["bad", "bad"]
    assert "/dev/video0 (HD Webcam) cannot be asked: Input/output error" in findings[0].text


def picamera2(*cameras: dict[str, Any]) -> Callable[[str], Any]:
    return lambda name: SimpleNamespace(Picamera2=SimpleNamespace(global_camera_info=lambda: list(cameras)))


def test_libcamera_names_its_cameras_and_how_they_are_attached(make: Make) -> None:
    load = picamera2({"Model": "imx708", "Num": 0, "Id": "/base/i2c"}, {"Model": "C920", "Num": 1, "Id": "/base/usb@1"})
    assert look(check_libcamera, make(load=load)) == [
        ("ok", "imx708, CSI: --source picamera:0"),
        ("ok", "C920, USB: --source picamera:1"),
    ]
    assert only([*check_libcamera(make(load=picamera2()))]).mend == "rpicam-hello --list-cameras"


def test_a_venv_that_does_not_see_the_system_gets_the_command(make: Make) -> None:
    files = {**PI4, "usr/lib/python3/dist-packages/picamera2/__init__.py": ""}
    error = ModuleNotFoundError("No module named 'picamera2'")
    hidden = make(files, load=refuse(error), in_venv=True, venv=Path("/home/pi/.venv"))
    finding = only([*check_libcamera(hidden)])
    assert finding.state == "bad"
    assert finding.mend == "python3 -m venv --system-site-packages --upgrade /home/pi/.venv"
    blank = make(files, load=refuse(error), in_venv=True, venv=Path("/home/pi/my venv"))
    assert only([*check_libcamera(blank)]).mend.endswith("--upgrade '/home/pi/my venv'")


def test_a_picamera2_that_was_built_for_numpy_1_is_not_installed_again(make: Make) -> None:
    files = {**PI4, "usr/lib/python3/dist-packages/picamera2/__init__.py": ""}
    error = ValueError("numpy.dtype size changed, may indicate binary incompatibility")
    versions = {"numpy": "2.4.0", "opencv-python-headless": "4.13"}
    finding = only([*check_libcamera(make(files, versions=versions, load=refuse(error), in_venv=True))])
    assert finding.mend == "pip install 'numpy<2' 'opencv-python-headless<4.12'"


def test_a_picamera2_that_kills_is_not_taken_for_a_hidden_one(make: Make) -> None:
    files = {**PI4, "usr/lib/python3/dist-packages/picamera2/__init__.py": ""}
    error = KilledError("it is killed by SIGILL (illegal instruction)")
    finding = only([*check_libcamera(make(files, load=refuse(error), in_venv=True))])
    assert finding.text == "picamera2 cannot be imported (it is killed by SIGILL (illegal instruction))"
    assert finding.mend == "sudo apt install --reinstall -y python3-picamera2"


def test_without_picamera2_the_command_is_apt_and_a_desktop_is_not_asked(make: Make) -> None:
    error = ModuleNotFoundError("No module named 'picamera2'")
    assert "apt install -y python3-picamera2" in only([*check_libcamera(make(load=refuse(error)))]).mend


def test_a_pc_without_picamera2_is_not_bothered(make: Make) -> None:
    assert look(check_libcamera, make({}, load=refuse(ImportError()))) == []
