"""`float32_half_even` against ONNX Runtime: one QLinearConv 1x1, per channel.

Needs: pip install onnx onnxruntime, and a CPU with VNNI: without it the products of uint8 and int8 saturate in pairs.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import aim
from vectors import Vectors, float_scale, output

VERSION = "onnxruntime " + onnxruntime.__version__
TYPES = {np.uint8: TensorProto.UINT8, np.int8: TensorProto.INT8}


def run(operator, domain, inputs, constants, out_type, attributes=None):
    """One operator; `inputs` and `constants` are (name, array), in the operator's order by `None` in between."""
    names = [name for name, _ in inputs + constants]
    order = attributes.pop("order") if attributes and "order" in attributes else names
    node = helper.make_node(operator, order, ["y"], domain=domain, **(attributes or {}))
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(name, TYPES[array.dtype.type], array.shape) for name, array in inputs],
        [helper.make_tensor_value_info("y", TYPES[out_type], None)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants],
    )
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=sets)
    model.ir_version = 8
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(inputs))[0]


def convolution(layer, kind, out_kind):
    """Outputs [P, C] of a layer for all 256 inputs."""
    shift = 128 if kind == np.uint8 else 0
    x = (np.arange(-128, 128) + shift).astype(kind).reshape(1, 1, 16, 16)
    channels = layer.base.size
    constants = [
        ("s_x", layer.input_scale),
        ("z_x", np.array(layer.input_zero_point + shift, kind)),
        ("w", np.ones((channels, 1, 1, 1), np.int8)),
        ("s_w", layer.weight_scales),
        ("z_w", np.zeros(channels, np.int8)),
        ("s_y", layer.output_scale),
        ("z_y", np.array(layer.zero_point + (128 if out_kind == np.uint8 else 0), out_kind)),
        ("b", layer.base.astype(np.int32)),
    ]
    found = run("QLinearConv", "", [("x", x)], constants, out_kind)
    return found.reshape(channels, 256).T


def make(values, seed):
    vectors = Vectors("requantise", "float32_half_even", "ONNX Runtime QLinearConv", VERSION)
    for index, layer in enumerate(aim.layers(np.random.default_rng(seed), values)):
        kind = np.uint8 if index % 4 < 2 else np.int8
        ratio = layer.ratio32().astype(np.float64)
        multiplier, shift = float_scale(ratio)
        zero_point = layer.zero_point + (128 if kind == np.uint8 else 0)
        vectors.add(output(zero_point, signed=kind == np.int8), base=layer.base, offset=layer.offsets(),
                    multiplier=multiplier, shift=shift, ratio=ratio,
                    want=convolution(layer, kind, kind).astype(np.int16))
    return vectors


def all_vectors(values):
    yield make(values, 6)
