import pytest

from fashion_bench.operators import Operator, cut_after, onnx_node_operations, read_operators
from fashion_bench.passes import slowest_operators


@pytest.mark.parametrize(
    ("operator", "count"),
    [
        (Operator("CONV_2D", ((1, 96, 96, 3), (16, 3, 3, 3)), ((1, 48, 48, 16),)), 2 * 48 * 48 * 16 * 27),
        (Operator("DEPTHWISE_CONV_2D", ((1, 48, 48, 16), (1, 3, 3, 16)), ((1, 48, 48, 16),)), 2 * 48 * 48 * 16 * 9),
        (Operator("FULLY_CONNECTED", ((1, 128), (6, 128)), ((1, 6),)), 2 * 128 * 6),
        (Operator("BATCH_MATMUL", ((1, 2, 40, 8), (1, 2, 8, 30)), ((1, 2, 40, 30),)), 2 * 2 * 40 * 30 * 8),
        (Operator("BATCH_MATMUL", ((1, 2, 8, 40), (1, 2, 8, 30)), ((1, 2, 40, 30),)), 2 * 2 * 40 * 30 * 8),
        (Operator("TRANSPOSE_CONV", ((4,), (8, 3, 3, 16), (1, 4, 5, 16)), ((1, 8, 10, 8),)), 2 * 4 * 5 * 16 * 8 * 9),
        (Operator("MEAN", ((1, 6, 6, 128), (2,)), ((1, 128),)), 6 * 6 * 128),
        (Operator("ADD", ((1, 6, 6, 8), (1, 6, 6, 8)), ((1, 6, 6, 8),)), 6 * 6 * 8),
        (Operator("RESHAPE", ((1, 6, 6, 8),), ((1, 288),)), 0),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_operations_of_an_operator(operator, count):
    assert operator.operations == count


def test_a_graph_can_be_cut_after_any_operator(bundle_folder):
    from ai_edge_litert.interpreter import Interpreter

    data = (bundle_folder / "model.float32.tflite").read_bytes()
    operators = read_operators(data)
    assert operators[-1].name == "LOGISTIC"
    for count in (2, len(operators)):
        cut = cut_after(data, count)
        assert len(read_operators(cut)) == count
        interpreter = Interpreter(model_content=cut)
        interpreter.allocate_tensors()
        interpreter.invoke()
        (output,) = interpreter.get_output_details()
        assert tuple(output["shape"]) == operators[count - 1].outputs[0]


@pytest.mark.parametrize(
    ("kind", "inputs", "output", "count"),
    [
        ("Conv", [[1, 3, 96, 96], [16, 3, 3, 3]], [1, 16, 48, 48], 2 * 16 * 48 * 48 * 27),
        ("QLinearConv", [[1, 16, 48, 48], [], [16, 1, 3, 3], []], [1, 16, 48, 48], 2 * 16 * 48 * 48 * 9),
        ("Gemm", [[1, 128], [128, 6]], [1, 6], 2 * 128 * 6),
        ("MatMul", [[1, 128]], [1, 6], 2 * 128 * 6),  # the shape of packed weights is unknown
        ("Conv", [[1, 3, 96, 96]], [1, 16, 48, 48], None),
        ("ConvTranspose", [[1, 16, 32, 20], [16, 8, 3, 3], [8]], [1, 8, 64, 40], 2 * 32 * 20 * 16 * 8 * 9),
        ("Transpose", [[1, 96, 96, 3]], [1, 3, 96, 96], 0),
    ],
)
def test_operations_of_an_onnx_node(kind, inputs, output, count):
    node = {"op_name": kind, "input_type_shape": [{"float": shape} for shape in inputs]}
    assert onnx_node_operations(node | {"output_type_shape": [{"float": output}]}) == count


def test_the_ten_slowest_operators_and_their_shares():
    operators = [{"name": str(i), "ms": float(i), "operations": 0} for i in range(-1, 12)]
    ranked = slowest_operators(operators)
    assert [entry.name for entry in ranked] == [str(i) for i in range(11, 1, -1)]
    assert ranked[0].share == pytest.approx(11 / 66, abs=1e-4)
