"""What is measured: variant x engine x threads, and the order of the rounds."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from random import Random

from fashion_edge.backends import Backend, open_backend
from fashion_edge.bundle import Bundle, Variant
from fashion_edge.errors import FashionError, MissingExtraError, UsageError

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


MOST_DEFAULT_THREADS = 4  # boards have four cores; more threads than that slow a network of a megabyte


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    file: str | None  # None: the null backend
    engine: str
    precision: str
    threads: int
    bytes: int

    @property
    def name(self) -> str:
        """`litert int8 x1`."""
        return f"{self.engine} {self.precision} x{self.threads}"


NULL_CASE = Case(None, NULL, "none", 1, 0)


def default_threads() -> tuple[int, ...]:
    """One, and as many as this process may use, up to four."""
    return tuple(sorted({1, min(len(os.sched_getaffinity(0)), MOST_DEFAULT_THREADS)}))


def plan_cases(
    bundle: Bundle,
    threads: Sequence[int],
    engines: Sequence[str] = (),
    precisions: Sequence[str] = (),
) -> tuple[Case, ...]:
    """Cases in the manifest's order; empty filters let everything through.

    Raises:
        UsageError: nothing is left.
    """
    cases = tuple(
        Case(variant.file, engine, variant.precision, count, variant.bytes)
        for variant in bundle.manifest.variants
        for engine in _chosen(variant, engines)
        for count in threads
        if not precisions or variant.precision in precisions
    )
    if not cases:
        there = ", ".join(variant.name for variant in bundle.manifest.variants)
        raise UsageError(f"no variant fits {' '.join([*engines, *precisions])}; the bundle has {there}")
    return cases


def shuffled_rounds(cases: Sequence[Case], rounds: int, seed: int) -> Iterator[tuple[int, Case]]:
    """(round, case): each round holds every case once, in an order of its own.

    Interleaving spreads what drifts (heat, clocks, other programs) evenly over the cases.
    """
    random = Random(seed)  # noqa: S311 - an order, not a secret
    for number in range(rounds):
        yield from ((number, case) for case in random.sample(cases, len(cases)))


def _chosen(variant: Variant, engines: Sequence[str]) -> tuple[str, ...]:
    if not engines:
        return engines_for(variant)
    # an engine asked for by name is kept though it is missing here, so that the report can say so
    return tuple(engine for engine in engines if ENGINES[engine][0] == variant.runtime)
