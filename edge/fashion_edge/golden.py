"""Self-checks at start-up: golden inputs through the model, and known colours through preprocessing."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.backends import Backend
from fashion_edge.bundle import AGAIN, Bundle, Variant
from fashion_edge.decide import ROUNDING
from fashion_edge.errors import BundleError, ModelError, brief
from fashion_edge.frame import Frame
from fashion_edge.preprocess import InputSpec, preprocess

# Largest score difference allowed between CPUs and runtime versions; measured spreads are far below.
TOLERANCE = {"int8": 0.03, "int16x8": 0.01, "dynamic": 0.05, "float16": 0.01, "float32": 0.005}
MAX_UNPACKED_BYTES = 64 << 20


@dataclass(frozen=True)
class GoldenSet:
    """frames (n, h, w, 3) uint8 BGR, inputs (n, H, W, 3) uint8, scores: file name -> (n, labels) float32.

    `labels` are in the order of the scores: a manifest with another order would name everything wrongly.
    """

    frames: NDArray[np.uint8]
    inputs: NDArray[np.uint8]
    scores: dict[str, NDArray[np.float32]]
    labels: tuple[str, ...]

    def to_npz(self) -> bytes:
        """Return the bytes of golden.npz: plain arrays, no pickle."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {f"scores:{name}": values.astype(np.float32) for name, values in self.scores.items()}
        arrays |= {"frames": self.frames, "inputs": self.inputs, "labels": np.array(self.labels, np.str_)}
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()


def parse_golden(data: bytes) -> GoldenSet:
    """Read golden.npz; the unpacked size is bounded before unpacking, pickled arrays are refused.

    Raises:
        BundleError: not an npz, too large, or arrays missing or misshapen.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_UNPACKED_BYTES:
            raise BundleError(f"the golden file unpacks to {unpacked >> 20} MB, above {MAX_UNPACKED_BYTES >> 20}")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            scores = {key[7:]: arrays[key] for key in arrays.files if key.startswith("scores:")}
            golden = GoldenSet(arrays["frames"], arrays["inputs"], scores, tuple(arrays["labels"].ravel().tolist()))
    except BundleError:
        raise
    except Exception as error:  # zipfile and NumPy raise zlib.error, RuntimeError, MemoryError, OverflowError and more
        raise BundleError(f"the golden file is not readable ({brief(error)}); {AGAIN}") from error
    pictures = _are_pictures(golden.frames) and _are_pictures(golden.inputs)
    if not pictures or len(golden.frames) != len(golden.inputs):
        raise BundleError(f"the golden file does not hold frames (n, h, w, 3) uint8 with one input each; {AGAIN}")
    if not all(isinstance(scores, np.ndarray) and scores.dtype.kind == "f" for scores in golden.scores.values()):
        raise BundleError(f"the golden file does not hold scores (n, labels) of floats; {AGAIN}")
    return golden


def _are_pictures(array: object) -> bool:
    """Return whether it is (n, h, w, 3) uint8 with at least one pixel; a member that is not .npy comes as bytes."""
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        return False
    return array.ndim == 4 and array.shape[3] == 3 and array.size > 0


def self_check(bundle: Bundle, variant: Variant, backend: Backend) -> float:
    """Replay the golden frames through preprocessing and the backend; returns the largest score difference.

    Raises:
        ModelError: input size, label count, preprocessing or scores are not those of the export, or it does not run.
    """
    space, spec = bundle.manifest.space, bundle.manifest.input
    check_shapes(variant, backend, spec, len(space.labels))
    golden = parse_golden(bundle.read_golden())
    if golden.labels != space.labels:
        order = f"{list(space.labels)} are not in the order of the scores, {list(golden.labels)}"
        raise ModelError(f"the manifest's labels {order}; {AGAIN}")
    expected = golden.scores.get(variant.file)
    if expected is None or expected.shape != (len(golden.frames), len(space.labels)):
        raise ModelError(f"the golden file has no scores for {variant.file}; {AGAIN}")
    if golden.inputs.shape[1:] != spec.shape or not all(
        np.array_equal(preprocess(frame, spec), pixels)
        for frame, pixels in zip(golden.frames, golden.inputs, strict=True)
    ):
        raise ModelError(
            "preprocessing of the golden frames differs from the export's: the manifest's input was edited, or this "
            f"OpenCV resizes differently; {AGAIN}, or run fashion-doctor"
        )
    try:
        scores = backend.run(golden.inputs)
        drift = float(np.abs(scores - expected).max())
    except Exception as error:  # runtimes' exceptions share no base class but Exception
        raise ModelError(
            f"{variant.file} does not run on {backend.name} ({brief(error)}); {AGAIN}, or run fashion-doctor"
        ) from error
    limit = bundle.manifest.golden.tolerance.get(variant.precision, TOLERANCE[variant.precision])
    if not drift <= limit:  # also refuses NaN
        raise ModelError(
            f"{variant.file} on {backend.name} differs from its golden scores by {drift:.3f}, more than {limit:g}: "
            "this runtime computes it wrongly; run fashion-doctor"
        )
    if scores.min() < -ROUNDING or scores.max() > 1 + ROUNDING:
        found = f"gives scores of {scores.min():.3g} to {scores.max():.3g}, and scores lie in 0..1"
        raise ModelError(f"{variant.file} {found}; add a sigmoid as its last layer and export it again")
    return drift


def check_shapes(variant: Variant, backend: Backend, spec: InputSpec, n_labels: int) -> None:
    """Compare the shapes of the model file with those of the manifest."""
    if backend.input_shape != spec.shape:
        found = f"expects inputs {backend.input_shape}, the manifest says {spec.shape}"
        raise ModelError(f"{variant.file} {found}; {AGAIN}")
    if backend.n_labels != n_labels:
        found = f"gives {backend.n_labels} scores, the manifest names {n_labels} labels"
        raise ModelError(f"{variant.file} {found}; {AGAIN}")


# R, G, B
TEST_COLOURS = {"red": (200, 40, 40), "green": (40, 160, 60), "blue": (40, 60, 200), "grey": (128, 128, 128)}
PATH_TOLERANCE = 3  # of 255: interpolation of a flat colour, or rounding of JPEG and video, is below


def self_test_colours(preprocess_frame: Callable[[Frame], NDArray[np.uint8]], channels: str) -> None:
    """Preprocess frames of one known colour each, and check the colour of the model's input in `channels` order.

    Raises:
        ModelError: a colour arrives as another one, or as grey.
    """
    for name, rgb in TEST_COLOURS.items():
        frame = np.full((480, 640, 3), rgb[::-1], np.uint8)
        pixels = preprocess_frame(Frame(frame, 0, 0.0, "colour self-test"))
        actual = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].astype(int)
        expected = np.array(rgb if channels == "RGB" else rgb[::-1])
        if np.abs(actual - expected).max() > PATH_TOLERANCE:
            raise ModelError(
                f"the colour self-test failed: {name} {tuple(expected.tolist())} reaches the model as "
                f"{tuple(actual.tolist())} ({_diagnose(actual, expected)}); run fashion-doctor"
            )


def _diagnose(actual: NDArray[np.int_], expected: NDArray[np.int_]) -> str:
    if np.abs(actual[::-1] - expected).max() <= PATH_TOLERANCE:
        return "red and blue are swapped"
    return "the picture is grey" if np.ptp(actual) <= PATH_TOLERANCE else "another colour"
