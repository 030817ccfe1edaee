from pathlib import Path

import pytest

from fashion_bench import outputs
from fashion_bench.outputs import Outputs
from fashion_edge.errors import MissingExtraError, UsageError


def test_plots_that_could_not_be_drawn_are_refused_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outputs, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"matplotlib is not installed: pip install 'fashion-edge\[bench\]'"):
        Outputs(plots=Path("plots")).check()
    assert Outputs().check() is None


def test_two_outputs_in_one_file_and_a_folder_for_a_file_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="--json and --csv both name"):
        Outputs(json_file=tmp_path / "o", csv=tmp_path / "o").check()
    with pytest.raises(UsageError, match="--markdown .* is a folder; name a file"):
        Outputs(markdown=tmp_path).check()
