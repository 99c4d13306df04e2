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
from vectors import Vectors, float_scale, frexp_scale, output

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
