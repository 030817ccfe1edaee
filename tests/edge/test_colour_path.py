import numpy as np
import pytest

from fashion_edge import pipeline
from fashion_edge.backends.fake import FakeBackend
from fashion_edge.bundle import Bundle
from fashion_edge.cli import main
from fashion_edge.errors import ModelError
from fashion_edge.frame import Roi
from fashion_edge.golden import self_test_colours
from fashion_edge.pipeline import Labeller, Options
from fashion_edge.preprocess import InputSpec, preprocess


@pytest.mark.parametrize("roi", ["auto", "full", "0.5,0.5,0.01,0.01"])
def test_the_way_of_a_frame_keeps_its_colours(shipped: Bundle, roi: str) -> None:
    labeller = Labeller(
        shipped.manifest, FakeBackend([0.0] * 6, shipped.manifest.input.shape), Options(Roi.parse(roi)), still=False
    )
    self_test_colours(lambda frame: labeller.prepare(frame).pixels, shipped.manifest.input.channels)


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_both_orders_of_a_model_are_known(channels: str) -> None:
    spec = InputSpec(channels=channels)
    self_test_colours(lambda frame: preprocess(frame.image, spec), channels)


def test_swapped_channels_are_refused() -> None:
    spec = InputSpec(channels="RGB")
    with pytest.raises(
        ModelError, match=r"red \(200, 40, 40\) reaches the model as \(40, 40, 200\) \(red and blue are"
    ):
        self_test_colours(lambda frame: preprocess(frame.image[:, :, ::-1], spec), "RGB")


def test_a_grey_picture_is_refused() -> None:
    def grey(frame: object) -> np.ndarray:
        return np.repeat(frame.image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)

    with pytest.raises(ModelError, match="the picture is grey"):
        self_test_colours(grey, "RGB")


def test_a_run_with_swapped_channels_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(pipeline, "preprocess", lambda image, spec: preprocess(image[:, :, ::-1].copy(), spec))
    assert main(["--source", "demo", "--frames", "1", "--headless"]) == 2
    assert "red and blue are swapped" in capsys.readouterr().err
