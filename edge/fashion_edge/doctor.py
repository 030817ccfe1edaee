"""`fashion-doctor`: what is wrong on this machine, and the one command that mends it."""

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from fashion_edge.console import run_command
from fashion_edge.errors import FashionError


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    state: str  # "ok", "note" (works, but know this) or "bad" (something does not work)
    text: str
    mend: str | None = None  # the one command that mends it


def installed(package: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def check_python() -> Iterator[Finding]:
    """Interpreter and processor."""
    text = f"Python {platform.python_version()} on {platform.machine()}"
    if sys.maxsize <= 2**32:
        yield Finding("python", "bad", f"{text}, 32 bit: no runtime has wheels for it", "install a 64-bit system")
    else:
        yield Finding("python", "ok", text)


def check_runtimes() -> Iterator[Finding]:
    """TFLite and ONNX runtimes."""
    litert, legacy, onnx = installed("ai-edge-litert"), installed("tflite-runtime"), installed("onnxruntime")
    if litert:
        yield Finding("runtime", "ok", f"ai-edge-litert {litert}")
    elif legacy:
        yield Finding("runtime", "note", f"tflite-runtime {legacy}: slow on int8", "pip install ai-edge-litert")
    else:
        yield Finding("runtime", "bad", "no TFLite runtime", "pip install ai-edge-litert")
    if onnx:
        yield Finding("onnxruntime", "ok", f"onnxruntime {onnx}")
    else:
        yield Finding(
            "onnxruntime", "note", "not installed: --runtime onnx will not work", "pip install 'fashion-edge[onnx]'"
        )


def check_opencv() -> Iterator[Finding]:
    """Exactly one of the OpenCV builds, since all of them write the same folder."""
    names = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
    found = [f"{name} {number}" for name in names if (number := installed(name))]
    if len(found) > 1:
        yield Finding(
            "opencv",
            "bad",
            f"{' and '.join(found)} overwrite each other's files",
            f"pip uninstall -y {' '.join(names)} && pip install 'fashion-edge[headless]'",
        )
        return
    try:
        import cv2
    except ImportError as error:
        yield Finding("opencv", "bad", f"OpenCV cannot be imported ({error})", "pip install 'fashion-edge[headless]'")
        return
    yield Finding("opencv", "ok", found[0] if found else f"OpenCV {cv2.__version__} of the system")


def check_display() -> Iterator[Finding]:
    """Whether a window can be shown."""
    from fashion_edge.sinks.window import why_no_window

    try:
        reason = why_no_window()
    except FashionError as error:
        reason = str(error)
    yield Finding("window", "note", f"no window: {reason}") if reason else Finding("window", "ok", "a display is there")


def check_cameras() -> Iterator[Finding]:
    """V4L2 devices that this user may open."""
    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        yield Finding("camera", "note", "no /dev/video*: no USB camera is plugged in, or its driver is missing")
    for device in devices:
        name_file = Path("/sys/class/video4linux") / device.name / "name"
        name = name_file.read_text().strip() if name_file.is_file() else "unknown"
        if os.access(device, os.R_OK | os.W_OK):
            yield Finding("camera", "ok", f"{device} ({name})")
        else:
            yield Finding("camera", "bad", f"{device} ({name}) may not be opened", "sudo usermod -aG video $USER")


def check_bundle() -> Iterator[Finding]:
    """Every variant of the default bundle replays its golden frames."""
    from fashion_edge.backends import open_backend
    from fashion_edge.bundle import load_bundle
    from fashion_edge.errors import MissingExtraError
    from fashion_edge.golden import self_check
    from fashion_edge.locate import default_bundle

    try:
        bundle = load_bundle(default_bundle())
    except FashionError as error:
        yield Finding("bundle", "bad", str(error), "fashion-export")
        return
    for variant in bundle.manifest.variants:
        try:
            drift = self_check(bundle, variant, open_backend(bundle, variant))
        except MissingExtraError as error:
            yield Finding("bundle", "note", f"{variant.file} was not checked: {error}")
        except FashionError as error:
            yield Finding("bundle", "bad", str(error), "fashion-export")
        else:
            yield Finding(
                "bundle", "ok", f"{variant.file} gives its golden scores back (largest difference {drift:.4f})"
            )


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    check_python,
    check_runtimes,
    check_opencv,
    check_display,
    check_cameras,
    check_bundle,
)
MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


@click.command(
    name="fashion-doctor",
    epilog="\b\nExample:\n  fashion-doctor --json > findings.json\n\nExit status: 0 nothing is bad, 1 something is.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON on standard output.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def command(*, as_json: bool, debug: bool) -> int:
    """Look at this machine and say what would keep fashion-edge from working, with the command that mends it."""
    del debug
    findings = [finding for check in CHECKS for finding in check()]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{MARKS[finding.state]}  {finding.subject:<12} {finding.text}")
            if finding.mend:
                click.echo(f"      {'':<12} mend: {finding.mend}")
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fashion-doctor` and return its exit status."""
    return run_command(command, argv)
