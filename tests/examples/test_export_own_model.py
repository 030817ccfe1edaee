"""The example that exports an own Keras model runs, and its bundle labels a photo."""

import subprocess
import sys
from pathlib import Path

import pytest

from fashion_edge.bundle import load_bundle

EXAMPLE = Path(__file__).parents[2] / "examples" / "export_own_model.py"


@pytest.mark.slow
def test_own_model_is_exported(tmp_path):
    from fashion_render import render_dataset

    render_dataset(tmp_path / "photos", 20, 0)
    command = [sys.executable, str(EXAMPLE), str(tmp_path / "photos"), str(tmp_path / "own")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert "proven" in done.stdout
    bundle = load_bundle(tmp_path / "own")
    assert [variant.name for variant in bundle.manifest.variants] == ["litert int8", "litert float32", "onnx float32"]
    assert set(bundle.manifest.space.groups) == {"colour", "garment"}
