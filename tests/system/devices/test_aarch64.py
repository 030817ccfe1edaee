"""The wheel on a Raspberry Pi's userland: Debian's arm64 Python as a Cortex-A72, both Pi OS releases."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from testbed import pi
from testbed.guest import Guest
from testbed.guide import commands
from testbed.host import GUEST
from testbed.wheels import PINNED

from fashion_edge.bundle import load_bundle
from fashion_edge.defaults import SHIPPED_BUNDLE
from fashion_edge.golden import TOLERANCE, parse_golden
from fashion_render.demo import DemoScene

BIN = "/opt/fashion/bin"
LIMITS = "--precision int8 --min-seconds 1 --min-samples 5 --warmup-runs 1 --rounds 1 --threads 1 --no-end-to-end"
COMMANDS = {
    "demo": "fashion-edge --source demo --seconds 15 --headless --jsonl /lab/demo.jsonl",  # five of its acts
    "doctor": "fashion-doctor --json",
    "bench": f"fashion-bench {LIMITS} --json /lab/bench.json",
    "scores": "python /lab/guest/scores.py /lab/bundle /lab/fashion.npz",
}
Ran = dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def both(wheel: Path) -> dict[str, tuple[Guest, Ran]]:
    """For each release a root with the wheel and its extras in /opt/fashion, and what the commands did there.

    The two releases run in parallel.
    """

    def make(suite: str) -> tuple[Guest, Ran]:
        guest = pi.boot(suite)
        pi.make_venv(guest, "/opt/fashion")
        pi.install(guest, suite, "/opt/fashion", [f"fashion-edge[headless,onnx] @ {wheel.as_uri()}"], *PINNED)
        shutil.copytree(SHIPPED_BUNDLE, guest.work / "bundle")
        return guest, {name: guest.run(f"{BIN}/{command}") for name, command in COMMANDS.items()}

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(pi.PYTHON, pool.map(make, pi.PYTHON), strict=True))


@pytest.fixture(scope="session", params=pi.PYTHON)
def suite(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def guest(both: dict[str, tuple[Guest, Ran]], suite: str) -> Guest:
    return both[suite][0]


@pytest.fixture
def ran(both: dict[str, tuple[Guest, Ran]], suite: str) -> Ran:
    return both[suite][1]


def test_each_wheel_and_each_dependency_fits_the_python_of_the_guest(guest: Guest) -> None:
    pi.check_fit(guest, "/opt/fashion")


def test_the_demo_is_labelled_after_the_golden_self_check(guest: Guest, ran: Ran) -> None:
    done = ran["demo"]
    assert done.returncode == 0, done.stderr
    assert "the shipped bundle: model.int8.tflite" in done.stderr
    assert "self-check passed" in done.stderr
    records = [json.loads(line) for line in (guest.work / "demo.jsonl").read_text().splitlines()]
    scene = DemoScene()
    shown = [(record["text"], scene.truth(record["frame"])) for record in records]
    garments = [(text, truth) for text, truth in shown if truth]
    assert len(set(garments)) > 2, "the demo shows too few garments"
    right = sum(" ".join(truth) == text for text, truth in garments)
    assert right > len(garments) / 2, sorted(set(garments))


def test_the_doctor_reports_no_problem(ran: Ran) -> None:
    done = ran["doctor"]
    findings = json.loads(done.stdout)
    assert done.returncode == 0, [finding for finding in findings if finding["state"] == "bad"]
    assert any("aarch64" in finding["text"] for finding in findings)


def test_the_benchmark_measures(guest: Guest, ran: Ran) -> None:
    assert ran["bench"].returncode == 0, ran["bench"].stderr
    (result,) = json.loads((guest.work / "bench.json").read_text())["results"]
    assert result["variant"] == "model.int8.tflite"
    assert len(result["samples_ms"]) >= 5


def test_scores_equal_those_on_x86(guest: Guest, ran: Ran, tmp_path: Path) -> None:
    assert ran["scores"].returncode == 0, ran["scores"].stderr
    subprocess.run([sys.executable, GUEST / "scores.py", SHIPPED_BUNDLE, tmp_path / "x86.npz"], check=True)
    arm, x86 = np.load(guest.work / "fashion.npz"), np.load(tmp_path / "x86.npz")
    assert np.array_equal(arm["inputs"], x86["inputs"]), "preprocessing differs between the processors"
    for variant in load_bundle(SHIPPED_BUNDLE).manifest.variants:
        here, there = arm[variant.file], x86[variant.file]
        assert there.std() > 0.01, f"{variant.file} gives the same scores for everything"
        if (variant.runtime, variant.precision) == ("litert", "int8"):
            assert np.array_equal(here, there), f"{variant.file}: off by {np.abs(here - there).max()}"
        else:
            assert np.abs(here - there).max() <= TOLERANCE[variant.precision], variant.file


def test_the_installed_packages_are_recorded_and_without_tensorflow(
    guest: Guest, suite: str, record: Callable[[str, object], None]
) -> None:
    program = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    packages = json.loads(guest.check(f"{BIN}/python -c {shlex.quote(program)}"))
    size = sum(path.lstat().st_size for path in (guest.root / "opt/fashion").rglob("*"))
    record(f"aarch64-{suite}", {"megabytes": round(size / 1e6), "packages": dict(sorted(packages.items()))})
    assert {"fashion-edge", "ai-edge-litert", "onnxruntime", "numpy"} <= set(packages)
    assert not {name for name in packages if "tensorflow" in name.lower() or name.lower() == "keras"}


def test_the_legacy_runtime_labels_on_bookworm(guest: Guest, suite: str, wheel: Path) -> None:
    """tflite-runtime with NumPy 1, for a device that cannot change: its int8 kernels round otherwise."""
    if suite not in pi.LEGACY_SUITES:
        pytest.skip("tflite-runtime ended at Python 3.11")
    (manual,) = [command for command in commands() if "tflite-runtime" in command]
    assert [word for word in shlex.split(manual) if word in pi.LEGACY] == list(pi.LEGACY)
    pi.make_venv(guest, "/opt/legacy")
    pi.install(guest, suite, "/opt/legacy", pi.LEGACY)
    pi.check_fit(guest, "/opt/legacy")
    pi.install(guest, suite, "/opt/legacy", [str(wheel)], "--no-deps")
    done = guest.run("/opt/legacy/bin/fashion-edge --source demo --frames 5 --headless")
    assert done.returncode == 0, done.stderr
    assert "on tflite-runtime 2.14.0" in done.stderr
    guest.check("/opt/legacy/bin/python /lab/guest/scores.py /lab/bundle /lab/legacy.npz")
    legacy, current = (np.load(guest.work / f"{venv}.npz")["model.int8.tflite"] for venv in ("legacy", "fashion"))
    drift = np.abs(legacy - current).max(axis=1)
    frames = len(parse_golden(load_bundle(SHIPPED_BUNDLE).read_golden()).frames)
    assert drift[:frames].max() <= TOLERANCE["int8"]
    assert drift[frames:].max() <= 2 * TOLERANCE["int8"]  # noise: scores in the middle, where a step weighs most
