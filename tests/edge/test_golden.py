import hashlib
import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

from fashion_edge import pipeline
from fashion_edge.backends import FakeBackend, open_backend
from fashion_edge.bundle import Bundle, load_bundle
from fashion_edge.errors import BundleError, ModelError
from fashion_edge.frame import Roi
from fashion_edge.golden import parse_golden, self_check, self_test_colours
from fashion_edge.pipeline import Labeller, Options
from fashion_edge.preprocess import InputSpec, preprocess


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def check(bundle: Bundle) -> float:
    return self_check(bundle, bundle.find(), open_backend(bundle, bundle.find()))


@pytest.fixture
def with_golden(shipped, bundle_copy, edit_manifest):
    """Change the arrays of the golden file, and its hash in the manifest as a forger would."""

    def write(change: Callable[[dict], object]) -> Bundle:
        golden = parse_golden(shipped.read_golden())
        arrays = {"frames": golden.frames, "inputs": golden.inputs, "labels": np.array(golden.labels)}
        arrays |= {f"scores:{name}": values for name, values in golden.scores.items()}
        change(arrays)
        data = npz(**arrays)
        (bundle_copy / "golden.npz").write_bytes(data)
        return load_bundle(edit_manifest(lambda m: m["golden"].update(sha256=hashlib.sha256(data).hexdigest())))

    return write


def test_every_shipped_tflite_variant_passes_its_self_check(shipped):
    for variant in shipped.manifest.variants:
        if variant.runtime == "litert":
            assert self_check(shipped, variant, open_backend(shipped, variant)) <= 0.02


SHAPE = (120, 96, 3)
NAN = float("nan")


class Broken(FakeBackend):
    """Fails as a runtime does."""

    def run(self, batch: np.ndarray) -> np.ndarray:
        raise RuntimeError("node 7 failed\nto invoke")


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (FakeBackend([0.5] * 6, SHAPE), "differs from its golden scores by 0"),
        (FakeBackend([NAN] * 6, SHAPE), "differs from its golden scores by nan"),
        (FakeBackend([0.0] * 5, SHAPE), "gives 5 scores, the manifest names 6 labels"),
        (FakeBackend([0.0] * 6, (8, 8, 3)), r"expects inputs \(8, 8, 3\), the manifest says"),
        (Broken([0.0] * 6, SHAPE), r"model.int8.tflite does not run on fake \(node 7 failed to invoke\)"),
    ],
)
def test_a_runtime_that_does_not_give_the_golden_scores_is_refused(shipped, backend, said):
    with pytest.raises(ModelError, match=said):
        self_check(shipped, shipped.find(), backend)


def test_a_swapped_channel_order_is_noticed(shipped, monkeypatch):
    backend = open_backend(shipped, shipped.find())
    right = backend.run
    monkeypatch.setattr(type(backend), "run", lambda _, batch: right(np.ascontiguousarray(batch[..., ::-1])))
    with pytest.raises(ModelError, match="differs from its golden scores"):
        self_check(shipped, shipped.find(), backend)


def test_a_manifest_with_its_labels_in_another_order_is_refused(edit_manifest):
    """Same scores, same count, and every name wrong."""
    bundle = load_bundle(edit_manifest(lambda manifest: manifest["labels"].reverse()))
    with pytest.raises(ModelError, match=r"the manifest's labels \['shirt', .* are not in the order of the scores"):
        check(bundle)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a.update(inputs=a["inputs"] ^ 1), "preprocessing of the golden frames differs"),
        (lambda a: a.pop("scores:model.int8.tflite"), "no scores for model.int8.tflite"),
    ],
    ids=["other preprocessing", "without this variant"],
)
def test_a_golden_file_that_does_not_fit_the_variant_is_refused(with_golden, change, said):
    with pytest.raises(ModelError, match=said):
        check(with_golden(change))


def test_a_model_without_a_sigmoid_is_refused(with_golden):
    logits = np.linspace(-4, 7.3, 6, dtype=np.float32)

    def change(arrays: dict) -> None:
        arrays["scores:model.int8.tflite"] = np.tile(logits, (len(arrays["frames"]), 1))

    bundle = with_golden(change)
    with pytest.raises(ModelError, match=r"gives scores of -4 to 7\.3, and scores lie in 0\.\.1; add a sigmoid"):
        self_check(bundle, bundle.find(), FakeBackend(logits.tolist(), SHAPE))


