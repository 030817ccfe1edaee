from pathlib import Path

import pytest

from fashion_bench import outputs
from fashion_bench.outputs import Outputs
from fashion_edge.errors import MissingExtraError


def test_plots_that_could_not_be_drawn_are_refused_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outputs, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"matplotlib is not installed: pip install 'fashion-edge\[bench\]'"):
        Outputs(plots=Path("plots")).check()
    assert Outputs().check() is None
