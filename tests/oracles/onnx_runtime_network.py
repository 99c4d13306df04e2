#!/usr/bin/env python3
"""Compare every integer tensor of a quantised ONNX network with ONNX Runtime's.

Runs the model in ONNX Runtime with all of its inner tensors as outputs (see
onnx_runtime_tensors.py), and through `repchip infer --tensors` on the same images,
and counts the values that differ, tensor by tensor. What the runtime computes in
float is compared too and named apart; the exit code is 1 when a tensor of integer
arithmetic differs.

Usage, in the top folder of the project:
    pip install onnx onnxruntime numpy
    cargo build --release
    python3 tests/oracles/onnx_runtime_network.py MODEL.onnx [IMAGES.npy]
IMAGES is f32, axes image, channel, row, column; without it two images of smoothed
noise are made.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx

HERE = os.path.dirname(os.path.abspath(__file__))
STUDY = """name = "runtime"
chips = ["{chip}"]
[input]
batch = 1
[numerics]
activation_bits = 8
weight_bits = 8
output_bits = 8
weights = "per_channel"
calibration = "min_max"
rule = "float32_half_even"
residual = "separate"
[mapping]
inplace_add = false
halo = "keep"
images = "outermost"
offload = "host"
fully_connected = "array"
[[networks]]
id = "network"
model = "{model}"
input = [{height}, {width}, {channels}]
"""


def noise(shape, seed=1):
    """Smoothed noise: blocks of 16 pixels of one value, and a fifth as much on every pixel."""
    rng = np.random.default_rng(seed)
    channels, height, width = shape
    coarse = rng.normal(size=(2, channels, height // 16 + 1, width // 16 + 1))
    coarse = coarse.repeat(16, 2).repeat(16, 3)[:, :, :height, :width]
    return (coarse + 0.2 * rng.normal(size=(2, *shape))).astype(np.float32)


def plain(name):
    """A tensor's name before quantising tools added to it."""
    for ending in ("_QuantizeLinear_Output", "_quantized"):
        if name.endswith(ending):
            return name[: -len(ending)]
    return name


def stem(name):
    """A layer's name as `repchip infer` writes it in a file's name."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)


def repchip(binary, model, images, folder):
    """Every layer's output of `repchip infer`, by the layer's name in file names."""
    chip = os.path.join(HERE, "..", "..", "configs", "chips", "edge-general.toml")
    _, channels, height, width = images.shape
    study = os.path.join(folder, "study.toml")
    with open(study, "w") as f:
        f.write(
            STUDY.format(
                chip=os.path.abspath(chip), model=os.path.abspath(model),
                height=height, width=width, channels=channels,
            )  # fmt: skip
        )
    pixels = os.path.join(folder, "images.npy")
    np.save(pixels, np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
    tensors = os.path.join(folder, "tensors")
    subprocess.run(
        [binary, "infer", study, "--input", pixels, "--tensors", tensors,
         "--output", os.path.join(folder, "output.npy")],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    found = {}
    for file in sorted(os.listdir(tensors)):
        name = file[: -len(".npy")].split("-", 1)[1]
        if not name.endswith("-accumulators"):
            found[name] = np.load(os.path.join(tensors, file))
    return found


def runtime(model, images, folder):
    """What ONNX Runtime says: its list of tensors, and their values."""
    pixels = os.path.join(folder, "nchw.npy")
    np.save(pixels, images)
    said = os.path.join(folder, "runtime")
    script = os.path.join(HERE, "onnx_runtime_tensors.py")
    subprocess.run(
        [sys.executable, script, model, pixels, said], check=True, stdout=subprocess.DEVNULL
    )
    with open(os.path.join(said, "tensors.json")) as f:
        listed = json.load(f)
    for entry in listed["tensors"]:
        entry["value"] = np.load(os.path.join(said, entry["file"]))
    return listed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("images", nargs="?")
    parser.add_argument(
        "--repchip", default=os.path.join(HERE, "..", "..", "target", "release", "repchip")
    )
    args = parser.parse_args()
    if args.images:
        images = np.load(args.images)
    else:
        entry = onnx.load(args.model).graph.input[0].type.tensor_type.shape.dim
        images = noise([dim.dim_value for dim in entry[1:]])
    with tempfile.TemporaryDirectory() as folder:
        ours = repchip(args.repchip, args.model, images, folder)
        said = runtime(args.model, images, folder)
    totals = {True: [0, 0, 0], False: [0, 0, 0]}
    wrong = False
    for entry in said["tensors"]:
        name = plain(entry["name"])
        mine = ours.pop(stem(name), None)
        if mine is None:
            continue
        theirs = entry["value"]
        theirs = np.moveaxis(theirs, 1, -1) if theirs.ndim == 4 else theirs
        differing = int((mine.reshape(theirs.shape) != theirs).sum())
        total = totals[entry["integer"]]
        total[0] += 1
        total[1] += theirs.size
        total[2] += differing
        wrong |= entry["integer"] and differing > 0
        if differing or not entry["integer"]:
            kind = "integer" if entry["integer"] else "float in the runtime"
            print(f"{name} ({entry['operator']}, {kind}): {differing} of {theirs.size} differ")
    for name in ours:
        print(f"{name}: the runtime has no such tensor")
        wrong = True
    (tensors, values, differing), (in_float, _, off) = totals[True], totals[False]
    print(
        f"ONNX Runtime {said['onnxruntime']}, {len(images)} images: {tensors} tensors of integer arithmetic "
        f"compared, {differing} of {values} values differ; {in_float} in float, {off} values differ"
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
