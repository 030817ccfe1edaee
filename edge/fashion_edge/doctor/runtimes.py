"""TFLite and ONNX runtimes, and whether they suit this processor."""

from collections.abc import Iterator
from dataclasses import dataclass

from fashion_edge.doctor.aside import Outcome
from fashion_edge.doctor.machine import Finding, Machine, number

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
