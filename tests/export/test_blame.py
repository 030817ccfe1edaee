"""The layer that int8 hurts most is found, and called by its Keras name."""

from dataclasses import replace

import numpy as np
import pytest

from fashion_edge.preprocess import InputSpec
from fashion_export.graph import copy_network
from fashion_export.parity import MARK, layer_errors
from fashion_export.source import load_model
from fashion_export.variants import ALL, convert
from fashion_export.variants.job import Job

pytestmark = pytest.mark.slow

INT8, FLOAT32 = (next(r for r in ALL if r.name == name) for name in ("litert int8", "litert float32"))


def errors_of(run_folder):
    from fashion_export.calibration import load_inputs
    from fashion_export.source import load_run

    source = load_run(run_folder)
    pixels = load_inputs(source.root, source.calibration, source.space.labels, source.spec).pixels
    model = copy_network(load_model(run_folder / "model.keras"), mark=MARK)
    job = Job(model, InputSpec(48, 40), pixels)
    return layer_errors(convert(FLOAT32, job), convert(INT8, replace(job)), pixels)


def test_a_healthy_network_has_small_errors_everywhere(trained_run):
    errors = errors_of(trained_run)
    assert len(errors) >= 5
    assert max(entry.error for entry in errors) < 0.15
    assert all(np.isfinite(entry.error) for entry in errors)


def test_the_sick_layer_comes_first_by_its_own_name(sick_run):
    worst = errors_of(sick_run)[0]
    assert "sick" in worst.layer
    assert "scores" in worst.layer  # the converter folds the batch norm into the dense layer behind it
    assert MARK not in worst.layer
    assert worst.error > 0.5
