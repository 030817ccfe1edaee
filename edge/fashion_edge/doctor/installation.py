"""TFLite and ONNX runtimes, and whether they suit this processor."""

from collections.abc import Iterator
from dataclasses import dataclass

from fashion_edge.doctor.isolated import Outcome
from fashion_edge.doctor.machine import Finding, Machine, number

FLAVOURS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
FOR_ANY_NUMPY = "<4.12"  # later ones want numpy 2


def builds(machine: Machine) -> list[str]:
    """The distributions of OpenCV that are installed."""
    return [name for name in FLAVOURS if machine.installed(name)]


def leave_one(machine: Machine, extra: str = "headless") -> str:
    """The command that installs the build of that extra, once those that are there have made room."""
    install, names = f"pip install 'fashion-edge[{extra}]'", builds(machine)
    return f"pip uninstall -y {' '.join(names)} && {install}" if names else install


def check_opencv(machine: Machine) -> Iterator[Finding]:
    """One build, and it can be imported."""
    found = [f"{name} {machine.installed(name)}" for name in builds(machine)]
    if len(found) > 1:
        yield Finding("opencv", "bad", f"{' and '.join(found)} overwrite each other's files", leave_one(machine))
        return
    try:
        cv2 = machine.load("cv2")
    except ImportError as error:
        desktop = "libGL" in str(error) or "libgthread" in str(error)
        what = "wants a desktop's libraries" if desktop else "cannot be imported"
        yield Finding("opencv", "bad", f"OpenCV {what} ({error})", leave_one(machine))
        return
    yield Finding("opencv", "ok", found[0] if found else f"OpenCV {cv2.__version__} of the system")


def check_display(machine: Machine) -> Iterator[Finding]:
    """Whether a window can be shown; without one OpenCV's GUI build would end the process."""
    try:
        gui = machine.load("cv2").currentUIFramework()
    except ImportError:
        return  # said above
    if not (machine.environ.get("DISPLAY") or machine.environ.get("WAYLAND_DISPLAY")):
        over_ssh = " over ssh" if machine.environ.get("SSH_CONNECTION") else ""
        mend = "fashion-edge --serve 0.0.0.0:8080"
        yield Finding("window", "note", f"no display{over_ssh}: fashion-edge runs headless; its page needs none", mend)
    elif not gui:
        mend = leave_one(machine, "window")
        yield Finding("window", "note", "this OpenCV has no GUI: fashion-edge runs headless, or with --serve", mend)
    else:
        yield Finding("window", "ok", f"{gui} on a display")


PYTHONS = (3, 11), (3, 13)
WHEELS = ("x86_64", "aarch64", "arm64")
BUILT_FOR_NUMPY_1 = "simplejpeg"  # comes with picamera2, and is what breaks first


def check_python(machine: Machine) -> Iterator[Finding]:
    """Interpreter, processor and C library: whether wheels exist for them."""
    text = f"Python {machine.python[0]}.{machine.python[1]} on {machine.arch}"
    if machine.bits == 32:
        kernel = " under a 64-bit kernel" if machine.arch in WHEELS else ""
        yield Finding(
            "python",
            "bad",
            f"{text}, a 32-bit system{kernel}: no runtime has wheels for it",
            "rpi-imager  # and choose the 64-bit Raspberry Pi OS",
        )
    elif machine.arch not in WHEELS:
        yield Finding("python", "bad", f"{text}: no runtime has wheels for it, only for {' and '.join(WHEELS[:2])}")
    elif not PYTHONS[0] <= machine.python <= PYTHONS[1]:
        yield Finding("python", "bad", f"{text}: wheels exist for 3.11 to 3.13", "sudo apt install python3.13-venv")
    elif machine.libc[0] != "glibc":
        yield Finding("python", "bad", f"{text} without glibc: the runtimes' wheels need it", "docker run -it debian")
    else:
        yield Finding("python", "ok", f"{text}, glibc {machine.libc[1]}")


def back_to_numpy_1(machine: Machine) -> str:
    """The command for it, with the build of OpenCV that is there."""
    return "pip install 'numpy<2'" + "".join(f" '{name}{FOR_ANY_NUMPY}'" for name in builds(machine))


