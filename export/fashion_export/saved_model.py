"""Load SavedModel folders safely: Keras has no safe mode for them, so a copy is loaded that can only compute."""

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fashion_edge.errors import ModelError, brief

FILE = "saved_model.pb"
ENDPOINT = "serving_default"
# Operators that compute tensors from tensors, or read and set the model's own variables: none takes a file name.
# IteratorGetNext, of Normalization.adapt, needs an iterator, which none of them creates.
OPERATORS = """
    Const Placeholder PlaceholderWithDefault Identity IdentityN NoOp StopGradient PreventGradient EnsureShape Assert
    CheckNumerics PartitionedCall StatefulPartitionedCall If StatelessIf While StatelessWhile Case StatelessCase
    VarHandleOp VarIsInitializedOp VariableShape ReadVariableOp DisableCopyOnRead ResourceGather AssignVariableOp
    AssignAddVariableOp AssignSubVariableOp
    Conv2D Conv2DBackpropInput DepthwiseConv2dNative MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum BiasAdd
    FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN L2Loss AvgPool MaxPool MaxPoolV2 SpaceToBatchND BatchToSpaceND
    SpaceToDepth DepthToSpace
    Relu Relu6 LeakyRelu Elu Selu Softplus Softsign Sigmoid Tanh Softmax LogSoftmax Erf Erfc
    Abs Add AddN AddV2 Sub Mul MulNoNan Div DivNoNan RealDiv FloorDiv FloorMod Neg Sign Reciprocal Square
    SquaredDifference Sqrt Rsqrt Pow Exp Expm1 Log Log1p Sin Cos Tan Atan Atan2 Floor Ceil Round Rint Minimum Maximum
    ClipByValue Xdivy Xlogy
    Equal NotEqual Greater GreaterEqual Less LessEqual LogicalAnd LogicalOr LogicalNot Select SelectV2 Where IsFinite
    IsInf IsNan
    All Any ArgMax ArgMin Max Min Mean Prod Sum Cumsum TopKV2
    BroadcastArgs BroadcastTo Concat ConcatV2 ExpandDims Fill Gather GatherNd GatherV2 InvertPermutation LinSpace
    MirrorPad OneHot OnesLike Pack Pad PadV2 Range Rank Reshape ReverseV2 Roll ScatterNd Shape ShapeN Size Slice Split
    SplitV Squeeze StridedSlice TensorScatterUpdate Tile Transpose Unpack ZerosLike Cast Bitcast
    TensorListReserve TensorListFromTensor TensorListGetItem TensorListSetItem TensorListStack TensorListLength
    TensorListElementShape EmptyTensorList TensorListPushBack
    ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate CropAndResize ExtractImagePatches
    AdjustContrastv2 AdjustHue AdjustSaturation RGBToHSV HSVToRGB ImageProjectiveTransformV2 ImageProjectiveTransformV3
    RandomUniform RandomUniformInt RandomStandardNormal TruncatedNormal RandomShuffle RngReadAndSkip
    StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomNormal StatelessRandomNormalV2
    StatelessRandomUniform StatelessRandomUniformV2 StatelessRandomUniformInt StatelessRandomUniformIntV2
    StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessTruncatedNormalV2
    FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel QuantizeAndDequantizeV2
    QuantizeAndDequantizeV3 QuantizeAndDequantizeV4
    IteratorGetNext
"""
ALLOWED = frozenset(OPERATORS.split())
RANDOM = ("Assign", "Random", "RngReadAndSkip", "TruncatedNormal")  # prefixes of operators that change the next scores


