"""Parity with Keras: how far a variant is from it, how far it may be, and which layers of int8 differ most."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import pluralize
from fashion_edge.decide import LabelSpace, decide_batch

Scores = NDArray[np.float32]
CLEAR = 0.2  # a Keras score this far from its threshold counts as clear


@dataclass(frozen=True)
class Parity:
    """One variant against Keras; accuracies and rates are fractions of 1, None where no photo has a label."""

    photos: int
    label_accuracy: float | None
    exact_match: float | None
    keras_label_accuracy: float | None
    keras_exact_match: float | None
    flips: int  # label decisions that differ
    clear_flips: int  # of them, where Keras is right and its score is `CLEAR` from the threshold
    flips_per_label: dict[str, int]
    flip_rate: float
    drift_max: float  # largest score difference
    drift_mean: float
    flipped: tuple[int, ...]  # rows with a flip

    def to_metrics(self) -> dict[str, Any]:
        """The entries of the manifest, rounded."""
        metrics = {key: value for key, value in vars(self).items() if key != "flipped" and value is not None}
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in metrics.items()}


def compare(keras: Scores, variant: Scores, truth: NDArray[np.bool_], space: LabelSpace) -> Parity:
    """Compare scores (n, labels) of the same photos at the thresholds of `space`; n is at least 1.

    If `truth` is False throughout, the labels are unknown: agreement is measured, accuracy is not.
    """
    reference, decided = decide_batch(keras, space), decide_batch(variant, space)
    differs, drift = reference != decided, np.abs(keras - variant)
    clear = (reference == truth) & (np.abs(keras - space.threshold_vector()) > CLEAR)
    known = bool(truth.any())
    return Parity(
        photos=len(truth),
        label_accuracy=float((decided == truth).mean()) if known else None,
        exact_match=float((decided == truth).all(axis=1).mean()) if known else None,
        keras_label_accuracy=float((reference == truth).mean()) if known else None,
        keras_exact_match=float((reference == truth).all(axis=1).mean()) if known else None,
        flips=int(differs.sum()),
        clear_flips=int((differs & clear).sum()) if known else 0,
        flips_per_label={label: int(n) for label, n in zip(space.labels, differs.sum(axis=0), strict=True)},
        flip_rate=float(differs.mean()),
        drift_max=float(drift.max()),
        drift_mean=float(drift.mean()),
        flipped=tuple(int(row) for row in np.flatnonzero(differs.any(axis=1))),
    )


MARK = ".k"  # appended to a layer's name: TensorFlow makes names unique by a number, and `dense` becomes `dense_1`
SAMPLE = 24  # photos; the order of layers is stable from a dozen on


@dataclass(frozen=True)
class LayerError:
    """One operator of the int8 graph.

    Errors are root mean square differences from the float graph over the spread of the float values: 0 is perfect,
    1 is as good as a constant.
    """

    layer: str  # the Keras layers that the operator computes
    operator: str
    error: float  # of its output
    added: float  # beyond the largest error of its inputs: what this operator adds


def layer_errors(float_file: bytes, int8_file: bytes, pixels: NDArray[np.uint8]) -> list[LayerError]:
    """Per-operator errors, the largest `added` first.

    The two .tflite files are of one model, whose layer names end in `MARK` and a number; pixels (n, h, w, 3) uint8.
    """
    exact, quantized = _interpreter(float_file), _interpreter(int8_file)
    pairs = _pairs(exact, quantized)
    sums = {name: np.zeros(3) for name in pairs}
    for image in pixels[:SAMPLE]:
        for interpreter in (exact, quantized):
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
            interpreter.invoke()
        for name, (a, b) in pairs.items():
            values, rough = _values(exact, a), _values(quantized, b)
            sums[name] += [((values - rough) ** 2).mean(), values.mean(), (values**2).mean()]
    n = len(pixels[:SAMPLE])
    errors = {pairs[name][1]["index"]: _relative(*(sums[name] / n)) for name in pairs}
    return sorted(_by_operator(quantized, errors), key=lambda entry: -entry.added)


def _interpreter(data: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=data,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter


def _pairs(exact: Any, quantized: Any) -> dict[str, tuple[Any, Any]]:
    """Operator outputs with the same name in both graphs: name -> (float tensor, int8 tensor)."""
    floats = _outputs(exact)
    return {
        name: (floats[name], tensor)
        for name, tensor in _outputs(quantized).items()
        if name in floats and tuple(floats[name]["shape"]) == tuple(tensor["shape"])
    }


def _outputs(interpreter: Any) -> dict[str, Any]:
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    indices = [index for operator in interpreter._get_ops_details() for index in operator["outputs"]]
    return {tensors[index]["name"]: tensors[index] for index in indices if index in tensors}


def _values(interpreter: Any, tensor: Any) -> NDArray[np.float64]:
    values = interpreter.get_tensor(tensor["index"]).astype(np.float64)
    scale, zero = tensor["quantization"]
    return (values - zero) * scale if scale else values  # type: ignore[no-any-return]


def _relative(squares: float, mean: float, mean_square: float) -> float:
    spread = max(mean_square - mean**2, 1e-12)
    return float(np.sqrt(squares / spread))


def _by_operator(interpreter: Any, errors: dict[int, float]) -> list[LayerError]:
    """One entry for each operator whose output is in the float graph; others pass the error of their input on."""
    tensors = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
    found, errors = [], dict(errors)
    for operator in interpreter._get_ops_details():
        output, inputs = operator["outputs"][0], [i for i in operator["inputs"] if i in errors]
        inherited = max((errors[i] for i in inputs), default=0.0)
        if output in errors and (name := _layer_name(tensors[output])):  # input and output of the graph are not layers
            found.append(LayerError(name, operator["op_name"], errors[output], errors[output] - inherited))
        errors.setdefault(output, inherited)
    return found


def _layer_name(tensor: str) -> str:
    """The Keras layers in a tensor's name; the converter joins the names of merged layers with `;`."""
    return " + ".join(dict.fromkeys(re.findall(r"([^/;]+)" + re.escape(MARK) + r"\d+", tensor)))


