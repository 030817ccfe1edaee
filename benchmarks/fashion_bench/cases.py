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

NULL = "null"  # a backend that returns at once, which measures the harness itself
MOST_DEFAULT_THREADS = 4  # boards have four cores; more threads than that slow a network of a megabyte


@dataclass(frozen=True)
class Engine:
    """A library that runs model files."""

    runtime: str  # the runtime of the manifest whose files it reads
    module: str
    package: str
    install: str  # what follows `pip install`


ENGINES = {
    "litert": Engine("litert", "ai_edge_litert", "ai-edge-litert", "ai-edge-litert"),
    "tflite-runtime": Engine(
        "litert", "tflite_runtime", "tflite-runtime", "'tflite-runtime==2.14' 'numpy<2' (Python 3.11 at most)"
    ),
    "tensorflow": Engine("litert", "tensorflow", "tensorflow", "'fashion-edge[train]'"),
    "onnx": Engine("onnx", "onnxruntime", "onnxruntime", "'fashion-edge[onnx]'"),
}


class MissingEngineError(MissingExtraError):
    """The engine's package is not installed."""

    def __init__(self, engine: str) -> None:
        missing = ENGINES[engine]
        FashionError.__init__(self, f"{missing.package} is not installed: pip install {missing.install}")


def is_installed(engine: str) -> bool:
    """Whether the engine's package can be imported; nothing is loaded."""
    return find_spec(ENGINES[engine].module) is not None


def engine_versions() -> dict[str, str]:
    """Installed engines and their versions."""
    return {engine.package: version(engine.package) for name, engine in ENGINES.items() if is_installed(name)}


def import_engine(engine: str) -> None:
    """Import an engine's library, where it is installed."""
    if engine != NULL and is_installed(engine):
        module = ENGINES[engine].module
        import_module(f"{module}.interpreter" if module in ("ai_edge_litert", "tflite_runtime") else module)


def open_engine(bundle: Bundle, variant: Variant, engine: str, threads: int) -> Backend:
    """Load a variant as the device does, or into another engine that reads the same file.

    Raises:
        ModelError: missing, damaged, or refused by the engine.
        MissingEngineError: the engine is not installed.
    """
    if engine == NULL:
        from fashion_edge.backends import FakeBackend

        return FakeBackend([0.0] * len(bundle.manifest.space.labels), bundle.manifest.input.shape)
    if not is_installed(engine):
        raise MissingEngineError(engine)
    if engine == variant.runtime:
        return open_backend(bundle, variant, threads)
    from fashion_edge.backends import litert

    package = ENGINES[engine].package
    if engine == "tensorflow":
        interpreter = import_module("tensorflow").lite.Interpreter
    else:
        interpreter = import_module(f"{ENGINES[engine].module}.interpreter").Interpreter
    return litert.load(bundle.read(variant), variant.file, threads, (interpreter, f"{package} {version(package)}"))


@dataclass(frozen=True)
class Case:
    """One row of the table."""

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
    bundle: Bundle, threads: Sequence[int] = (), engines: Sequence[str] = (), precisions: Sequence[str] = ()
) -> tuple[Case, ...]:
    """List the cases of a bundle in the order of its manifest.

    Args:
        bundle: the bundle whose variants are measured.
        threads: thread counts; 1 and the number of cores, up to 4, where empty.
        engines: keys of `ENGINES`; all that are installed where empty.
        precisions: such as "int8"; all where empty.

    Returns:
        The cases, at least one.

    Raises:
        UsageError: the bundle has no such variant.

    Example:
        >>> plan_cases(bundle, threads=(1,), precisions=("int8",))
    """
    cases = tuple(
        Case(variant.file, engine, variant.precision, count, variant.bytes)
        for variant in bundle.manifest.variants
        for engine in _choose_engines(variant, engines)
        for count in threads or default_threads()
        if not precisions or variant.precision in precisions
    )
    if not cases:
        available = ", ".join(variant.name for variant in bundle.manifest.variants)
        raise UsageError(f"no variant fits {' '.join([*engines, *precisions])}; the bundle has {available}")
    return cases


def _choose_engines(variant: Variant, engines: Sequence[str]) -> tuple[str, ...]:
    able = [name for name, engine in ENGINES.items() if engine.runtime == variant.runtime]
    if engines:  # also those that are not installed, so that the report says so
        return tuple(name for name in engines if name in able)
    return tuple(filter(is_installed, able)) or (variant.runtime,)


def shuffle_rounds(cases: Sequence[Case], rounds: int, seed: int) -> Iterator[Case]:
    """Every case once a round, in a new order each time.

    Interleaving spreads drift (heat, clocks, other programs) evenly over the cases.
    """
    random = Random(seed)  # noqa: S311 - an order, not a secret
    for _ in range(rounds):
        yield from random.sample(cases, len(cases))