def open_saved_model(path: Path) -> Any:
    """A SavedModel folder as a Keras model of one layer, which cannot be inspected or repaired."""
    if not (path / FILE).is_file():
        raise ModelError(f"{path} holds no {FILE}; name a SavedModel folder, a .keras file or an HDF5 file")
    import keras
    import tensorflow as tf

    try:
        with tempfile.TemporaryDirectory() as copy:
            _copy_allowed(path, Path(copy))
            signatures = tf.saved_model.load(copy).signatures
            expected, name = _check_signatures(signatures, path)
            layer = keras.layers.TFSMLayer(copy, call_endpoint=ENDPOINT)
        image = keras.Input(tuple(expected.shape[1:]))
        return keras.Model(image, layer(image)[name], name=path.resolve().name)
    except ModelError:
        raise
    except Exception as error:  # protobuf, TensorFlow and Keras have no common exception class
        kind = "a SavedModel with one image in and one row of scores out"
        raise ModelError(f"{path} is not {kind}: {brief(error)}") from error


def _copy_allowed(folder: Path, copy: Path) -> None:
    """Write the functions that the signatures call to the empty folder `copy`, with a link to the variables.

    What only saving and restoring call is left out: TensorFlow reads the variables with functions of its own, and
    those in the file may do anything.
    """
    from tensorflow.core.framework.function_pb2 import FunctionDefLibrary
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString((folder / FILE).read_bytes())
    if len(saved.meta_graphs) != 1 or not saved.meta_graphs[0].HasField("object_graph_def"):
        raise ModelError(f"{folder} was not saved by TensorFlow 2; save the model as a .keras or .h5 file")
    graph, roots = saved.meta_graphs[0].graph_def, saved.meta_graphs[0].object_graph_def.concrete_functions
    called = _called(graph.library.function, roots)
    functions = [function for function in graph.library.function if function.signature.name in called]
    if refused := sorted({node.op for function in functions for node in function.node_def} - ALLOWED):
        why = f"its graph uses {refused[0]}, which is not an operator that only computes"
        raise ModelError(f"{folder} is refused: {why}; save the model without it, or as a .keras or .h5 file")
    gradients = [entry for entry in graph.library.registered_gradients if entry.gradient_func in called]
    library = FunctionDefLibrary(function=functions, registered_gradients=gradients)
    constants = [node for node in graph.node if node.op == "Const"]
    graph.CopyFrom(GraphDef(node=constants, versions=graph.versions, library=library))
    (copy / FILE).write_bytes(saved.SerializeToString())
    (copy / "variables").symlink_to((folder / "variables").resolve())


def _check_signatures(signatures: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    """The input of a loaded SavedModel, as a tensor's specification, and the name of its scores."""
    import tensorflow as tf

    if ENDPOINT not in signatures:
        found = ", ".join(signatures) or "none"
        raise ModelError(f"{folder} has no signature {ENDPOINT!r} but {found}; save the model as a .keras or .h5 file")
    signature = signatures[ENDPOINT]
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        found = f"{len(inputs)} inputs and {len(outputs)} outputs"
        raise ModelError(f"{folder} has {found}; export takes one image in and one row of scores out")
    ((_, expected),), ((name, _),) = inputs.items(), outputs.items()
    if expected.dtype != tf.float32:
        raise ModelError(f"{folder} expects {expected.dtype.name}, not float32; save the model as a .keras or .h5 file")
    graph = signature.graph.as_graph_def()
    used = {node.op for nodes in (graph.node, *(f.node_def for f in graph.library.function)) for node in nodes}
    if random := sorted(operator for operator in used if operator.startswith(RANDOM)):
        raise ModelError(
            f"{folder} returns other scores each time (its graph uses {random[0]}): Keras exports a model with layers "
            "such as RandomFlip or Resizing in training mode; save it as a .keras or .h5 file"
        )
    return expected, name


def _called(functions: Iterable[Any], roots: Iterable[str]) -> set[str]:
    """The roots and all functions they call; a call that is missed here is missing from the copy, too."""
    calls: dict[str, set[str]] = {}
    for function in functions:
        values = [value for node in function.node_def for value in node.attr.values()]
        names = {value.func.name for value in values} | {one.name for value in values for one in value.list.func}
        calls.setdefault(function.signature.name, set()).update(names)
    found, waiting = set[str](), list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += calls.get(name, ())
    return found
