"""What each package may import, and when."""

import re
import subprocess
import sys
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "raspberry-pi.md"
HEAVY = {
    "tensorflow", "keras", "onnx", "onnxruntime", "picamera2", "matplotlib", "scipy", "sklearn", "fashion_train",
    "aiohttp", "paho",
}  # fmt: skip


def loaded_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running the code."""
    script = f"import sys\n{code}\nprint('\\n'.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


PACKAGES = ("fashion_edge", "fashion_render", "fashion_train", "fashion_export", "fashion_bench")


def test_modules_do_not_import_each_other_in_a_cycle():
    """Imports inside functions and under TYPE_CHECKING count as well."""
    grimp = pytest.importorskip("grimp", reason="grimp comes with import-linter")
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    TopologicalSorter({module: graph.find_modules_directly_imported_by(module) for module in graph.modules}).prepare()


def test_the_runtime_loads_nothing_heavy_even_while_it_labels():
    run = "from fashion_edge.cli import main; import contextlib, io\n"
    run += "with contextlib.redirect_stdout(io.StringIO()): "
    run += "assert main(['--source', 'demo', '--frames', '2', '--headless', '--every-frame']) == 0"
    assert loaded_after(run).isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("package", "others"),
    [
        ("fashion_edge", {"numpy", "cv2", "click", "msgspec"}),
        ("fashion_edge.cli", {"numpy", "cv2", "ai_edge_litert", "rich"}),
        ("fashion_edge.doctor", {"numpy", "cv2", "ai_edge_litert", "rich"}),
        ("fashion_edge.cli.run", set()),
    ],
)
def test_importing_a_package_of_the_runtime_loads_no_heavy_library(package, others):
    assert loaded_after(f"import {package}").isdisjoint(HEAVY | others)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import fashion_bench.cli", {"numpy", "rich", "psutil", *HEAVY}),
        ("import fashion_export, fashion_export.cli", {"numpy", "cv2", "rich", *HEAVY}),
        ("import fashion_train, fashion_train.cli; fashion_train.train", {"cv2", *HEAVY} - {"fashion_train"}),
    ],
)
def test_importing_a_command_of_the_workstation_loads_no_heavy_library(code, heavy):
    assert loaded_after(code).isdisjoint(heavy)


def test_importing_the_library_is_quick():
    code = "import time; start = time.perf_counter(); import fashion_edge; print(time.perf_counter() - start)"
    done = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True) for _ in range(3)]
    assert min(float(one.stdout) for one in done) < 0.1


def test_the_guide_to_the_old_runtime_installs_all_that_a_run_loads():
    """It installs the package without its dependencies, so it must name each that a plain run cannot do without."""
    (command,) = re.findall(r"pip install 'tflite-runtime.*", GUIDE.read_text())
    run = "from fashion_edge.cli import main\nassert main(['--source', 'demo', '--frames', '2', '--headless']) == 0"
    ours = {re.split(r"[<>=;\[ ]", wanted)[0] for wanted in requires("fashion-edge") or () if "extra ==" not in wanted}
    owners = packages_distributions()
    needed = ours & {owner for name in loaded_after(run) for owner in owners.get(name, ())} - {"ai-edge-litert"}
    assert "click" in needed
    assert not {name for name in needed if name not in command}