def check_numpy(machine: Machine) -> Iterator[Finding]:
    """What was built for numpy 1 must not meet numpy 2."""
    found = machine.installed("numpy")
    if found is None:
        yield Finding("numpy", "bad", "numpy is not installed", "pip install numpy")
        return
    if number(found)[0] >= 2 and machine.installed("tflite-runtime"):
        text = f"numpy {found} with tflite-runtime, which was built for numpy 1: it crashes or refuses to load"
        yield Finding("numpy", "bad", text, "pip uninstall -y tflite-runtime && pip install ai-edge-litert")
        return
    if machine.installed(BUILT_FOR_NUMPY_1):
        try:
            machine.load(BUILT_FOR_NUMPY_1)
        except (ImportError, ValueError) as error:
            text = f"numpy {found}, but the system's {BUILT_FOR_NUMPY_1} was built for another ({error}): no picamera2"
            yield Finding("numpy", "bad", text, back_to_numpy_1(machine))
            return
    yield Finding("numpy", "ok", f"numpy {found}")


CORTEX_A72 = "0xd08"  # the "CPU part" of a Raspberry Pi 4
FIRST_FOR_A72 = (1, 32)  # earlier ones die there with an illegal instruction


@dataclass(frozen=True)
class Runtime:
    """A distribution, the module that backends import, and how to do without it."""

    subject: str
    package: str
    module: str
    without: str
    successor: str | None = None  # what to install in its place


WITHOUT_TFLITE = "use fashion-edge --runtime onnx"
LITERT = Runtime("runtime", "ai-edge-litert", "ai_edge_litert.interpreter", WITHOUT_TFLITE)
LEGACY = Runtime("runtime", "tflite-runtime", "tflite_runtime.interpreter", WITHOUT_TFLITE, "ai-edge-litert")
WITHOUT_ONNX = "use fashion-edge --runtime litert and fashion-export --tflite-only"
ONNX = Runtime("onnxruntime", "onnxruntime", "onnxruntime", WITHOUT_ONNX)


def check_runtimes(machine: Machine) -> Iterator[Finding]:
    """The runtime of the default variant, and the other one."""
    litert, legacy = machine.installed(LITERT.package), machine.installed(LEGACY.package)
    if litert:
        yield _why_unusable(machine, LITERT) or Finding("runtime", "ok", f"ai-edge-litert {litert}")
    elif legacy:
        slow = Finding("runtime", "note", f"tflite-runtime {legacy}: slow on int8", "pip install ai-edge-litert")
        yield _why_unusable(machine, LEGACY) or slow
    else:
        yield Finding("runtime", "bad", "no TFLite runtime", "pip install ai-edge-litert")
    yield _check_onnx(machine)


def _check_onnx(machine: Machine) -> Finding:
    onnx, mend = machine.installed("onnxruntime"), "pip install 'fashion-edge[onnx]'"
    if onnx is None:
        return Finding("onnxruntime", "note", "not installed: --runtime onnx will not work", mend)
    if number(onnx) < FIRST_FOR_A72 and CORTEX_A72 in cpu_parts(machine):
        text = f"onnxruntime {onnx} dies on this Cortex-A72 with an illegal instruction"
        return Finding("onnxruntime", "bad", text, "pip install 'onnxruntime>=1.32'")
    return _why_unusable(machine, ONNX) or Finding("onnxruntime", "ok", f"onnxruntime {onnx}")


def _why_unusable(machine: Machine, runtime: Runtime) -> Finding | None:
    """None for a runtime that can be imported."""
    outcome = machine.attempt("load", runtime.module)
    if outcome.state == "died":
        return Finding(runtime.subject, "bad", *death(machine, runtime, outcome, "when it is imported"))
    if outcome.state == "done":
        return None
    text = f"{runtime.package} {machine.installed(runtime.package)} cannot be imported ({outcome.text})"
    mend = f"pip install {runtime.successor or f'--force-reinstall {runtime.package}'}"
    return Finding(runtime.subject, "bad", text, mend)


def death(machine: Machine, runtime: Runtime, outcome: Outcome, when: str) -> tuple[str, str]:
    """What died, of what, and what to do, as a sentence; and the command for it."""
    package, version = runtime.package, machine.installed(runtime.package)
    named = f"{package} {version}" if version else package
    other = runtime.successor or (f"'{package}!={version}'" if version else f"--force-reinstall {package}")
    advice = f"install {runtime.successor or 'another version'}, or {runtime.without}"
    return f"{named} {outcome.text} {when}: {advice}", f"pip install {other}"


def runtime_of(machine: Machine, name: str) -> Runtime:
    """The distribution that a variant's runtime stands for on this machine."""
    if name == "onnx":
        return ONNX
    return LEGACY if machine.installed(LEGACY.package) and not machine.installed(LITERT.package) else LITERT


def cpu_parts(machine: Machine) -> set[str]:
    """The parts that /proc/cpuinfo of an ARM machine names."""
    lines = (machine.read("proc/cpuinfo") or "").splitlines()
    return {line.partition(":")[2].strip().lower() for line in lines if line.startswith("CPU part")}