def test_a_golden_file_that_was_replaced_is_refused(bundle_copy):
    (bundle_copy / "golden.npz").write_bytes(b"something else")
    with pytest.raises(ModelError, match="hash"):
        load_bundle(bundle_copy).read_golden()


FRAMES = np.zeros((1, 8, 8, 3), np.uint8)
SCORES = np.zeros((1, 1), np.float32)


def zipped(content: bytes | str) -> bytearray:
    """A golden file with nothing but frames.npy."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.npy", content)
    return bytearray(buffer.getvalue())


def garbled() -> bytes:
    data = zipped(bytes(1000))
    start = data.index(b"frames.npy") + len("frames.npy")
    data[start : start + 4] = b"\xff" * 4
    return data


def encrypted() -> bytes:
    data = zipped(bytes(1000))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + flags] |= 1
    return data


def petabyte() -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 50,)})
    return zipped(header.getvalue())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (npz(frames=np.array([{"a": 1}], object), inputs=FRAMES), "not readable .*; export the bundle again"),
        (b"PK rubbish", "not readable"),
        (npz(frames=FRAMES), "not readable"),
        (garbled(), "not readable"),
        (encrypted(), "not readable"),
        (petabyte(), "not readable"),
        (npz(frames=FRAMES.astype(np.float32), inputs=FRAMES, labels=np.array(["red"])), "does not hold frames"),
        (zipped(bytes(100 << 20)), "unpacks to 100 MB, above 64"),
    ],
    ids=["pickle", "rubbish", "no inputs", "garbled", "encrypted", "petabyte", "floats", "zip bomb"],
)
def test_pickles_zip_bombs_and_damaged_golden_files_are_refused(data, said):
    with pytest.raises(BundleError, match=said):
        parse_golden(bytes(data))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": np.uint8(7)}, "frames"),
        ({"frames": FRAMES[:0], "inputs": FRAMES[:0]}, "frames"),
        ({"frames": FRAMES[:, :0]}, "frames"),
        ({"frames": np.zeros((1, 8, 8, 4), np.uint8)}, "frames"),
        ({"scores:model.tflite": np.array([["high"]])}, "scores"),
    ],
)
def test_a_golden_file_with_arrays_of_another_shape_is_refused(change, said):
    arrays = {"frames": FRAMES, "inputs": FRAMES, "labels": np.array(["red"]), "scores:model.tflite": SCORES}
    assert parse_golden(npz(**arrays)).scores["model.tflite"] == SCORES
    with pytest.raises(BundleError, match=f"does not hold {said}"):
        parse_golden(npz(**{**arrays, **change}))


def test_a_golden_file_with_other_members_than_arrays_is_refused():
    data = io.BytesIO(npz(inputs=FRAMES, labels=np.array(["red"])))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("frames.npy", "hello")
    with pytest.raises(BundleError, match="does not hold frames"):
        parse_golden(data.getvalue())


@pytest.mark.parametrize("roi", ["auto", "full", "0.5,0.5,0.01,0.01"])
def test_preprocessing_keeps_colours(shipped, roi):
    labeller = Labeller(
        shipped.manifest, FakeBackend([0.0] * 6, shipped.manifest.input.shape), Options(Roi.parse(roi)), still=False
    )
    self_test_colours(lambda frame: labeller.prepare(frame).pixels, shipped.manifest.input.channels)


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_both_channel_orders_pass(channels):
    spec = InputSpec(channels=channels)
    self_test_colours(lambda frame: preprocess(frame.image, spec), channels)


def grey(image: np.ndarray) -> np.ndarray:
    return np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda image: image[:, :, ::-1],
            r"red \(200, 40, 40\) reaches the model as \(40, 40, 200\) \(red and blue are",
        ),
        (grey, "the picture is grey"),
    ],
    ids=["swapped", "grey"],
)
def test_changed_colours_are_refused(change, said):
    with pytest.raises(ModelError, match=said):
        self_test_colours(lambda frame: preprocess(change(frame.image), InputSpec()), "RGB")


def test_a_run_with_swapped_channels_does_not_start(monkeypatch, run_demo):
    monkeypatch.setattr(pipeline, "preprocess", lambda image, spec: preprocess(image[:, :, ::-1].copy(), spec))
    done = run_demo(1)
    assert done.status == 2
    assert "red and blue are swapped" in done.err
