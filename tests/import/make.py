#!/usr/bin/env python3
"""Write repvgg-nano in each of the forms in which frameworks hand networks over.

    legacy-train.onnx      torch.onnx.export(dynamo=False), opset 11, symbolic batch
    dynamo-train.onnx      torch.onnx.export(dynamo=True), opset 18
    legacy-deploy.onnx     fused blocks, dynamo=False, opset 17, tail GAP, Flatten, Gemm
    dynamo-deploy.onnx     fused blocks, dynamo=True, opset 21
    external.onnx/.data    dynamo-deploy with the weights in a file beside it
    fresh.onnx             never trained, dynamo=False: equal constants are shared
                           through Identity nodes
    fresh-dynamo.onnx      never trained, dynamo=True: biases of zero are left out
    official-train.pth     wrapped in `state_dict`, names with `module.`
    official-deploy.pth    wrapped in `model`
    timm-train.pth         timm's names
    timm-deploy.safetensors
    legacy-format.pth      a few numbers in the format before torch 1.6
    object.pth             a whole module, not its state dict
    blocks.onnx            blocks of other families, one after the other: QARepVGG, two
                           3x3 and a bare identity, 3x3 and 1x1, and one with an
                           activation inside a branch
    pictures/              test images 0 to 3 as PNG, image 4 as JPEG of 3 channels

Usage:
    pip install numpy pillow safetensors torch onnx onnxscript onnxruntime
    python3 make.py            # reads ../models, writes this folder
"""

import os
import sys

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models")
sys.path.insert(0, MODELS)
import train  # noqa: E402

TIMM = [
    ("stage0.", "stem."),
    ("stage1.", "stages.0."),
    ("stage2.", "stages.1."),
    ("stage3.", "stages.2."),
    ("rbr_dense", "conv_kxk"),
    ("rbr_1x1", "conv_1x1"),
    ("rbr_identity", "identity"),
    ("rbr_reparam", "reparam_conv"),
    ("linear", "head.fc"),
]


class Fused(nn.Module):
    """A block in deploy form: ReLU(conv3x3(x))."""

    def __init__(self, block):
        super().__init__()
        conv = train.fuse_repvgg_block(block)
        outputs, inputs, side, _ = conv.weight.shape
        self.rbr_reparam = nn.Conv2d(inputs, outputs, side, conv.stride, conv.padding)
        self.rbr_reparam.weight.data = conv.weight.float()
        self.rbr_reparam.bias.data = conv.bias.float()

    def forward(self, x):
        return F.relu(self.rbr_reparam(x))


class Deploy(nn.Module):
    """repvgg-nano in deploy form, with the tail that timm's models have."""

    def __init__(self, model):
        super().__init__()
        self.stage0 = Fused(model.stage0)
        for name in ["stage1", "stage2", "stage3"]:
            blocks = [Fused(block) for block in getattr(model, name)]
            setattr(self, name, nn.Sequential(*blocks))
        self.linear = nn.Linear(model.linear.in_features, model.linear.out_features)
        self.linear.load_state_dict(model.linear.state_dict())

    def forward(self, x):
        x = self.stage3(self.stage2(self.stage1(self.stage0(x))))
        return self.linear(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


class Official(nn.Module):
    """A network with the tail of the official models: pool, view by the size of the batch."""

    def __init__(self, model):
        super().__init__()
        for name in ["stage0", "stage1", "stage2", "stage3", "linear"]:
            setattr(self, name, getattr(model, name))

    def forward(self, x):
        x = self.stage3(self.stage2(self.stage1(self.stage0(x))))
        x = F.adaptive_avg_pool2d(x, 1)
        return self.linear(x.view(x.size(0), -1))


def legacy(model, name, opset, batch=False):
    axes = {"input": {0: "batch"}} if batch else None
    torch.onnx.export(
        model, torch.zeros(1, 1, 28, 28), os.path.join(HERE, name), dynamo=False,
        opset_version=opset, input_names=["input"], dynamic_axes=axes,
    )


def dynamo(model, name, opset):
    program = torch.onnx.export(
        model, (torch.zeros(1, 1, 28, 28),), dynamo=True, opset_version=opset, verbose=False
    )
    program.save(os.path.join(HERE, name))
    strip(name)


def strip(name):
    """Leave out what exporters note about source files: it is large and holds paths."""
    path = os.path.join(HERE, name)
    model = onnx.load(path)
    del model.metadata_props[:]
    for holder in [*model.graph.node, *model.graph.value_info, *model.graph.input,
                   *model.graph.output, *model.graph.initializer, model.graph]:
        del holder.metadata_props[:]
        holder.doc_string = ""
    del model.graph.value_info[:]
    onnx.save(model, path)


def timm_name(name):
    for ours, theirs in TIMM:
        name = name.replace(ours, theirs)
    return name


def fresh():
    torch.manual_seed(1)
    model = train.RepVGG([4, 8, 8, 8], [2, 2, 1])
    train.initialise(model)
    return model.eval()


class Blocks(nn.Module):
    """See `blocks.onnx` above; the outer batch norm of the first block stays a node of its own."""

    def __init__(self):
        super().__init__()
        self.qa = nn.ModuleDict({
            "dense": nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)),
            "one": nn.Conv2d(4, 4, 1, bias=False),
            "outer": nn.BatchNorm2d(4),
        })
        self.twice = nn.ModuleList([nn.Conv2d(4, 4, 3, padding=1) for _ in range(2)])
        self.wide = nn.ModuleList([nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(4, 6, 1, 2, 0)])
        self.kept = nn.ModuleList([nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 6, 1)])

    def forward(self, x):
        x = F.relu(self.qa["outer"](self.qa["dense"](x) + self.qa["one"](x) + x))
        x = F.relu(self.twice[0](x) + x + self.twice[1](x))
        x = F.relu(self.wide[0](x) + self.wide[1](x))
        return self.kept[0](x) + F.relu(self.kept[1](x))


