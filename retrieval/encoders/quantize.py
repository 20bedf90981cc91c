"""Float ONNX graph → the same graph with 8-bit MatMul weights.

Two ways, by what the layer bears. Most layers take onnxruntime's dynamic quantisation: one scale
per output channel and one per activation tensor, the fastest. The layers that narrow (the second
of each feed-forward block) have inputs with outliers; they take `MatMulNBits`: scales per 32
weights and per 32 activations, exact to the fourth digit.
"""

import contextlib
import logging
import pathlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

BLOCK = 32  # weights of one output that share a scale
ZERO_POINT = 128  # onnxruntime's default for 8 bits
INT8_COMPUTE = 4  # onnxruntime's accuracy_level for integer products
DOMAIN = "com.microsoft"

Floats = npt.NDArray[np.float32]


def to_int8(source: pathlib.Path, target: pathlib.Path) -> None:
    """Write `source` to `target` with every constant MatMul weight in 8 bits.

    Args:
        source: A float graph; layers that widen should be smoothed (see `smooth`).
        target: Overwritten.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    import retrieval.encoders.onnx_quiet  # noqa: F401 - before anything loads onnxruntime

    model = onnx.load(source)
    _blockwise(model.graph)
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    with _quiet():
        quantize_dynamic(
            model,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )


def round_blocks(weight: Floats) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Round a MatMul weight to 8 bits in blocks.

    Args:
        weight: float32 (inputs, outputs), inputs a multiple of 32.

    Returns:
        uint8 (outputs, blocks, 32) with zero point 128, and the scales float32 (outputs * blocks).
    """
    blocks = weight.T.reshape(weight.shape[1], -1, BLOCK)  # (outputs, blocks, 32)
    scales = np.abs(blocks).max(2, keepdims=True) / 127  # (outputs, blocks, 1)
    scales[scales == 0] = 1
    rounded = np.rint(blocks / scales) + ZERO_POINT  # (outputs, blocks, 32)
    return rounded.astype(np.uint8), scales.astype(np.float32).reshape(-1)


def _blockwise(graph: onnx.GraphProto) -> None:
    constants = {tensor.name: tensor for tensor in graph.initializer}
    done = {}
    for index, node in enumerate(graph.node):
        tensor = constants.get(node.input[1]) if node.op_type == "MatMul" else None
        if tensor is not None and _narrows(tensor):
            graph.node[index].CopyFrom(_block_matmul(node, tensor))
            done[tensor.name] = tensor
    for name, tensor in done.items():
        values, scales = round_blocks(numpy_helper.to_array(tensor))
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(values, f"{name}.q8"))
        graph.initializer.append(numpy_helper.from_array(scales, f"{name}.scales"))


def _narrows(tensor: onnx.TensorProto) -> bool:
    match list(tensor.dims):
        case [inputs, outputs]:
            return bool(inputs > outputs and inputs % BLOCK == 0)
    return False


def _block_matmul(node: onnx.NodeProto, tensor: onnx.TensorProto) -> onnx.NodeProto:
    inputs, outputs = tensor.dims
    return helper.make_node(
        "MatMulNBits",
        [node.input[0], f"{tensor.name}.q8", f"{tensor.name}.scales"],
        list(node.output),
        name=node.name,
        domain=DOMAIN,
        K=inputs,
        N=outputs,
        bits=8,
        block_size=BLOCK,
        accuracy_level=INT8_COMPUTE,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep onnxruntime's advice on pre-processing, which is about float graphs, out of the log."""

    def keep(record: logging.LogRecord) -> bool:
        return "pre-processing" not in record.getMessage()

    root = logging.getLogger()
    root.addFilter(keep)
    try:
        yield
    finally:
        root.removeFilter(keep)
