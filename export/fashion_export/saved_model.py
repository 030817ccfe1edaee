"""A SavedModel is a program, and Keras has no safe mode for it: a copy of what is run, if all of that only computes."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fashion_edge.errors import ModelError

FILE = "saved_model.pb"
ENDPOINT = "serving_default"
# Operators that make tensors of tensors, or read and set the model's own variables: none takes the name of a file.
# IteratorGetNext, of Normalization.adapt, needs an iterator, which none of them makes.
OPERATORS = """
    Const Placeholder PlaceholderWithDefault Identity IdentityN NoOp StopGradient PreventGradient EnsureShape Assert
    CheckNumerics PartitionedCall StatefulPartitionedCall If StatelessIf While StatelessWhile Case StatelessCase

    VarHandleOp VarIsInitializedOp VariableShape ReadVariableOp DisableCopyOnRead ResourceGather AssignVariableOp
    AssignAddVariableOp AssignSubVariableOp

    Conv2D Conv2DBackpropInput DepthwiseConv2dNative MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum BiasAdd
    FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN L2Loss AvgPool MaxPool MaxPoolV2 SpaceToBatchND
    BatchToSpaceND SpaceToDepth DepthToSpace

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
    AdjustContrastv2 AdjustHue AdjustSaturation RGBToHSV HSVToRGB ImageProjectiveTransformV2
    ImageProjectiveTransformV3

    RandomUniform RandomUniformInt RandomStandardNormal TruncatedNormal RandomShuffle RngReadAndSkip
    StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomNormal StatelessRandomNormalV2
    StatelessRandomUniform StatelessRandomUniformV2 StatelessRandomUniformInt StatelessRandomUniformIntV2
    StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessTruncatedNormalV2

    FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel QuantizeAndDequantizeV2
    QuantizeAndDequantizeV3 QuantizeAndDequantizeV4

    IteratorGetNext
"""
PURE = frozenset(OPERATORS.split())
MOVING = ("Assign", "Random", "RngReadAndSkip", "TruncatedNormal")  # how operators begin that change the next scores


def copy_pure(folder: Path, copy: Path) -> None:
    """Write to the empty folder `copy` what of a SavedModel can run, with its variables by a link.

    What only saving and restoring call is left behind: TensorFlow reads the variables with functions of its own, and
    those in the file may do anything.

    Raises:
        ModelError: an operator that is none of `PURE`, or a file of TensorFlow 1, which runs its saver.
        DecodeError: no SavedModel (of protobuf).
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
    if strange := sorted({node.op for function in functions for node in function.node_def} - PURE):
        raise ModelError(
            f"{folder} is refused: its graph uses {strange[0]}, which is none of the operators that only compute; "
            "save the model without it, or as a .keras or .h5 file"
        )
    gradients = [entry for entry in graph.library.registered_gradients if entry.gradient_func in called]
    library = FunctionDefLibrary(function=functions, registered_gradients=gradients)
    constants = [node for node in graph.node if node.op == "Const"]
    graph.CopyFrom(GraphDef(node=constants, versions=graph.versions, library=library))
    (copy / FILE).write_bytes(saved.SerializeToString())
    (copy / "variables").symlink_to((folder / "variables").resolve())


def check_signatures(signatures: Mapping[str, Any], folder: Path) -> tuple[Any, str]:
    """The image that a loaded SavedModel eats, as a tensor's specification, and the name of its scores.

    Raises:
        ModelError: no default signature, several inputs or outputs, other numbers than float32, or other scores each
            time: Keras' image layers bring all that stands behind them into training mode, batch norms included.
    """
    import tensorflow as tf

    if ENDPOINT not in signatures:
        found = ", ".join(signatures) or "none"
        raise ModelError(f"{folder} has no signature {ENDPOINT!r} but {found}; save the model as a .keras or .h5 file")
    signature = signatures[ENDPOINT]
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError(
            f"{folder} has {len(inputs)} inputs and {len(outputs)} outputs; "
            "export takes one image in and one row of scores out"
        )
    ((_, wanted),), ((name, _),) = inputs.items(), outputs.items()
    if wanted.dtype != tf.float32:
        raise ModelError(f"{folder} eats {wanted.dtype.name}, not float32; save the model as a .keras or .h5 file")
    graph = signature.graph.as_graph_def()
    used = {node.op for nodes in (graph.node, *(f.node_def for f in graph.library.function)) for node in nodes}
    if moving := sorted(operator for operator in used if operator.startswith(MOVING)):
        raise ModelError(
            f"{folder} gives other scores each time (its graph uses {moving[0]}), as Keras exports a model with layers "
            "such as RandomFlip or Resizing: as it is in training; save it as a .keras or .h5 file"
        )
    return wanted, name


def _called(functions: Iterable[Any], roots: Iterable[str]) -> set[str]:
    """The roots and all that they call; a call that is overlooked here leads nowhere in the copy."""
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