def blocks():
    torch.manual_seed(2)
    model = Blocks()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -1, 1)
    torch.onnx.export(model.eval(), torch.zeros(1, 4, 8, 8), os.path.join(HERE, "blocks.onnx"),
                      dynamo=False, opset_version=13, input_names=["input"])


def pictures(images):
    folder = os.path.join(HERE, "pictures")
    os.makedirs(folder, exist_ok=True)
    for number, image in enumerate(images[:4]):
        Image.fromarray(image).save(os.path.join(folder, f"{number}.png"), optimize=True)
    colour = Image.fromarray(images[4]).convert("RGB")
    colour.save(os.path.join(folder, "4.jpg"), quality=95, subsampling=0)


def checked(name, images, want):
    """Same class as the float network on every image."""
    session = onnxruntime.InferenceSession(os.path.join(HERE, name))
    node = session.get_inputs()[0]
    got = [session.run(None, {node.name: images[i : i + 1]})[0] for i in range(len(images))]
    got = np.concatenate(got)
    off = np.abs(got - want).max() / np.abs(want).max()
    print(f"{name:28} {os.path.getsize(os.path.join(HERE, name)):8} bytes, {off:.1e} off")
    assert off < 1e-5


def main():
    torch.set_num_threads(1)
    model = train.load_model("repvgg-nano", os.path.join(MODELS, "repvgg-nano.safetensors"))
    deploy = Deploy(model).eval()
    images = np.load(os.path.join(MODELS, "fashion-mnist-test-images.npy"))[:32, ..., 0]
    pictures(images)
    images = train.normalise(images).numpy()
    with torch.no_grad():
        logits = model(torch.from_numpy(images)).numpy()

    legacy(Official(model).eval(), "legacy-train.onnx", 11, batch=True)
    dynamo(model, "dynamo-train.onnx", 18)
    legacy(deploy, "legacy-deploy.onnx", 17)
    dynamo(deploy, "dynamo-deploy.onnx", 21)
    whole = onnx.load(os.path.join(HERE, "dynamo-deploy.onnx"))
    data = os.path.join(HERE, "external.data")
    if os.path.exists(data):
        os.remove(data)
    onnx.save(whole, os.path.join(HERE, "external.onnx"), save_as_external_data=True,
              location="external.data", size_threshold=1024)
    for name in ["legacy-train", "dynamo-train", "legacy-deploy", "dynamo-deploy", "external"]:
        checked(f"{name}.onnx", images, logits)
    blocks()
    legacy(fresh(), "fresh.onnx", 17)
    dynamo(fresh(), "fresh-dynamo.onnx", 18)

    state = {k: v.contiguous() for k, v in model.state_dict().items()}
    fused = {k: v.contiguous() for k, v in deploy.state_dict().items()}
    at = lambda name: os.path.join(HERE, name)  # noqa: E731
    torch.save({"epoch": 6, "state_dict": {"module." + k: v for k, v in state.items()}},
               at("official-train.pth"))
    torch.save({"model": fused}, at("official-deploy.pth"))
    torch.save({timm_name(k): v for k, v in state.items()}, at("timm-train.pth"))
    save_file({timm_name(k): v for k, v in fused.items()}, at("timm-deploy.safetensors"))
    torch.save({"weight": torch.ones(2)}, at("legacy-format.pth"),
               _use_new_zipfile_serialization=False)
    torch.save(model.stage0, at("object.pth"))


if __name__ == "__main__":
    main()
