#!/usr/bin/env python3
"""Quantise a network of timm with ONNX Runtime, to have a model of full size to compare.

The weights are random, as no trained ones can be had without a network; batch norms get
statistics from a few batches of smoothed noise, so that every layer has values to round.
Writes NAME-FORM.onnx for each form asked for.

Usage:
    pip install torch timm onnx onnxruntime onnxscript numpy
    python3 tests/oracles/quantise_network.py resnet50 --out FOLDER
    python3 tests/oracles/onnx_runtime_network.py FOLDER/resnet50-u8s8-qdq.onnx
"""

import argparse
import os
import tempfile

import numpy as np
import timm
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from onnx_runtime_network import noise

U8, S8 = QuantType.QUInt8, QuantType.QInt8
QDQ, QOPERATOR = QuantFormat.QDQ, QuantFormat.QOperator
FORMS = {  # activations, weights, a scale for each channel, form, activations without zero points
    "u8s8-qdq": (U8, S8, True, QDQ, False),
    "u8u8-qoperator": (U8, U8, False, QOPERATOR, False),
    "symmetric-qdq": (S8, S8, True, QDQ, True),
}


class Images(CalibrationDataReader):
    """Calibration images, one at a time."""

    def __init__(self, images):
        self.rest = iter([{"x": images[i : i + 1]} for i in range(len(images))])

    def get_next(self):
        return next(self.rest, None)


def network(name, images):
    """The network with statistics of its own, in inference mode, branches fused where it has any."""
    torch.manual_seed(1)
    model = timm.create_model(name, pretrained=False).train()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.5
                module.weight.uniform_(0.75, 1.25)
                module.bias.normal_(0, 0.1)
        for _ in range(4):
            model(torch.tensor(images))
    return timm.utils.reparameterize_model(model.eval())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="of timm: resnet50, repvgg_a0")
    parser.add_argument("--out", default=".")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    parser.add_argument("--side", type=int, default=224)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    torch.set_num_threads(1)
    images = np.concatenate([noise((3, args.side, args.side), seed) for seed in range(2, 6)])
    model = network(args.name, images)
    with tempfile.TemporaryDirectory() as folder:
        exported = os.path.join(folder, "exported.onnx")
        torch.onnx.export(
            model, (torch.tensor(images[:1]),), exported, dynamo=False, opset_version=17,
            input_names=["x"],
        )  # fmt: skip
        prepared = os.path.join(folder, "prepared.onnx")
        quant_pre_process(exported, prepared)
        for form in args.forms:
            activations, weights, per_channel, written_as, symmetric = FORMS[form]
            path = os.path.join(args.out, f"{args.name}-{form}.onnx")
            quantize_static(
                prepared, path, Images(images), quant_format=written_as,
                activation_type=activations, weight_type=weights, per_channel=per_channel,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"ActivationSymmetric": symmetric},
            )  # fmt: skip
            print(path)


if __name__ == "__main__":
    main()
