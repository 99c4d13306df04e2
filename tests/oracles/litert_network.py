#!/usr/bin/env python3
"""Compare every tensor of a small RepVGG with LiteRT's, as an int8 .tflite.

`repchip quantise` freezes repvgg-mini with the rule `tflite_double`; this script
writes the same integers as an int8 .tflite (PAD, CONV_2D, MEAN; unsigned activations
less 128), runs it with the reference kernels of LiteRT on test images, and compares
each tensor with that of `repchip infer --tensors`. With `--rule ruy` the optimised
kernels are the other side, up to the MEAN: theirs folds the zero point into a rounded
bias, which no rule of the network does. The exit code is 1 when a value differs.

Usage, in the top folder of the project:
    pip install ai-edge-litert flatbuffers numpy
    cargo build --release
    python3 tests/oracles/litert_network.py [--rule ruy] [--images 20] [--keep FILE.tflite]
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from litert import INT8, INT32, VERSION, tensor

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
MODELS = os.path.join(ROOT, "tests", "models")
RESOLVERS = {
    "tflite_double": OpResolverType.BUILTIN_REF,
    "ruy": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
}
STUDY = """name = "litert"
chips = ["{root}/configs/chips/edge-general.toml"]
[input]
batch = 1
[numerics]
activation_bits = 8
weight_bits = 8
output_bits = 8
weights = "per_channel"
calibration = "min_max"
rule = "{rule}"
residual = "separate"
[mapping]
inplace_add = false
halo = "keep"
images = "outermost"
offload = "host"
fully_connected = "array"
[[networks]]
id = "repvgg-mini"
name = "repvgg-mini"
form = "deploy"
input = [28, 28, 1]
weights = {{ file = "{models}/repvgg-mini.safetensors" }}
calibration = "{models}/fashion-mnist-calibration-images.npy"
mean = [0.2860]
std = [0.3530]
"""


def frozen(path):
    """The JSON text and the arrays of a network that `repchip quantise` wrote."""
    with open(path, "rb") as f:
        content = f.read()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    text = json.loads(header.pop("__metadata__")["repchip"])
    types = {"I8": "<i1", "U8": "<u1", "I16": "<i2", "I32": "<i4", "I64": "<i8", "F64": "<f8"}
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        data = content[8 + length + start : 8 + length + end]
        arrays[name] = np.frombuffer(data, types[entry["dtype"]]).reshape(entry["shape"])
    return json.loads(text["network"]), arrays


class Writer:
    """Builds a .tflite operator by operator."""

    def __init__(self):
        self.tensors, self.buffers, self.operators, self.codes = [], [schema.BufferT()], [], []

    def constant(self, array):
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
        self.buffers.append(buffer)
        return len(self.buffers) - 1

    def tensor(self, *args, **kwargs):
        self.tensors.append(tensor(*args, **kwargs))
        return len(self.tensors) - 1

    def operator(self, builtin, kind, options, inputs, outputs):
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 3 if builtin == schema.BuiltinOperator.CONV_2D else 2
        self.codes.append(code)
        made = schema.OperatorT()
        made.opcodeIndex = len(self.codes) - 1
        made.inputs, made.outputs = inputs, outputs
        made.builtinOptionsType, made.builtinOptions = kind, options
        self.operators.append(made)

    def finish(self, first, last):
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = [first], [last]
        whole = schema.ModelT()
        whole.version, whole.operatorCodes = 3, self.codes
        whole.subgraphs, whole.buffers = [graph], self.buffers
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(whole.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def weight_scales(scales, inputs, output, multiplier, shift):
    """The float32 scales of weights, from the factor s_x·s_w/s_y that 31 bits hold."""
    factor = multiplier.astype(np.float64) / 2.0 ** shift.astype(np.float64)
    found = (factor * scales[output] / scales[inputs]).astype(np.float32)
    fraction, exponent = np.frexp(np.float64(scales[inputs]) * found / np.float64(scales[output]))
    again = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    if not (np.array_equal(again, multiplier) and np.array_equal(31 - exponent, shift)):
        raise SystemExit("a factor is not that of a float32 scale")
    return found


def convolution(writer, layer, integers, arrays, index, source, target, scales, shift_of):
    """PAD where there is padding, then CONV_2D; a fully connected layer is a 1x1 convolution."""
    conv = layer["op"].get("conv", {}).get("conv", {"padding": 0, "stride": 1})
    relu = next(iter(layer["op"].values()))["activation"] == "relu"
    inputs, output = layer["inputs"][0], index + 1
    weight, bias = arrays[f"{index}.weight"], arrays[f"{index}.bias"]
    steps = weight_scales(
        scales, inputs, output, arrays[f"{index}.multiplier"], arrays[f"{index}.shift"].astype(int)
    )
    if conv["padding"]:
        pad = conv["padding"]
        shape = list(writer.tensors[source].shape)
        shape[1] += 2 * pad
        shape[2] += 2 * pad
        amounts = writer.constant(np.array([[0, 0], [pad, pad], [pad, pad], [0, 0]], "<i4"))
        amounts = writer.tensor([4, 2], INT32, None, 0, amounts)
        padded = writer.tensor(shape, INT8, scales[inputs], shift_of(inputs))
        kind = schema.BuiltinOptions.PadOptions
        writer.operator(
            schema.BuiltinOperator.PAD, kind, schema.PadOptionsT(), [source, amounts], [padded]
        )
        source = padded
    weights = writer.tensor(weight.shape, INT8, steps, 0, writer.constant(weight.astype("<i1")))
    biases = writer.tensor(
        bias.shape, INT32, np.float32(scales[inputs]) * steps, 0, writer.constant(bias.astype("<i4"))
    )
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = conv["stride"]
    options.dilationHFactor = options.dilationWFactor = 1
    options.padding = schema.Padding.VALID
    kinds = schema.ActivationFunctionType
    options.fusedActivationFunction = kinds.RELU if relu else kinds.NONE
    kind = schema.BuiltinOptions.Conv2DOptions
    operands = [source, weights, biases]
    writer.operator(schema.BuiltinOperator.CONV_2D, kind, options, operands, [target])


def mean(writer, source, target):
    axes = writer.tensor([2], INT32, None, 0, writer.constant(np.array([1, 2], "<i4")))
    options = schema.ReducerOptionsT()
    options.keepDims = True
    kind = schema.BuiltinOptions.ReducerOptions
    writer.operator(schema.BuiltinOperator.MEAN, kind, options, [source, axes], [target])


def tflite(network, arrays):
    """The model, the places of its tensors by number, and what is added to each to make it unsigned again."""
    scales = [np.float32(scale) for scale in arrays["scale"]]
    kinds = network["tensors"]
    offset = [128 if kind["range"]["sign"] == "unsigned" else 0 for kind in kinds]

    def shift_of(place):
        return kinds[place]["zero_point"] - offset[place]

    writer = Writer()
    graph = network["graph"]
    shapes = [graph["input"]] + [layer["output"] for layer in graph["layers"]]
    places = [
        writer.tensor(
            [1, shape["height"], shape["width"], shape["channels"]],
            INT8, scales[place], shift_of(place),
        )
        for place, shape in enumerate(shapes)
    ]  # fmt: skip
    for index, layer in enumerate(graph["layers"]):
        source, target = places[layer["inputs"][0]], places[index + 1]
        if "conv" in network["layers"][index]:
            convolution(
                writer, layer, network["layers"][index], arrays, index, source, target, scales, shift_of
            )
        else:
            mean(writer, source, target)
    return writer.finish(places[0], places[-1]), places, offset


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rule", choices=sorted(RESOLVERS), default="tflite_double")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--keep", metavar="FILE", help="keep the .tflite")
    parser.add_argument("--repchip", default=os.path.join(ROOT, "target", "release", "repchip"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study, net = os.path.join(folder, "study.toml"), os.path.join(folder, "net.safetensors")
        with open(study, "w") as f:
            f.write(STUDY.format(root=ROOT, models=MODELS, rule=args.rule))
        quiet = {"check": True, "stdout": subprocess.DEVNULL}
        subprocess.run([args.repchip, "quantise", study, "--out", net], **quiet)
        network, arrays = frozen(net)
        pixels = np.load(os.path.join(MODELS, "fashion-mnist-test-images.npy"))[: args.images]
        first = network["tensors"][0]
        real = ((pixels / 255.0 - 0.2860) / 0.3530).astype(np.float32)
        steps = np.rint(real.astype(np.float64) / arrays["scale"][0]) + first["zero_point"]
        images = np.clip(steps, -128, 127).astype("<i4")
        given = os.path.join(folder, "images.npy")
        np.save(given, images)
        tensors = os.path.join(folder, "tensors")
        subprocess.run(
            [args.repchip, "infer", study, "--input", given, "--tensors", tensors,
             "--output", os.path.join(folder, "output.npy")], **quiet,
        )  # fmt: skip
        ours = [
            np.load(os.path.join(tensors, file))
            for file in sorted(os.listdir(tensors))
            if not file.endswith("-accumulators.npy")
        ]
    content, places, offset = tflite(network, arrays)
    if args.keep:
        with open(args.keep, "wb") as f:
            f.write(content)
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=RESOLVERS[args.rule],
        num_threads=1, experimental_preserve_all_tensors=True,
    )  # fmt: skip
    interpreter.allocate_tensors()
    if args.rule == "ruy":
        kinds = ["conv" in layer for layer in network["layers"]]
        ours = ours[: kinds.index(False)]
    differing = [0] * len(ours)
    for image in range(args.images):
        interpreter.set_tensor(places[0], images[image : image + 1].astype(np.int8))
        interpreter.invoke()
        for place, mine in enumerate(ours):
            theirs = interpreter.get_tensor(places[place + 1]).astype(int) + offset[place + 1]
            differing[place] += int((mine[image : image + 1] != theirs).sum())
    for layer, count in zip(network["graph"]["layers"], differing):
        if count:
            print(f"{layer['name']}: {count} values differ")
    values = sum(mine.size for mine in ours)
    print(
        f"{VERSION}, {args.rule}, {args.images} images: {len(ours)} tensors compared, "
        f"{sum(differing)} of {values} values differ"
    )
    sys.exit(1 if any(differing) else 0)


if __name__ == "__main__":
    main()
