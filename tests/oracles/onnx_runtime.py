"""`float32_half_even` against ONNX Runtime: one QLinearConv 1x1, per channel.

Needs: pip install onnx onnxruntime, and a CPU with VNNI: without it the products of uint8 and int8 saturate in pairs.
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import aim
from vectors import Vectors, float_scale, output, share

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


def fully_connected(layer, operator):
    """Outputs [P, C] of a layer as a matrix product: one input of the value x, weights of 1."""
    channels = layer.base.size
    x = np.arange(-128, 128).astype(np.int8).reshape(256, 1)
    z_x, z_y = np.array(layer.input_zero_point, np.int8), np.array(layer.zero_point, np.int8)
    w, z_w = np.ones((1, channels), np.int8), np.zeros(channels, np.int8)
    if operator == "QGemm":
        constants = [("s_x", layer.input_scale), ("z_x", z_x), ("w", w), ("s_w", layer.weight_scales), ("z_w", z_w),
                     ("b", layer.base.astype(np.int32)), ("s_y", layer.output_scale), ("z_y", z_y)]
        return run("QGemm", "com.microsoft", [("x", x)], constants, np.int8)
    # QLinearMatMul has no bias: a second input of 1 and a row of weights make a small one.
    x = np.concatenate([x, np.full((256, 1), 100, np.int8)], 1)
    w = np.concatenate([w, layer.base.astype(np.int8)[None]])
    constants = [("s_x", layer.input_scale), ("z_x", np.array(0, np.int8)), ("w", w), ("s_w", layer.weight_scales),
                 ("z_w", z_w), ("s_y", layer.output_scale), ("z_y", z_y)]
    return run("QLinearMatMul", "", [("x", x)], constants, np.int8)


def products(operator, values, seed):
    """A fully connected layer is a 1x1 convolution: the same accumulators and the same rule."""
    vectors = Vectors("requantise", "float32_half_even", f"ONNX Runtime {operator}", VERSION)
    rng = np.random.default_rng(seed)
    for layer in aim.layers(rng, values):
        base, offset = layer.base, layer.offsets()
        if operator == "QLinearMatMul":
            layer.base = rng.integers(-127, 128, base.size)
            base, offset = layer.base * 100, np.arange(-128, 128)
        ratio = layer.ratio32().astype(np.float64)
        multiplier, shift = float_scale(ratio)
        vectors.add(output(layer.zero_point), base=base, offset=offset, multiplier=multiplier, shift=shift, ratio=ratio,
                    want=fully_connected(layer, operator).astype(np.int16))
    return vectors


def additions(kind, values, seed):
    """QLinearAdd: float32, the zero point added before the rounding."""
    vectors = Vectors("addition", "float32_half_even", f"ONNX Runtime QLinearAdd {kind.__name__}", VERSION)
    rng, info = np.random.default_rng(seed), np.iinfo(kind)
    for index in range(8):
        a, b = (rng.integers(info.min, info.max + 1, share(values, 16) // 8).astype(kind) for _ in range(2))
        exact = index % 2 == 0
        scales = (2.0 ** rng.integers(-3, 1, 3) if exact else rng.uniform(0.01, 1, 3)).astype(np.float32)
        zero_points = rng.integers(info.min, info.max + 1, 3)
        zeros = [np.array(z, kind) for z in zero_points]
        want = run("QLinearAdd", "com.microsoft", [("a", a), ("b", b)],
                   [("s_a", scales[0]), ("z_a", zeros[0]), ("s_b", scales[1]), ("z_b", zeros[1]), ("s_y", scales[2]),
                    ("z_y", zeros[2])], kind, {"order": ["a", "s_a", "z_a", "b", "s_b", "z_b", "s_y", "z_y"]})
        multiplier, shift = float_scale((scales[:2] / scales[2]).astype(np.float64))
        vectors.add(
            {**output(zero_points[2], signed=kind == np.int8), "form": "float32", "left_shift": 0,
             "zero_points": zero_points[:2].tolist(), "multiplier": 1, "shift": 0},
            a=a.astype(np.int16), b=b.astype(np.int16), multipliers=multiplier, shifts=shift,
            want=want.astype(np.int16))
    return vectors


def averages(operator, values, seed):
    """QLinearGlobalAveragePool scales an exact sum, QLinearAveragePool adds floats.

    A window as large as the map takes the global kernel, so the map is one column wider.
    """
    vectors = Vectors("average", "float32_half_even", f"ONNX Runtime {operator}", VERSION)
    rng = np.random.default_rng(seed)
    for index in range(8):
        kind = np.uint8 if index % 4 < 2 else np.int8
        side, size, info = 2 + index, share(values, 64) // 8, np.iinfo(kind)
        windows = operator == "QLinearAveragePool"
        x = rng.integers(info.min, info.max + 1, (1, size, side, side + windows)).astype(kind)
        exact = index % 2 == 0
        scales = (2.0 ** rng.integers(-4, 1, 2) if exact else rng.uniform(0.05, 0.2, 2)).astype(np.float32)
        zero_points = rng.integers(info.min, info.max + 1, 2)
        attributes = {"channels_last": 0}
        if windows:
            attributes = {"kernel_shape": [side, side]}
        want = run(operator, "com.microsoft", [("x", x)],
                   [("s_x", scales[0]), ("z_x", np.array(zero_points[0], kind)), ("s_y", scales[1]),
                    ("z_y", np.array(zero_points[1], kind))], kind, attributes)
        meta = {**output(zero_points[1], signed=kind == np.int8), "zero_in": int(zero_points[0])}
        if windows:
            want, x = want[..., 0], np.ascontiguousarray(x[..., :side])
            multiplier, shift = float_scale(scales.astype(np.float64))
            meta.update(form="float32", multiplier=1, shift=0, multipliers=multiplier.tolist(), shifts=shift.tolist())
        else:
            ratio = scales[0] / (scales[1] * np.float32(side * side))
            multiplier, shift = float_scale(np.float64(ratio))
            meta.update(form="sum", multiplier=int(multiplier), shift=int(shift))
        vectors.add(meta, values=x.reshape(size, side * side).T.astype(np.int16), want=want.reshape(size).astype(np.int16))
    return vectors


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
    yield products("QGemm", values, 7)
    yield products("QLinearMatMul", values, 8)
    yield additions(np.uint8, values, 21)
    yield additions(np.int8, values, 22)
    yield averages("QLinearGlobalAveragePool", values, 23)
    yield averages("QLinearAveragePool", values, 24)
