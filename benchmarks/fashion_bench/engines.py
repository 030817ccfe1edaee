"""Which installed runtime can run which variant. Found without importing any; opened inside the worker."""

from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

from fashion_edge.backends import Backend, open_backend
from fashion_edge.bundle import Bundle, Variant
from fashion_edge.errors import FashionError, MissingExtraError

NULL = "null"  # answers at once: what it takes is what the harness takes
# engine -> (runtime of the manifest that it can stand for, module, package)
ENGINES = {
    "litert": ("litert", "ai_edge_litert", "ai-edge-litert"),
    "tflite-runtime": ("litert", "tflite_runtime", "tflite-runtime"),
    "tensorflow": ("litert", "tensorflow", "tensorflow"),
    "onnx": ("onnx", "onnxruntime", "onnxruntime"),
}
HOW_TO_INSTALL = {
    "litert": "ai-edge-litert",
    "tflite-runtime": "'tflite-runtime==2.14' 'numpy<2' (Python 3.11 at most)",
    "tensorflow": "'fashion-edge[train]'",
    "onnx": "'fashion-edge[onnx]'",
}


class MissingEngineError(MissingExtraError):
    """The engine's package is not installed."""

    def __init__(self, engine: str) -> None:
        FashionError.__init__(self, f"{ENGINES[engine][2]} is not installed: pip install {HOW_TO_INSTALL[engine]}")


def is_installed(engine: str) -> bool:
    """Whether the engine's package can be imported here; nothing is loaded."""
    return find_spec(ENGINES[engine][1]) is not None


def engines_for(variant: Variant) -> tuple[str, ...]:
    """Installed engines that read this variant's format; where there is none, the native one, to be reported."""
    able = [name for name, (runtime, _, _) in ENGINES.items() if runtime == variant.runtime and is_installed(name)]
    return tuple(able) or (variant.runtime,)


def engine_versions() -> dict[str, str]:
    """Installed engines and their versions."""
    return {package: version(package) for name, (_, _, package) in ENGINES.items() if is_installed(name)}


def open_engine(bundle: Bundle, variant: Variant, engine: str, threads: int) -> Backend:
    """Load a variant as the device does, or into another engine that reads the same file.

    Raises:
        ModelError: missing, damaged, or refused by the engine.
        MissingEngineError: the engine is not installed.
    """
    if engine == NULL:
        from fashion_edge.backends.fake import FakeBackend

        space, spec = bundle.manifest.space, bundle.manifest.input
        return FakeBackend([0.0] * len(space.labels), spec.shape)
    if not is_installed(engine):
        raise MissingEngineError(engine)
    if engine == variant.runtime:
        return open_backend(bundle, variant, threads)
    from fashion_edge.backends import litert

    _, module, package = ENGINES[engine]
    interpreter = (
        import_module("tensorflow").lite.Interpreter
        if engine == "tensorflow"
        else import_module(f"{module}.interpreter").Interpreter
    )
    return litert.load(bundle.read(variant), variant.file, threads, (interpreter, f"{package} {version(package)}"))
