"""The scripts in benchmarks/, which are loaded from their files."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_edge_speed_names_a_clip_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(SystemExit, match=r"none\.mp4 is not a picture or a video"):
        load_script("edge_speed").run_child("model", tmp_path / "none.mp4")


def test_edge_clients_reports_a_run_that_does_not_start():
    clients = load_script("edge_clients")
    with clients.process("raise SystemExit(2)") as edge, pytest.raises(SystemExit, match="ended with status 2"):
        clients.await_frames(clients.free_port(), edge)


def test_edge_clients_starts_the_page_without_a_token(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FASHION_EDGE_TOKEN", "0123456789abcdef")
    with load_script("edge_clients").process("import os; print(os.environ.get('FASHION_EDGE_TOKEN'))") as child:
        assert child.stdout.readline() == "None\n"
