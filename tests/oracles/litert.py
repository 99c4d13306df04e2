"""`tflite_double`, `ruy` and `float32_half_even` against LiteRT: one int8 CONV_2D 1x1, per channel.

The three resolvers of one package are three rules: `BUILTIN_REF` runs the reference kernels, which round twice;
`BUILTIN_WITHOUT_DEFAULT_DELEGATES` runs the optimised ones on ruy; `BUILTIN` hands the graph to XNNPACK.

Needs: pip install ai-edge-litert flatbuffers
"""

import importlib.metadata

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import aim
from vectors import Vectors, float_scale, frexp_scale, output, share

VERSION = "ai-edge-litert " + importlib.metadata.version("ai-edge-litert")
INT8, INT32 = schema.TensorType.INT8, schema.TensorType.INT32


def tensor(shape, kind, scales, zero_point, buffer=0, axis=0):
    made = schema.TensorT()
    made.shape, made.type, made.buffer = list(shape), kind, buffer
    if scales is not None:
        scales = np.atleast_1d(np.asarray(scales, np.float32))
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = scales
        made.quantization.zeroPoint = np.full(scales.size, zero_point, np.int64)
        made.quantization.quantizedDimension = axis
    return made


def model(tensors, data, builtin, options_type, options, inputs, outputs, operands):
    """A model of one operator; `data` are the buffers 1, 2, ..."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 3
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = operands, outputs
    operator.builtinOptionsType, operator.builtinOptions = options_type, options
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, [operator], inputs, outputs
    buffers = [schema.BufferT() for _ in range(len(data) + 1)]
    for buffer, array in zip(buffers[1:], data):
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
    whole = schema.ModelT()
    whole.version, whole.operatorCodes, whole.subgraphs, whole.buffers = 3, [code], [graph], buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(whole.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(content, feeds, resolver):
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=resolver, num_threads=1
    )
    interpreter.allocate_tensors()
    for details, value in zip(interpreter.get_input_details(), feeds):
        interpreter.set_tensor(details["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def convolution(layer, resolver):
    """Outputs [P, C] of a layer for the inputs -128..=127."""
    channels = layer.base.size
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.padding = schema.Padding.VALID
    relu = schema.ActivationFunctionType.RELU if layer.relu else schema.ActivationFunctionType.NONE
    options.fusedActivationFunction = relu
    bias_scales = layer.input_scale * layer.weight_scales
    tensors = [
        tensor([1, 16, 16, 1], INT8, layer.input_scale, layer.input_zero_point),
        tensor([channels, 1, 1, 1], INT8, layer.weight_scales, 0, 1),
        tensor([channels], INT32, bias_scales, 0, 2),
        tensor([1, 16, 16, channels], INT8, layer.output_scale, layer.zero_point),
    ]
    data = [np.ones(channels, np.int8), layer.base.astype(np.int32)]
    content = model(tensors, data, schema.BuiltinOperator.CONV_2D, schema.BuiltinOptions.Conv2DOptions, options,
                    [0], [3], [0, 1, 2])
    x = np.arange(-128, 128).astype(np.int8).reshape(1, 16, 16, 1)
    return run(content, [x], resolver).reshape(256, channels)


def addition(scales, zero_points, kind, dtype, resolver, a, b):
    """Sums of `a` and `b`; scales and zero points of both and of the output."""
    options = schema.AddOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.NONE
    options.potScaleInt16 = False
    tensors = [tensor([1, a.size], kind, s, z) for s, z in zip(scales, zero_points)]
    content = model(tensors, [], schema.BuiltinOperator.ADD, schema.BuiltinOptions.AddOptions, options,
                    [0, 1], [2], [0, 1])
    return run(content, [a.astype(dtype)[None], b.astype(dtype)[None]], resolver)[0]


def additions(name, resolver, kind, dtype, left_shift, values, seed):
    """ADD: both operands against twice the larger scale, then their sum; three roundings."""
    vectors = Vectors("addition", "tflite_double", name, VERSION)
    rng, info = np.random.default_rng(seed), np.iinfo(dtype)
    bits = info.bits
    for index in range(8):
        size = share(values, 16) // 8
        a, b = (rng.integers(info.min, info.max + 1, size) for _ in range(2))
        exact = index % 2 == 0
        scales = 2.0 ** rng.integers(-4, 1, 3) if exact else rng.uniform(0.01, 0.3, 3)
        scales = scales.astype(np.float32)
        # TensorFlow Lite has 16-bit tensors without zero points only.
        zero_points = rng.integers(-128, 128, 3) if bits == 8 else np.zeros(3, np.int64)
        want = addition(scales, zero_points, kind, dtype, resolver, a, b)
        s = scales.astype(np.float64)
        twice = 2 * max(s[0], s[1])
        ratios = np.array([s[0] / twice, s[1] / twice, twice / (2.0**left_shift * s[2])])
        multiplier, shift = frexp_scale(ratios)
        vectors.add(
            {**output(zero_points[2], bits=bits), "form": "rescaled", "left_shift": left_shift,
             "zero_points": zero_points[:2].tolist(), "multiplier": int(multiplier[2]), "shift": int(shift[2])},
            a=a.astype(np.int16), b=b.astype(np.int16), multipliers=multiplier[:2], shifts=shift[:2],
            want=want.astype(np.int16))
    return vectors


def pooled(x, scales, zero_points, window, resolver):
    """AVERAGE_POOL_2D over whole windows [window, window] of `x` [n, window, window, channels], or MEAN."""
    same = window is not None
    tensors = [
        tensor(x.shape, INT8, scales[0], zero_points[0]),
        tensor([x.shape[0], 1, 1, x.shape[3]], INT8, scales[1], zero_points[1]),
    ]
    if same:
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = 1
        options.filterHeight = options.filterWidth = window
        options.fusedActivationFunction = schema.ActivationFunctionType.NONE
        content = model(tensors, [], schema.BuiltinOperator.AVERAGE_POOL_2D, schema.BuiltinOptions.Pool2DOptions,
                        options, [0], [1], [0])
    else:
        options = schema.ReducerOptionsT()
        options.keepDims = True
        tensors.append(tensor([2], INT32, None, 0, 1))
        content = model(tensors, [np.array([1, 2], np.int32)], schema.BuiltinOperator.MEAN,
                        schema.BuiltinOptions.ReducerOptions, options, [0], [1], [0, 2])
    return run(content, [x], resolver)


def averages(rule, name, resolver, mean, values, seed):
    vectors = Vectors("average", rule, name, VERSION)
    rng = np.random.default_rng(seed)
    for index in range(8):
        side, size = 2 + index, share(values, 64) // 8
        x = rng.integers(-128, 128, (1, side, side, size)).astype(np.int8)
        exact = index % 2 == 0
        scales = (2.0 ** rng.integers(-4, 1, 2) if exact else rng.uniform(0.05, 0.2, 2)).astype(np.float32)
        zero_points = rng.integers(-128, 128, 2)
        if not mean:
            scales[1], zero_points[1] = scales[0], zero_points[0]
        want = pooled(x, scales, zero_points, None if mean else side, resolver)
        meta = {**output(zero_points[1]), "form": "sum" if mean else "quotient", "zero_in": int(zero_points[0]),
                "multiplier": 1, "shift": 0}
        if mean:
            # QuantizedMeanOrSum: the multiplier of the scales, then divided by the number of pixels.
            s = scales.astype(np.float64)
            q, shift = (int(n) for n in frexp_scale(s[0] / s[1]))
            left = (side * side).bit_length() - 1
            meta.update(multiplier=(q << left) // (side * side), shift=shift + left)
        vectors.add(meta, values=x.reshape(side * side, size).astype(np.int16), want=want.reshape(size).astype(np.int16))
    return vectors


def make(rule, name, resolver, scale, values, seed):
    vectors = Vectors("requantise", rule, name, VERSION)
    # XNNPACK takes scales below 256; the other kernels wrap in 32 bits where an output saturates anyway.
    for layer in aim.layers(np.random.default_rng(seed), values):
        floats = rule == "float32_half_even"
        ratio = layer.ratio32().astype(np.float64) if floats else layer.ratio()
        multiplier, shift = scale(ratio)
        vectors.add(output(layer.zero_point, relu=layer.relu), base=layer.base, offset=layer.offsets(),
                    multiplier=multiplier, shift=shift, ratio=ratio,
                    want=convolution(layer, resolver).astype(np.int16))
    return vectors


def all_vectors(values):
    types = OpResolverType
    yield make("tflite_double", "LiteRT BUILTIN_REF", types.BUILTIN_REF, frexp_scale, values, 3)
    yield make("ruy", "LiteRT BUILTIN_WITHOUT_DEFAULT_DELEGATES", types.BUILTIN_WITHOUT_DEFAULT_DELEGATES, frexp_scale,
               values, 4)
    yield make("float32_half_even", "LiteRT XNNPACK", types.BUILTIN, float_scale, values, 5)
    int16 = schema.TensorType.INT16
    yield additions("LiteRT BUILTIN_REF ADD int8", types.BUILTIN_REF, INT8, np.int8, 20, values, 11)
    yield additions("LiteRT BUILTIN_WITHOUT_DEFAULT_DELEGATES ADD int8", types.BUILTIN_WITHOUT_DEFAULT_DELEGATES, INT8,
                    np.int8, 20, values, 12)
    yield additions("LiteRT BUILTIN_REF ADD int16", types.BUILTIN_REF, int16, np.int16, 15, values, 13)
    yield averages("half_away", "LiteRT BUILTIN_REF AVERAGE_POOL_2D", types.BUILTIN_REF, False, values, 14)
    yield averages("tflite_double", "LiteRT BUILTIN_REF MEAN", types.BUILTIN_REF, True, values, 15)
