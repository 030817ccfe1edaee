"""Checks of the software: Python, NumPy, runtimes, OpenCV, the default bundle, decoders."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import Variant, load_bundle
from fashion_edge.defaults import SHIPPED_BUNDLE, default_bundle
from fashion_edge.doctor.machine import Finding, Machine
from fashion_edge.errors import FashionError, NewerBundleError
from fashion_edge.frame import Frame
from fashion_edge.opencv import cv2
from fashion_edge.sources import open_source

PYTHONS = (3, 11), (3, 13)
WHEELS = ("x86_64", "aarch64", "arm64")
CORTEX_A72 = re.compile(r"^CPU part\s*:\s*0xd08", re.IGNORECASE | re.MULTILINE)  # Raspberry Pi 4, /proc/cpuinfo
FIRST_FOR_A72 = (1, 32)  # earlier versions of onnxruntime crash there with an illegal instruction
OPENCV_BUILDS = (
    "opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"
)  # fmt: skip
FOR_NUMPY_1 = "<4.12"  # later versions of OpenCV require numpy 2
UPDATE = "git pull && pip install --upgrade .  # in the folder of the clone"
CARD = np.array([[[40, 40, 200], [60, 160, 40]], [[200, 60, 40], [128, 128, 128]]], np.uint8)  # red green, blue grey
CODEC_TOLERANCE = 12  # of 255: JPEG and video round the chroma twice


def check_python(machine: Machine) -> Iterator[Finding]:
    """Interpreter, processor and C library: whether wheels exist for them."""
    text = f"Python {machine.python[0]}.{machine.python[1]} on {machine.arch}"
    if machine.bits == 32:
        kernel = " under a 64-bit kernel" if machine.arch in WHEELS else ""
        text += f", a 32-bit system{kernel}: no runtime has wheels for it"
        yield Finding("python", "bad", text, "rpi-imager  # and choose the 64-bit Raspberry Pi OS")
    elif machine.arch not in WHEELS:
        yield Finding("python", "bad", f"{text}: no runtime has wheels for it, only for {' and '.join(WHEELS[:2])}")
    elif not PYTHONS[0] <= machine.python <= PYTHONS[1]:
        yield Finding("python", "bad", f"{text}: wheels exist for 3.11 to 3.13", "sudo apt install python3.13-venv")
    elif machine.libc[0] != "glibc":
        yield Finding("python", "bad", f"{text} without glibc: the runtimes' wheels need it", "docker run -it debian")
    else:
        yield Finding("python", "ok", f"{text}, glibc {machine.libc[1]}")


def check_numpy(machine: Machine) -> Iterator[Finding]:
    """Packages that were built for numpy 1 do not work with numpy 2."""
    found = machine.installed("numpy")
    if found is None:
        yield Finding("numpy", "bad", "numpy is not installed", "pip install numpy")
    elif parse_version(found)[0] >= 2 and machine.installed("tflite-runtime"):
        text = f"numpy {found} with tflite-runtime, which was built for numpy 1: it crashes or cannot be imported"
        yield Finding("numpy", "bad", text, "pip uninstall -y tflite-runtime && pip install ai-edge-litert")
    elif machine.installed("simplejpeg") and (error := machine.import_error("simplejpeg")):  # picamera2 needs it
        text = f"numpy {found}, but the system's simplejpeg was built for another version ({error}): no picamera2"
        yield Finding("numpy", "bad", text, downgrade_numpy(machine))
    else:
        yield Finding("numpy", "ok", f"numpy {found}")


def downgrade_numpy(machine: Machine) -> str:
    """The command that installs numpy 1, with the OpenCV build that is installed."""
    return "pip install 'numpy<2'" + "".join(f" '{name}{FOR_NUMPY_1}'" for name in _opencv_builds(machine))


def parse_version(text: str) -> tuple[int, ...]:
    """`1.32.0rc1` -> (1, 32, 0): enough to compare releases."""
    return tuple(int(part) for part in re.findall(r"(?:^|\.)(\d+)", text)[:3])


@dataclass(frozen=True)
class _Runtime:
    """A distribution, the module that backends import, and how to work without it."""

    subject: str
    package: str
    module: str
    without: str
    successor: str | None = None  # what to install instead

    def check(self, machine: Machine) -> Finding:
        named = f"{self.package} {machine.installed(self.package)}"
        result = machine.isolated("load", self.module)
        if result.state == "done":
            return Finding(self.subject, "ok", named)
        if result.state == "crashed":
            return Finding(self.subject, "bad", *self.crash(machine, f"{result.text} when it is imported"))
        fix = f"pip install {self.successor or f'--force-reinstall {self.package}'}"
        return Finding(self.subject, "bad", f"{named} cannot be imported ({result.text})", fix)

    def crash(self, machine: Machine, crash: str) -> tuple[str, str]:
        version = machine.installed(self.package)
        named = f"{self.package} {version}" if version else self.package
        other = self.successor or (f"'{self.package}!={version}'" if version else f"--force-reinstall {self.package}")
        advice = f"install {self.successor or 'another version'}, or use {self.without}"
        return f"{named} {crash}: {advice}", f"pip install {other}"


LITERT = _Runtime("runtime", "ai-edge-litert", "ai_edge_litert.interpreter", "fashion-edge --runtime onnx")
LEGACY = replace(LITERT, package="tflite-runtime", module="tflite_runtime.interpreter", successor="ai-edge-litert")
WITHOUT_ONNX = "fashion-edge --runtime litert and fashion-export --tflite-only"
ONNX = _Runtime("onnxruntime", "onnxruntime", "onnxruntime", WITHOUT_ONNX)


def check_runtimes(machine: Machine) -> Iterator[Finding]:
    """The TFLite runtime of the default variant, and onnxruntime."""
    legacy, onnx = machine.installed(LEGACY.package), machine.installed(ONNX.package)
    if machine.installed(LITERT.package):
        yield LITERT.check(machine)
    elif legacy:
        slow = Finding("runtime", "note", f"tflite-runtime {legacy}: slow on int8", "pip install ai-edge-litert")
        yield finding if (finding := LEGACY.check(machine)).state == "bad" else slow
    else:
        yield Finding("runtime", "bad", "no TFLite runtime", "pip install ai-edge-litert")
    if onnx is None:
        text = "not installed: --runtime onnx will not work"
        yield Finding("onnxruntime", "note", text, "pip install 'fashion-edge[onnx]'")
    elif parse_version(onnx) < FIRST_FOR_A72 and CORTEX_A72.search(machine.read("proc/cpuinfo") or ""):
        text = f"onnxruntime {onnx} crashes on this Cortex-A72 with an illegal instruction"
        yield Finding("onnxruntime", "bad", text, "pip install 'onnxruntime>=1.32'")
    else:
        yield ONNX.check(machine)


def _opencv_builds(machine: Machine) -> list[str]:
    return [name for name in OPENCV_BUILDS if machine.installed(name)]


def _install_one_opencv(machine: Machine, extra: str = "headless") -> str:
    """The command that removes all builds of OpenCV and installs that of an extra."""
    names = " ".join(_opencv_builds(machine))
    return (f"pip uninstall -y {names} && " if names else "") + f"pip install 'fashion-edge[{extra}]'"


def check_opencv(machine: Machine) -> Iterator[Finding]:
    """Exactly one build, which can be imported."""
    found = [f"{name} {machine.installed(name)}" for name in _opencv_builds(machine)]
    if len(found) > 1:
        text = f"{' and '.join(found)} overwrite each other's files"
        yield Finding("opencv", "bad", text, _install_one_opencv(machine))
    elif error := machine.import_error("cv2"):
        desktop = re.search("libGL|libgthread", str(error))
        problem = "requires desktop libraries" if desktop else "cannot be imported"
        yield Finding("opencv", "bad", f"OpenCV {problem} ({error})", _install_one_opencv(machine))
    else:
        yield Finding("opencv", "ok", found[0] if found else f"OpenCV {machine.load('cv2').__version__} of the system")


def check_display(machine: Machine) -> Iterator[Finding]:
    """Whether a window can be shown; without a display OpenCV's GUI build would end the process."""
    if machine.import_error("cv2"):
        return  # a finding of check_opencv
    gui = machine.load("cv2").currentUIFramework()
    if not (machine.environ.get("DISPLAY") or machine.environ.get("WAYLAND_DISPLAY")):
        over_ssh = " over ssh" if machine.environ.get("SSH_CONNECTION") else ""
        text = f"no display{over_ssh}: fashion-edge runs headless; its page needs none"
        yield Finding("window", "note", text, "fashion-edge --serve 0.0.0.0:8080")
    elif not gui:
        text = "this OpenCV has no GUI: fashion-edge runs headless, or with --serve"
        yield Finding("window", "note", text, _install_one_opencv(machine, "window"))
    else:
        yield Finding("window", "ok", f"{gui} on a display")


