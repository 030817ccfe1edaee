"""Thresholds of a run that was tuned for a precision stay."""

from types import SimpleNamespace

import numpy as np
import pytest

from fashion_edge.decide import LabelSpace
from fashion_export import export

TRUTH = (np.arange(200) % 2 == 0)[:, None]


@pytest.mark.parametrize(("wished", "moved"), [(None, True), (0.98, False)])
def test_thresholds_that_were_tuned_for_a_precision_stay(monkeypatch, wished, moved):
    scores = np.where(TRUTH, 0.35, 0.1).astype(np.float32)
    monkeypatch.setattr(export, "open_file", lambda *_: SimpleNamespace(run=lambda _pixels: scores))
    source = SimpleNamespace(
        space=LabelSpace(("red",), {}, {"red": 0.5}), spec=None, facts={"target_precision": wished}
    )
    ready = SimpleNamespace(source=source, validation=SimpleNamespace(truth=TRUTH, pixels=None))
    tuned_space, tuned = export.retune(ready, {export.INT8: b""}, SimpleNamespace(tune=True))
    assert bool(tuned) == moved
    assert (tuned_space.thresholds["red"] != 0.5) == moved
