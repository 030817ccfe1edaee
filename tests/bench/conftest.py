"""The shipped bundle, and results and documents made without measuring."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from fashion_bench.cli import main
from fashion_bench.document import Accuracy, Document, Result, Round, Sections
from fashion_bench.machine import Machine
from fashion_edge.defaults import default_bundle


@pytest.fixture(scope="session")
def bundle_folder() -> Path:
    """The shipped bundle: int8 and float32 for LiteRT, float32 for ONNX Runtime."""
    return default_bundle()


@pytest.fixture
def run_bench(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """Run the command and check its exit status; returns standard output and standard error."""

    def call(*args: object, status: int = 0) -> tuple[str, str]:
        assert main([str(arg) for arg in args]) == status
        return capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """Load a script from its path below benchmarks/."""

    def load(path: str) -> ModuleType:
        file = Path(__file__).parents[2] / "benchmarks" / path
        spec = importlib.util.spec_from_file_location(file.stem, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def make_result() -> Callable[..., Result]:
    """Results with rounds of chosen samples, or of seeded noise around `p50`."""

    def make(
        file: str = "model.int8.tflite",
        engine: str = "litert",
        precision: str = "int8",
        threads: int = 1,
        p50: float = 1.0,
        rounds: int = 6,
        samples: Sequence[float] | None = None,
        seed: int = 0,
        size: int = 187_000,
        verdict: str = "VALID",
        reasons: tuple[str, ...] = (),
        exact_match: float | None = None,
        **of_round: Any,
    ) -> Result:
        rng = np.random.default_rng(seed)
        blocks = [samples or (p50 * (1 + 0.02 * rng.gamma(2.0, 1.0, 100))).tolist() for _ in range(rounds)]
        readings = {"clock_mhz": (None, None), "temperature_c": (None, None), "throttled": (None, None)}
        times = {"import_ms": 200.0, "load_ms": 3.0, "first_ms": 2.0, "warmup_ms": (1.5, 1.2), "seconds": 0.5}
        facts: dict[str, Any] = {**times, "other_cores": 0.0, **readings, **of_round}
        return Result(
            variant=file,
            runtime=engine,
            engine="ai-edge-litert 2.3.0",
            precision=precision,
            threads=threads,
            bytes=size,
            verdict=verdict,
            reasons=reasons,
            accuracy=None if exact_match is None else Accuracy(photos=100, exact_match=exact_match),
            samples_ms=tuple(ms for block in blocks for ms in block),
            rounds=tuple(Round(samples=len(block), **facts) for block in blocks),
        )

    return make


@pytest.fixture
def make_document() -> Callable[..., Document]:
    """A document of these results, all measured on the same board by default."""

    def make(*results: Result, machine: Mapping[str, Any] | None = None, **more: Any) -> Document:
        board = {"board": "Raspberry Pi 4 Model B", "cpu": "Cortex-A72", "arch": "aarch64", "cores": 4}
        board |= {"features": ["neon"], "memory_gb": 3.8, "governor": "ondemand", "python": "3.11.2"}
        board |= {"runtimes": {"ai-edge-litert": "2.3.0"}}
        facts: dict[str, Any] = {
            "created": "2026-01-01T00:00:00+00:00",
            "command": "fashion-bench --json now.json",
            "bundle": {"name": "shipped", "files": {}},
            "settings": {},
            "load": {"before": [0, 0, 0], "after": [0, 0, 0]},
            "floor": None,
            "skipped": (),
            "sections": Sections(),
            **more,
        }
        return Document(machine=Machine(**board | (machine or {})), results=results, **facts)

    return make