def check_bundle(machine: Machine) -> Iterator[Finding]:
    """Every variant of the default bundle reproduces its golden scores."""
    try:
        bundle = load_bundle(folder := default_bundle())
    except FashionError as error:
        fix = UPDATE if isinstance(error, NewerBundleError) else _replace_bundle(folder)
        yield Finding("bundle", "bad", str(error), fix)
        return
    if machine.import_error("cv2"):
        yield Finding("bundle", "note", "the golden frames were not replayed: OpenCV is needed")
    else:
        yield from (_check_variant(machine, bundle.path, variant) for variant in bundle.manifest.variants)


def _check_variant(machine: Machine, folder: Path, variant: Variant) -> Finding:
    result = machine.isolated("replay", str(folder), variant.file)
    if result.state == "crashed" and _runs_shipped(machine, folder, variant.runtime):
        text = f"{variant.file} {result.text} in its self-check, while the shipped bundle runs: export it again"
        return Finding("bundle", "bad", text, _replace_bundle(folder))
    if result.state == "crashed":
        only_legacy = machine.installed(LEGACY.package) and not machine.installed(LITERT.package)
        runtime = ONNX if variant.runtime == "onnx" else LEGACY if only_legacy else LITERT
        text, fix = runtime.crash(machine, f"{result.text} in its self-check")
        return Finding("bundle", "bad", f"{variant.file}: {text}", fix)
    if result.state == "missing":
        return Finding("bundle", "note", f"{variant.file} was not checked: {result.text}")
    if result.state == "failed":
        return Finding("bundle", "bad", result.text, _replace_bundle(folder))
    return Finding("bundle", "ok", f"{variant.file} reproduces its golden scores (largest difference {result.text})")


