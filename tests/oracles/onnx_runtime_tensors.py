#!/usr/bin/env python3
"""Write every tensor that ONNX Runtime makes of a quantised network, as .npy files.

ONNX Runtime first rewrites the model: a float operator between DequantizeLinear
and QuantizeLinear becomes one integer operator (QLinearConv, QLinearAdd, ...).
This script saves the rewritten model, makes each of its inner tensors an output,
and runs it without further rewriting, so that the files hold what the runtime
computes and not what a differently fused copy of the model would.

For each integer tensor of an operator it writes `NNN-NAME.npy` in the layout of the
runtime (NCHW, or NC behind a flattening), and `tensors.json`: for each tensor its
operator and whether the runtime's arithmetic there is integer. What it leaves in
float, as it does with some operators, has `"integer": false`.

Usage:
    pip install onnx onnxruntime numpy
    python3 onnx_runtime_tensors.py MODEL.onnx IMAGES.npy OUT_FOLDER
IMAGES is f32, axes image, channel, row, column, what the model takes.
"""

import argparse
import hashlib
import json
import os
import re

import numpy as np
import onnx
import onnxruntime as ort

INTEGER = {
    "QLinearConv", "QLinearAdd", "QLinearMul", "QLinearGlobalAveragePool", "QLinearAveragePool",
    "QLinearConcat", "QLinearSigmoid", "QLinearMatMul", "QGemm", "MaxPool",
}  # fmt: skip
# Float operators of one element each: with 8 bits a table says all of them.
TABLED = {"Relu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "DequantizeLinear"}


def rewritten(model, path):
    """The model as ONNX Runtime rewrites it, before it chooses processor-specific layouts."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    # Without this the rewriting makes unsigned integers of signed ones on some processors, and new names.
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    options.optimized_model_filepath = path
    ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return onnx.load(path)


def exposed(model):
    """A copy in which every tensor is an output."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    have = {value.name for value in copy.graph.output}
    for node in model.graph.node:
        for name in node.output:
            if name and name not in have:
                have.add(name)
                copy.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    return copy


def run(model, images):
    """All outputs by name; images one by one where the model's batch is one."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [value.name for value in session.get_outputs()]
    entry = session.get_inputs()[0]
    step = len(images) if entry.shape[0] != 1 else 1
    parts = [
        session.run(None, {entry.name: images[i : i + step]}) for i in range(0, len(images), step)
    ]
    return {name: np.concatenate([part[i] for part in parts]) for i, name in enumerate(names)}


def is_integer(name, makers, inputs):
    """Whether the runtime makes a tensor by integer arithmetic, by rounding the image, or by a function of one element."""
    maker = makers.get(name)
    if maker is None or name in inputs:
        return True
    if maker.op_type == "QuantizeLinear":
        source = makers.get(maker.input[0])
        return source is None or source.op_type in TABLED
    return maker.op_type in INTEGER


def file_stem(name):
    """The name of a tensor as a file's: other characters than letters, digits, `.`, `-`, `_` become `_`."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("out")
    parser.add_argument(
        "--digests", action="store_true", help="write SHA-256 of each tensor instead of the tensors"
    )
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    images = np.load(args.images)
    path = os.path.join(args.out, "rewritten.onnx")
    model = rewritten(args.model, path)
    os.remove(path)
    values = run(exposed(model), images)
    makers = {name: node for node in model.graph.node for name in node.output}
    inputs = {value.name for value in model.graph.input}
    listed = []
    for name, value in values.items():
        if value.dtype not in (np.int8, np.uint8) or name not in makers:
            continue
        operator = makers[name].op_type
        if operator in ("Flatten", "Reshape", "Squeeze", "Transpose"):
            continue
        if operator == "QuantizeLinear" and makers[name].input[0] in makers:
            operator = makers[makers[name].input[0]].op_type
        entry = {
            "name": name,
            "operator": operator,
            "integer": is_integer(name, makers, inputs),
            "type": str(value.dtype),
            "shape": list(value.shape),
        }
        nhwc = np.moveaxis(value, 1, -1) if value.ndim == 4 else value
        if args.digests:
            entry["sha256"] = hashlib.sha256(np.ascontiguousarray(nhwc, "<i4").tobytes()).hexdigest()
        else:
            entry["file"] = f"{len(listed):03}-{file_stem(name)}.npy"
            np.save(os.path.join(args.out, entry["file"]), value)
        listed.append(entry)
    with open(os.path.join(args.out, "tensors.json"), "w") as f:
        json.dump({"onnxruntime": ort.__version__, "tensors": listed}, f, indent=1)
        f.write("\n")
    left = [entry["name"] for entry in listed if not entry["integer"]]
    print(f"{len(listed)} tensors of integers, {len(images)} images; by float arithmetic: {left}")


if __name__ == "__main__":
    main()
