import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fashion_edge import pipeline
from fashion_edge.backends import open_backend
from fashion_edge.backends.fake import FakeBackend
from fashion_edge.bundle import Bundle, load_bundle
from fashion_edge.cli import main
from fashion_edge.errors import BundleError, ModelError
from fashion_edge.frame import Roi
from fashion_edge.golden import parse_golden, self_check, self_test_colours
from fashion_edge.pipeline import Labeller, Options
from fashion_edge.preprocess import InputSpec, preprocess


def with_golden(bundle_copy: Path, data: bytes) -> Bundle:
    """The copied bundle with another golden file, its hash in the manifest as a forger would have it."""
    (bundle_copy / "golden.npz").write_bytes(data)
    manifest = json.loads((bundle_copy / "manifest.json").read_text())
    manifest["golden"]["sha256"] = hashlib.sha256(data).hexdigest()
    (bundle_copy / "manifest.json").write_text(json.dumps(manifest))
    return load_bundle(bundle_copy)


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def test_every_shipped_tflite_variant_passes_its_self_check(shipped):
    for variant in shipped.manifest.variants:
        if variant.runtime == "litert":
            assert self_check(shipped, variant, open_backend(shipped, variant)) <= 0.02


def test_a_runtime_with_other_scores_is_refused(shipped):
    with pytest.raises(ModelError, match="differs from its golden scores by"):
        self_check(shipped, shipped.find(), FakeBackend([0.5] * 6, shipped.manifest.input.shape))


def test_a_swapped_channel_order_is_noticed(shipped):
    class Swapped(FakeBackend):
        """Feeds blue where red belongs."""

        def run(self, batch):
            return open_backend(shipped, shipped.find()).run(np.ascontiguousarray(batch[..., ::-1]))

    with pytest.raises(ModelError, match="differs from its golden scores"):
        self_check(shipped, shipped.find(), Swapped([0.0] * 6, shipped.manifest.input.shape))


def test_nan_scores_are_refused(shipped):
    with pytest.raises(ModelError, match="differs from its golden scores by nan"):
        self_check(shipped, shipped.find(), FakeBackend([float("nan")] * 6, shipped.manifest.input.shape))


def test_a_model_of_another_label_count_or_input_size_is_refused(shipped):
    shape = shipped.manifest.input.shape
    with pytest.raises(ModelError, match="gives 5 scores, the manifest names 6 labels"):
        self_check(shipped, shipped.find(), FakeBackend([0.0] * 5, shape))
    with pytest.raises(ModelError, match=r"expects inputs \(8, 8, 3\), the manifest says"):
        self_check(shipped, shipped.find(), FakeBackend([0.0] * 6, (8, 8, 3)))


def test_a_manifest_with_its_labels_in_another_order_is_refused(bundle_copy):
    """Same scores, same count, and every name wrong."""
    file = bundle_copy / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["labels"].reverse()
    file.write_text(json.dumps(manifest))
    bundle = load_bundle(bundle_copy)
    with pytest.raises(ModelError, match=r"the manifest's labels \['shirt', .* are not in the order of the scores"):
        self_check(bundle, bundle.find(), open_backend(bundle, bundle.find()))


def test_changed_preprocessing_is_reported(shipped, bundle_copy):
    golden = parse_golden(shipped.read_golden())
    scores = {f"scores:{name}": values for name, values in golden.scores.items()}
    bundle = with_golden(
        bundle_copy, npz(frames=golden.frames, inputs=golden.inputs ^ 1, labels=np.array(golden.labels), **scores)
    )
    with pytest.raises(ModelError, match="preprocessing of the golden frames differs"):
        self_check(bundle, bundle.find(), open_backend(bundle, bundle.find()))


def test_a_model_that_loads_but_does_not_run_is_refused(shipped):
    class Broken(FakeBackend):
        """Fails as a runtime does."""

        def run(self, batch):
            raise RuntimeError("node 7 failed\nto invoke")

    with pytest.raises(ModelError, match=r"model.int8.tflite does not run on fake \(node 7 failed to invoke\)"):
        self_check(shipped, shipped.find(), Broken([0.0] * 6, shipped.manifest.input.shape))


def test_a_golden_file_without_this_variant_is_refused(shipped, bundle_copy):
    golden = parse_golden(shipped.read_golden())
    bundle = with_golden(bundle_copy, npz(frames=golden.frames, inputs=golden.inputs, labels=np.array(golden.labels)))
    with pytest.raises(ModelError, match="no scores for model.int8.tflite"):
        self_check(bundle, bundle.find(), open_backend(bundle, bundle.find()))


def test_a_golden_file_that_was_replaced_is_refused(bundle_copy):
    (bundle_copy / "golden.npz").write_bytes(b"something else")
    bundle = load_bundle(bundle_copy)
    with pytest.raises(ModelError, match="hash"):
        bundle.read_golden()


def test_pickles_zip_bombs_and_other_files_are_refused():
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    with pytest.raises(BundleError, match="not readable"):
        parse_golden(npz(frames=np.array([{"a": 1}], object), inputs=frames))
    with pytest.raises(BundleError, match="not readable"):
        parse_golden(b"PK rubbish")
    with pytest.raises(BundleError, match="not readable"):
        parse_golden(npz(frames=frames))
    with pytest.raises(BundleError, match="does not hold frames"):
        parse_golden(npz(frames=frames.astype(np.float32), inputs=frames, labels=np.array(["red"])))
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.npy", bytes(100 << 20))
    with pytest.raises(BundleError, match="unpacks to 100 MB, above 64"):
        parse_golden(bomb.getvalue())


FRAMES = np.zeros((1, 8, 8, 3), np.uint8)
SCORES = np.zeros((1, 1), np.float32)


def zipped(content: bytes) -> bytearray:
    """A golden file with nothing but frames.npy."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.npy", content)
    return bytearray(buffer.getvalue())


def test_a_damaged_or_encrypted_golden_file_is_refused():
    garbled, locked = zipped(bytes(1000)), zipped(bytes(1000))
    start = garbled.index(b"frames.npy") + len("frames.npy")
    garbled[start : start + 4] = b"\xff" * 4
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + flags] |= 1  # says that it is encrypted
    petabyte = io.BytesIO()
    np.lib.format.write_array_header_1_0(petabyte, {"descr": "|u1", "fortran_order": False, "shape": (1 << 50,)})
    for data in (garbled, locked, zipped(petabyte.getvalue())):
        with pytest.raises(BundleError, match="not readable .*; export the bundle again"):
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


def test_swapped_channels_are_refused():
    spec = InputSpec(channels="RGB")
    with pytest.raises(
        ModelError, match=r"red \(200, 40, 40\) reaches the model as \(40, 40, 200\) \(red and blue are"
    ):
        self_test_colours(lambda frame: preprocess(frame.image[:, :, ::-1], spec), "RGB")


def test_a_grey_picture_is_refused():
    def grey(frame):
        return np.repeat(frame.image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)

    with pytest.raises(ModelError, match="the picture is grey"):
        self_test_colours(grey, "RGB")


def test_a_run_with_swapped_channels_does_not_start(monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "preprocess", lambda image, spec: preprocess(image[:, :, ::-1].copy(), spec))
    assert main(["--source", "demo", "--frames", "1", "--headless"]) == 2
    assert "red and blue are swapped" in capsys.readouterr().err
