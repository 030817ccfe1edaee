"""The script that measures the loop: loaded from its file, since it is no package."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "edge_speed.py"


def test_a_clip_that_cannot_be_measured_is_named(tmp_path):
    spec = importlib.util.spec_from_file_location("edge_speed", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(SystemExit, match=r"none\.mp4 is not a picture or a video"):
        module.ask("allow", tmp_path / "none.mp4")
