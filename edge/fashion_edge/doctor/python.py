"""The interpreter, the C library, and numpy's binary interface."""

from collections.abc import Iterator

from fashion_edge.doctor.machine import Finding, Machine, number
from fashion_edge.doctor.opencv import FOR_ANY_NUMPY, builds

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