RULE_OF_THREE = 3  # after n decisions without a flip, the flip rate is below 3/n with 95 % confidence
ENOUGH = RULE_OF_THREE * 100  # decisions; fewer cannot prove the 1 % of the gate


@dataclass(frozen=True)
class Limits:
    """The parity gate. One photo may always differ unless a limit is 0, since one photo is the smallest step."""

    max_flips: float = 1.0  # percent of the label decisions
    max_accuracy_drop: float = 1.0  # points of exact match

    def refuse(self, name: str, parity: Parity) -> str | None:
        """One sentence why a variant is refused, or None."""
        decisions = parity.photos * len(parity.flips_per_label)
        allowed = max(self.max_flips / 100 * decisions, 1 if self.max_flips else 0)
        if parity.flips > allowed:
            flips = f"{parity.flips} of {decisions} label decisions ({parity.flip_rate:.2%})"
            return f"{name} flips {flips}, above the {self.max_flips:g} % of --max-flips"
        if parity.exact_match is None or parity.keras_exact_match is None:
            return None
        lost = round((parity.keras_exact_match - parity.exact_match) * parity.photos)  # whole photos
        if lost > max(self.max_accuracy_drop / 100 * parity.photos, 1 if self.max_accuracy_drop else 0):
            drop = f"{parity.exact_match:.1%} exact match where Keras has {parity.keras_exact_match:.1%}"
            return f"{name} has {drop}, a drop above the {self.max_accuracy_drop:g} points of --max-accuracy-drop"
        return None


def too_few(photos: int, labels: int) -> str | None:
    """One sentence if there are photos, but too few to prove parity, else None."""
    decisions = photos * labels
    if not 0 < decisions < ENOUGH:
        return None
    are = "is" if photos == 1 else "are"
    return (
        f"{pluralize(photos, 'held-out photo')} ({pluralize(decisions, 'decision')}) {are} too few to prove parity: "
        f"even without a flip, up to {min(1, RULE_OF_THREE / decisions):.1%} of all decisions may differ from Keras; "
        f"hold out {pluralize(-(-ENOUGH // labels), 'photo')} or more"
    )
