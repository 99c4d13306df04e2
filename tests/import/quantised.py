#!/usr/bin/env python3
"""Make the quantised ONNX fixtures with ONNX Runtime's own quantiser.

    nano-u8s8-qdq.onnx       repvgg-nano, u8 activations, s8 weights per channel, QDQ
    nano-s8s8-qoperator.onnx repvgg-nano, s8 activations with zero points, QLinearConv
    nano-u8u8-qoperator.onnx repvgg-nano, u8 weights per tensor with zero points
    nano-symmetric-qdq.onnx  repvgg-nano, s8 activations without zero points: each ReLU
                             stands between two pairs and is rounded twice
    resnet-u8s8-qdq.onnx     resnet-mini: additions

and, for each, `NAME.json`: SHA-256 of every integer tensor that ONNX Runtime makes
of the first 20 test images (little-endian int32, image, row, column, channel).

Usage:
    pip install numpy safetensors torch onnx onnxruntime onnxscript
    python3 quantised.py
"""

import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models")
OUT = os.path.join(HERE, "quantised")
ORACLE = os.path.join(HERE, "..", "oracles", "onnx_runtime_tensors.py")
IMAGES = 20
sys.path.insert(0, MODELS)
import train  # noqa: E402


class Images(CalibrationDataReader):
    """Calibration images, one at a time: the exported batch is one."""

    def __init__(self, images, name):
        self.batches = iter([{name: images[i : i + 1]} for i in range(len(images))])

    def get_next(self):
        return next(self.batches, None)


def pictures(name):
    """Normalised images of an .npy file, NCHW: float64, rounded once."""
    pixels = np.load(os.path.join(MODELS, name))
    normal = (pixels.astype(np.float64) / 255 - train.MEAN) / train.STD
    return np.ascontiguousarray(normal.transpose(0, 3, 1, 2).astype(np.float32))


def float_model(name, path):
    """Export a trained network with batch norms and branches fused by the exporter where it can."""
    model = train.load_model(name, os.path.join(MODELS, f"{name}.safetensors")).eval()
    image = torch.zeros(1, 1, 28, 28)
    axes = {"x": {0: "n"}, "y": {0: "n"}}
    torch.onnx.export(
        model, (image,), path, dynamo=False, opset_version=17,
        input_names=["x"], output_names=["y"], dynamic_axes=axes,
    )  # fmt: skip


def main():
    os.makedirs(OUT, exist_ok=True)
    calibration = pictures("fashion-mnist-calibration-images.npy")
    test = pictures("fashion-mnist-test-images.npy")[:IMAGES]
    u8, s8 = QuantType.QUInt8, QuantType.QInt8
    qdq, qoperator = QuantFormat.QDQ, QuantFormat.QOperator
    with tempfile.TemporaryDirectory() as folder:
        resnet = os.path.join(folder, "resnet.onnx")
        float_model("resnet-mini", resnet)
        images = os.path.join(folder, "images.npy")
        np.save(images, test)
        nano = os.path.join(HERE, "legacy-deploy.onnx")
        for name, source, activations, weights, per_channel, form, symmetric in [
            ("nano-u8s8-qdq", nano, u8, s8, True, qdq, False),
            ("nano-s8s8-qoperator", nano, s8, s8, True, qoperator, False),
            ("nano-u8u8-qoperator", nano, u8, u8, False, qoperator, False),
            ("nano-symmetric-qdq", nano, s8, s8, True, qdq, True),
            ("resnet-u8s8-qdq", resnet, u8, s8, True, qdq, False),
        ]:
            prepared = os.path.join(folder, "prepared.onnx")
            quant_pre_process(source, prepared)
            path = os.path.join(OUT, f"{name}.onnx")
            entry = onnx.load(prepared).graph.input[0].name
            quantize_static(
                prepared, path, Images(calibration, entry), quant_format=form,
                activation_type=activations, weight_type=weights, per_channel=per_channel,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"ActivationSymmetric": symmetric},
            )  # fmt: skip
            said = os.path.join(folder, "said")
            subprocess.run([sys.executable, ORACLE, path, images, said, "--digests"], check=True)
            shutil.copy(os.path.join(said, "tensors.json"), os.path.join(OUT, f"{name}.json"))


if __name__ == "__main__":
    main()
