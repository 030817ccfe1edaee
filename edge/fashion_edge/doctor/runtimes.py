"""TFLite and ONNX runtimes, and whether they suit this processor."""

from collections.abc import Iterator

from fashion_edge.doctor.machine import Finding, Machine, number

CORTEX_A72 = "0xd08"  # the "CPU part" of a Raspberry Pi 4
FIRST_FOR_A72 = (1, 32)  # earlier ones die there with an illegal instruction


def check_runtimes(machine: Machine) -> Iterator[Finding]:
    """The runtime of the default variant, and the other one."""
    litert, legacy = machine.installed("ai-edge-litert"), machine.installed("tflite-runtime")
    if litert and not _loads(machine, "ai_edge_litert.interpreter"):
        mend = "pip install --force-reinstall ai-edge-litert"
        yield Finding("runtime", "bad", f"ai-edge-litert {litert} cannot be imported", mend)
    elif litert:
        yield Finding("runtime", "ok", f"ai-edge-litert {litert}")
    elif legacy:
        yield Finding("runtime", "note", f"tflite-runtime {legacy}: slow on int8", "pip install ai-edge-litert")
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
    return Finding("onnxruntime", "ok", f"onnxruntime {onnx}")


def cpu_parts(machine: Machine) -> set[str]:
    """The parts that /proc/cpuinfo of an ARM machine names."""
    lines = (machine.read("proc/cpuinfo") or "").splitlines()
    return {line.partition(":")[2].strip().lower() for line in lines if line.startswith("CPU part")}


def _loads(machine: Machine, module: str) -> bool:
    try:
        machine.load(module)
    except (ImportError, OSError):
        return False
    return True
