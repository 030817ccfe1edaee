"""The script that watches a run's clients: loaded from its file, since it is no package."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "edge_clients.py"


@pytest.fixture(scope="module")
def clients():
    spec = importlib.util.spec_from_file_location("edge_clients", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_run_that_does_not_start_is_told_and_not_waited_for(clients):
    with clients.process("raise SystemExit(2)") as edge, pytest.raises(SystemExit, match="ended with status 2"):
        clients.await_frames(clients.free_port(), edge)


def test_a_token_of_the_shell_does_not_close_the_metrics_to_the_script(clients, monkeypatch):
    monkeypatch.setenv("FASHION_EDGE_TOKEN", "0123456789abcdef")
    with clients.process("import os; print(os.environ.get('FASHION_EDGE_TOKEN'))") as child:
        assert child.stdout.readline() == "None\n"