def _runs_shipped(machine: Machine, folder: Path, runtime: str) -> bool:
    """Return whether the runtime runs the shipped bundle, so that another folder is at fault."""
    if folder == SHIPPED_BUNDLE:
        return False
    return (
        machine.isolated("replay", str(SHIPPED_BUNDLE), load_bundle(SHIPPED_BUNDLE).find(runtime).file).state == "done"
    )


def _replace_bundle(folder: Path) -> str:
    if folder == SHIPPED_BUNDLE:
        return "pip install --force-reinstall --no-deps .  # in the folder of the clone or release"
    return f"fashion-export --out {quote(str(folder))} --overwrite"


def check_colours(machine: Machine) -> Iterator[Finding]:
    """Each decoder that a source uses keeps the colours."""
    if machine.import_error("cv2"):
        return  # a finding of check_opencv
    card = CARD.repeat(48, axis=0).repeat(48, axis=1)
    wrong = []
    with TemporaryDirectory() as folder:
        for kind in ("png", "jpg", "avi"):
            try:
                decoded = write_and_read(card, Path(folder, f"card.{kind}"))
                if np.abs(decoded[24::48, 24::48].astype(int) - CARD).max() > CODEC_TOLERANCE:
                    wrong.append(f"{kind}: other colours")
            except FashionError as error:
                wrong.append(f"{kind}: {error}")
    if wrong:
        text = f"decoding changes colours ({'; '.join(wrong)})"
        yield Finding("colours", "bad", text, _reinstall_decoders(machine))
    else:
        yield Finding("colours", "ok", "png, jpg and avi keep red, green, blue and grey")


def _reinstall_decoders(machine: Machine) -> str:
    """The command that installs the decoders again, in versions for the installed numpy, which picamera2 needs."""
    names = _opencv_builds(machine)
    if len(names) > 1:
        return _install_one_opencv(machine)
    opencv = f"{names[0]}=={machine.installed(names[0])}" if names else f"'opencv-python-headless{FOR_NUMPY_1}'"
    return f"pip install --force-reinstall --no-deps {opencv} pillow"


def write_and_read(card: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    """Write the card with OpenCV, and read it as a source does."""
    if path.suffix == ".avi":
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (96, 96))
        writer.write(card)
        writer.release()
    else:
        cv2.imwrite(str(path), card)
    for item in open_source(str(path), every_frame=True).items():
        if isinstance(item, Frame):
            return item.image
    raise FashionError("no frame came back")
