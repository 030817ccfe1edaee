from types import SimpleNamespace

import numpy as np
import pytest

from fashion_edge.backends import FakeBackend, litert, open_backend
from fashion_edge.errors import MissingExtraError, ModelError
from fashion_edge.golden import parse_golden


def test_runtimes_agree_on_the_golden_inputs(shipped):
    pytest.importorskip("onnxruntime")
    inputs = parse_golden(shipped.read_golden()).inputs
    by_runtime = [open_backend(shipped, shipped.find(runtime, "float32")).run(inputs) for runtime in ("litert", "onnx")]
    assert by_runtime[0].shape == (len(inputs), 6)
    assert np.abs(by_runtime[0] - by_runtime[1]).max() < 1e-3


def test_a_batch_has_the_scores_of_its_rows(shipped):
    inputs = parse_golden(shipped.read_golden()).inputs
    backend = open_backend(shipped, shipped.find())
    rows = np.concatenate([backend.run(inputs[i : i + 1]) for i in range(len(inputs))])
    assert np.array_equal(backend.run(inputs), rows)
    assert rows.dtype == np.float32
    assert 0 <= rows.min() <= rows.max() <= 1


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x20\x00\x00\x00TFL3" + bytes(64)])
def test_other_files_are_refused_as_models(data):
    with pytest.raises(ModelError, match=r"x\.tflite does not load in ai-edge-litert"):
        litert.load(data, "x.tflite", threads=1)
    pytest.importorskip("onnxruntime")
    from fashion_edge.backends import onnx

    with pytest.raises(ModelError, match=r"x\.onnx does not load in onnxruntime"):
        onnx.load(data, "x.onnx", threads=1)


class Interpreter:
    """What LiteRT says of a file with these shapes."""

    def __init__(self, source: tuple[int, ...], target: tuple[int, ...]) -> None:
        rest = {"index": 0, "dtype": np.uint8, "quantization": (1.0, 0)}
        self.get_input_details = lambda: [{"shape": np.array(source), **rest}]
        self.get_output_details = lambda: [{"shape": np.array(target), **rest}]
        self.allocate_tensors = lambda: None


@pytest.mark.parametrize(
    ("source", "target"), [((2, 8, 8, 3), (2, 6)), ((1, 8, 8, 6), (1, 6)), ((1, 8, 8, 3), (2, 6)), ((1, 192), (1, 6))]
)
def test_a_tflite_file_of_other_batches_or_channels_is_refused(source, target):
    def load(*shapes):
        return litert.load(b"", "x.tflite", 1, (lambda **_: Interpreter(*shapes), "a runtime"))

    assert load((1, 8, 8, 3), (1, 6)).input_shape == (8, 8, 3)
    with pytest.raises(ModelError, match=r"must have one input \(1, h, w, 3\) and one output \(1, labels\)"):
        load(source, target)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (["n", "h", 8, 3], ["n", 6]),
        (["n", 8, 8, 6], ["n", 6]),
        ([4, 8, 8, 3], [4, 6]),
        (["n", 8, 8, 3], ["n", None]),
        (["n", 8, 8, 3], []),  # so it is given where a file does not say
    ],
)
def test_an_onnx_file_with_a_dynamic_size_is_refused(monkeypatch, source, target):
    ort = pytest.importorskip("onnxruntime")
    from fashion_edge.backends import onnx

    def load(source, target):
        ends = [SimpleNamespace(name="", type="tensor(uint8)", shape=shape) for shape in (source, target)]
        session = SimpleNamespace(get_inputs=lambda: ends[:1], get_outputs=lambda: ends[1:])
        monkeypatch.setattr(ort, "InferenceSession", lambda *_, **__: session)
        return onnx.load(b"", "x.onnx", 1)

    assert load(["n", 8, 8, 3], ["n", 6]).input_shape == (8, 8, 3)
    with pytest.raises(ModelError, match=r"must have one input \(n, h, w, 3\) of uint8 and one output \(n, labels\)"):
        load(source, target)


def test_a_missing_runtime_is_the_pip_command(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    from fashion_edge.backends import onnx

    with pytest.raises(MissingExtraError, match=r"pip install 'fashion-edge\[onnx\]'"):
        onnx.load(b"", "x.onnx", threads=1)


def test_the_fake_refuses_what_a_real_runtime_refuses():
    fake = FakeBackend([0.25, 0.75], input_shape=(4, 4, 3))
    assert fake.run(np.zeros((3, 4, 4, 3), np.uint8)).tolist() == [[0.25, 0.75]] * 3
    assert fake.runs == 3
    with pytest.raises(ValueError, match="uint8"):
        fake.run(np.zeros((1, 4, 4, 3), np.float32))
    with pytest.raises(ValueError, match="inputs are"):
        fake.run(np.zeros((1, 5, 4, 3), np.uint8))
