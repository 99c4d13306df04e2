#!/usr/bin/env python3
"""Train the three small Fashion-MNIST networks used as test models.

    repvgg-mini   a RepVGG in train form: every block has a 3x3, a 1x1 and,
                  where the shapes allow it, an identity branch, each with its
                  own batch norm (official RepVGG parameter names)
    repvgg-nano   the same with fewer and narrower blocks, for files in many forms
    resnet-mini   a ResNet of basic blocks (torchvision parameter names)

For each network the script writes the float32 parameters as safetensors and
the logits on the first 1000 test images, computed from the file it has just
written and read back.  It also writes those images, their labels and the first
256 training images (for calibrating a quantiser), all as .npy files.  Finally
it reads the files back, fuses each network to plain convolutions, simulates a
plain 8-bit post-training quantisation of it, and prints what it measured.

Usage:
    pip install numpy safetensors torch
    apt-get install dataset-fashion-mnist
    python3 train.py --out .             # train all, one after the other
    python3 train.py --out . --check     # no training: check existing files

The networks can also be trained side by side, with `--only NAME` each.
"""

import argparse
import gzip
import json
import math
import os
import struct
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.numpy import load_file, save_file

SEED = 20170828
# The order of floating-point additions depends on the number of threads, so a
# fixed number keeps a run repeatable.  Networks this small gain little from
# more than one.
THREADS = 1
MEAN, STD = 0.2860, 0.3530  # of the training images, scaled to 0..1
BN_EPS = 1e-5
N_TEST = 1000  # test images written out: the first ones in file order
N_CALIB = 256  # training images written out: the first ones in file order


# --------------------------------------------------------------------------
# Data
# --------------------------------------------------------------------------


def read_idx(path):
    """Read a gzipped IDX file of unsigned bytes into a numpy array."""
    with gzip.open(path, "rb") as f:
        data = f.read()
    zero, kind, rank = struct.unpack_from(">HBB", data, 0)
    if zero != 0 or kind != 8:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    shape = struct.unpack_from(f">{rank}I", data, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()


def load_data(folder):
    """Return (train images, train labels, test images, test labels), all u8."""
    names = [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ]
    return [read_idx(os.path.join(folder, n)) for n in names]


def normalise(images_u8):
    """u8 images [N,28,28] -> normalised float32 batch [N,1,28,28]."""
    x = torch.from_numpy(np.ascontiguousarray(images_u8)).float().unsqueeze(1)
    return (x / 255.0 - MEAN) / STD


def augment(x, gen):
    """Shift each image of a u8 batch [N,28,28] by up to two pixels and mirror
    half of them.  One gather does it for the whole batch."""
    n, h, w = x.shape
    padded = F.pad(x, (2, 2, 2, 2))
    dy = torch.randint(0, 5, (n, 1), generator=gen)
    dx = torch.randint(0, 5, (n, 1), generator=gen)
    mirror = torch.rand((n, 1), generator=gen) < 0.5
    rows = torch.arange(h).unsqueeze(0) + dy
    cols = torch.arange(w).unsqueeze(0)
    cols = torch.where(mirror, w - 1 - cols, cols) + dx
    idx = torch.arange(n).view(n, 1, 1)
    return padded[idx, rows.unsqueeze(2), cols.unsqueeze(1)]


# --------------------------------------------------------------------------
# Networks
# --------------------------------------------------------------------------


class ConvBN(nn.Module):
    """A convolution without bias and its batch norm (`.conv`, `.bn`)."""

    def __init__(self, cin, cout, kernel, stride, padding):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(cout, eps=BN_EPS)

    def forward(self, x):
        return self.bn(self.conv(x))


class RepVGGBlock(nn.Module):
    """y = ReLU(BN(conv3x3(x)) + BN(conv1x1(x)) [+ BN(x)])"""

    def __init__(self, cin, cout, stride):
        super().__init__()
        keeps_shape = cin == cout and stride == 1
        self.rbr_identity = nn.BatchNorm2d(cin, eps=BN_EPS) if keeps_shape else None
        self.rbr_dense = ConvBN(cin, cout, 3, stride, 1)
        self.rbr_1x1 = ConvBN(cin, cout, 1, stride, 0)

    def forward(self, x):
        y = self.rbr_dense(x) + self.rbr_1x1(x)
        if self.rbr_identity is not None:
            y = y + self.rbr_identity(x)
        return F.relu(y)


class RepVGG(nn.Module):
    """1x28x28 -> stage0 (28x28) -> stage1 (14x14) -> stage2 (7x7) -> stage3 (4x4) -> 10

    `widths` are the channels of the four stages, `blocks` the blocks of the last three."""

    def __init__(self, widths, blocks):
        super().__init__()
        self.stage0 = RepVGGBlock(1, widths[0], 1)
        self.stage1 = self._stage(widths[0], widths[1], blocks[0])
        self.stage2 = self._stage(widths[1], widths[2], blocks[1])
        self.stage3 = self._stage(widths[2], widths[3], blocks[2])
        self.linear = nn.Linear(widths[3], 10)

    @staticmethod
    def _stage(cin, cout, blocks):
        return nn.Sequential(
            RepVGGBlock(cin, cout, 2),
            *[RepVGGBlock(cout, cout, 1) for _ in range(blocks - 1)],
        )

    def forward(self, x):
        x = self.stage3(self.stage2(self.stage1(self.stage0(x))))
        return self.linear(x.mean(dim=(2, 3)))


class BasicBlock(nn.Module):
    """y = ReLU(BN(conv3x3(ReLU(BN(conv3x3(x))))) + shortcut(x))"""

    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout, eps=BN_EPS)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout, eps=BN_EPS)
        self.downsample = None
        if cin != cout or stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(cin, cout, 1, stride, bias=False),
                nn.BatchNorm2d(cout, eps=BN_EPS),
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNetMini(nn.Module):
    """1x28x28 -> 16x28x28 -> (1) -> 32x14x14 (1) -> 64x7x7 (2) -> 128x4x4 (1) -> 10"""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16, eps=BN_EPS)
        self.layer1 = nn.Sequential(BasicBlock(16, 16, 1))
        self.layer2 = nn.Sequential(BasicBlock(16, 32, 2))
        self.layer3 = nn.Sequential(BasicBlock(32, 64, 2), BasicBlock(64, 64, 1))
        self.layer4 = nn.Sequential(BasicBlock(64, 128, 2))
        self.fc = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean(dim=(2, 3)))


def initialise(model):
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")


NETWORKS = {
    "repvgg-mini": lambda: RepVGG([16, 32, 64, 128], [2, 4, 2]),
    "repvgg-nano": lambda: RepVGG([8, 16, 24, 32], [2, 3, 1]),
    "resnet-mini": ResNetMini,
}


# --------------------------------------------------------------------------
# Training
# --------------------------------------------------------------------------


@torch.no_grad()
def logits_of(model, images_u8, batch=250):
    """Eval-mode logits of u8 images as a float32 numpy array [N,10]."""
    model.eval()
    out = [
        model(normalise(images_u8[i : i + batch]))
        for i in range(0, len(images_u8), batch)
    ]
    return torch.cat(out).numpy().astype("<f4")


def top1(logits, labels):
    return 100.0 * float(np.mean(logits.argmax(axis=1) == labels))


def train(name, data, epochs, batch=128, peak_lr=0.1, decay=5e-4, smoothing=0.05):
    """SGD with Nesterov momentum, one epoch of linear warm-up, then a cosine.

    Weight decay is on every parameter, batch norm gains included: it keeps the
    fused weights of all output channels at a similar size, which is what an
    8-bit quantiser likes.
    """
    train_x, train_y, test_x, test_y = data
    torch.manual_seed(SEED)
    gen = torch.Generator().manual_seed(SEED)
    model = NETWORKS[name]()
    initialise(model)
    model = model.to(memory_format=torch.channels_last)  # faster on a CPU
    optimiser = torch.optim.SGD(
        model.parameters(), lr=peak_lr, momentum=0.9, weight_decay=decay, nesterov=True
    )
    x_all = torch.from_numpy(train_x)
    y_all = torch.from_numpy(train_y).long()
    steps_per_epoch = len(x_all) // batch
    total, warm = steps_per_epoch * epochs, steps_per_epoch
    step, start = 0, time.time()
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(x_all), generator=gen)
        loss_sum = 0.0
        for i in range(steps_per_epoch):
            pick = order[i * batch : (i + 1) * batch]
            x = augment(x_all[pick], gen).float().unsqueeze(1)
            x = ((x / 255.0 - MEAN) / STD).contiguous(memory_format=torch.channels_last)
            if step < warm:
                lr = peak_lr * (step + 1) / warm
            else:
                lr = 0.5 * peak_lr * (1 + math.cos(math.pi * (step - warm) / (total - warm)))
            for group in optimiser.param_groups:
                group["lr"] = lr
            loss = F.cross_entropy(model(x), y_all[pick], label_smoothing=smoothing)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            loss_sum += float(loss.detach())
            step += 1
        # The accuracy is shown only; the last epoch's weights are kept whatever
        # it says, so the test set takes no part in choosing them.
        acc = top1(logits_of(model, test_x), test_y)
        print(
            f"{name} epoch {epoch + 1}/{epochs} loss {loss_sum / steps_per_epoch:.4f} "
            f"test {acc:.2f} % ({time.time() - start:.0f} s)",
            flush=True,
        )
    return model, time.time() - start


# --------------------------------------------------------------------------
# Files
# --------------------------------------------------------------------------


def save_model(model, path):
    """Write the parameters and running statistics (no batch counters)."""
    tensors = {
        k: np.ascontiguousarray(v.detach().numpy(), dtype="<f4")
        for k, v in model.state_dict().items()
        if not k.endswith("num_batches_tracked")
    }
    save_file(tensors, path)


def load_model(name, path):
    """Read a model back; every expected tensor must be there, and no other."""
    model = NETWORKS[name]()
    tensors = load_file(path)
    wanted = {k for k in model.state_dict() if not k.endswith("num_batches_tracked")}
    if set(tensors) != wanted:
        raise ValueError(f"{path}: keys differ: {sorted(set(tensors) ^ wanted)}")
    if any(t.dtype != np.float32 for t in tensors.values()):
        raise ValueError(f"{path}: not all tensors are float32")
    state = {k: torch.from_numpy(v.copy()) for k, v in tensors.items()}
    model.load_state_dict(state, strict=False)
    return model.eval()


# --------------------------------------------------------------------------
# Fusing, as a list of plain layers
# --------------------------------------------------------------------------


class Conv:
    """One fused convolution: weight [O,I,K,K] and bias [O], in float64."""

    def __init__(self, weight, bias, stride):
        self.weight, self.bias, self.stride = weight, bias, stride
        self.padding = weight.shape[2] // 2


def fold(weight, bn, stride):
    """Fold an eval-mode batch norm into the convolution before it."""
    gain = bn.weight.double() / torch.sqrt(bn.running_var.double() + bn.eps)
    bias = bn.bias.double() - bn.running_mean.double() * gain
    return Conv((weight.double() * gain.view(-1, 1, 1, 1)).detach(), bias.detach(), stride)


def fuse_repvgg_block(block):
    """Three branches to one 3x3: the 1x1 and the identity go to the centre tap."""
    stride = block.rbr_dense.conv.stride[0]
    dense = fold(block.rbr_dense.conv.weight, block.rbr_dense.bn, stride)
    branches = [fold(block.rbr_1x1.conv.weight, block.rbr_1x1.bn, stride)]
    if block.rbr_identity is not None:
        n = block.rbr_identity.num_features
        branches.append(fold(torch.eye(n).view(n, n, 1, 1), block.rbr_identity, stride))
    for b in branches:
        dense.weight[:, :, 1, 1] += b.weight[:, :, 0, 0]
        dense.bias += b.bias
    return dense


def fuse(model):
    """Return (list of blocks, linear weight, linear bias).  A block is
    ("plain", conv) for ReLU(conv(x)), or ("residual", conv1, conv2, shortcut)
    with a shortcut that is a Conv, or None for the identity."""
    if isinstance(model, RepVGG):
        blocks = [model.stage0, *model.stage1, *model.stage2, *model.stage3]
        return (
            [("plain", fuse_repvgg_block(b)) for b in blocks],
            model.linear.weight.detach().double(),
            model.linear.bias.detach().double(),
        )
    out = [("plain", fold(model.conv1.weight, model.bn1, 1))]
    for b in [*model.layer1, *model.layer2, *model.layer3, *model.layer4]:
        stride = b.conv1.stride[0]
        short = None
        if b.downsample is not None:
            short = fold(b.downsample[0].weight, b.downsample[1], stride)
        out.append(
            (
                "residual",
                fold(b.conv1.weight, b.bn1, stride),
                fold(b.conv2.weight, b.bn2, 1),
                short,
            )
        )
    return out, model.fc.weight.detach().double(), model.fc.bias.detach().double()


def fused_parameters(fused):
    blocks, weight, bias = fused
    n = weight.numel() + bias.numel()
    for _, *convs in blocks:
        n += sum(c.weight.numel() + c.bias.numel() for c in convs if c is not None)
    return n


# --------------------------------------------------------------------------
# Simulated 8-bit post-training quantisation
# --------------------------------------------------------------------------


class Plain:
    """Evaluates a fused network in float (no quantisation)."""

    def weight(self, w):
        return w

    def act(self, key, x, signed=False):
        return x


class Observe(Plain):
    """Records the range of every activation tensor: min-max or a percentile."""

    def __init__(self, percentile):
        self.percentile, self.ranges = percentile, {}

    def act(self, key, x, signed=False):
        v = x.flatten().numpy()
        q = self.percentile
        lo, hi = np.percentile(v, [100.0 - q, q]) if q < 100.0 else (v.min(), v.max())
        self.ranges[key] = (float(lo), float(hi))
        return x


class Quantise(Plain):
    """Rounds weights to int8 per output channel (symmetric) and activations to
    8 bits per tensor: unsigned from zero after a ReLU, symmetric signed before
    a residual sum, affine for the input image."""

    def __init__(self, ranges):
        self.ranges = ranges

    def weight(self, w):
        top = w.abs().flatten(1).max(dim=1).values
        scale = (top / 127.0).clamp_min(1e-12).view(-1, *[1] * (w.dim() - 1))
        return torch.round(w / scale).clamp(-127, 127) * scale

    def act(self, key, x, signed=False):
        lo, hi = self.ranges[key]
        if key == "input":
            scale = (hi - lo) / 255.0
            zero = round(-lo / scale)
            return (torch.round(x / scale + zero).clamp(0, 255) - zero) * scale
        if signed:
            scale = max(-lo, hi) / 127.0
            return torch.round(x / scale).clamp(-127, 127) * scale
        scale = hi / 255.0
        return torch.round(x / scale).clamp(0, 255) * scale


@torch.no_grad()
def run_fused(fused, images_u8, mode, batch=250):
    """Logits of a fused network; `mode` says what happens to each tensor."""
    blocks, fc_weight, fc_bias = fused

    def conv(c, x):
        return F.conv2d(x, mode.weight(c.weight), c.bias, c.stride, c.padding)

    out = []
    # An observer has to see all calibration images at once.
    batch = len(images_u8) if isinstance(mode, Observe) else batch
    for i in range(0, len(images_u8), batch):
        x = mode.act("input", normalise(images_u8[i : i + batch]).double())
        for n, (kind, *convs) in enumerate(blocks):
            if kind == "plain":
                x = mode.act(f"{n}", F.relu(conv(convs[0], x)))
                continue
            y = mode.act(f"{n}.mid", F.relu(conv(convs[0], x)))
            y = mode.act(f"{n}.sum", conv(convs[1], y), signed=True)
            if convs[2] is not None:
                x = mode.act(f"{n}.short", conv(convs[2], x), signed=True)
            x = mode.act(f"{n}", F.relu(y + x))
        x = mode.act("pool", x.mean(dim=(2, 3)))
        out.append(F.linear(x, mode.weight(fc_weight), fc_bias))
    return torch.cat(out).numpy()


def check(name, out, data):
    """Everything that is claimed about a written network, measured from the
    files; returns the measurements."""
    _, _, test_x, test_y = data
    images = np.load(os.path.join(out, "fashion-mnist-test-images.npy"))[..., 0]
    labels = np.load(os.path.join(out, "fashion-mnist-test-labels.npy"))
    calib = np.load(os.path.join(out, "fashion-mnist-calibration-images.npy"))[..., 0]
    saved = np.load(os.path.join(out, f"{name}-logits.npy"))

    model = load_model(name, os.path.join(out, f"{name}.safetensors"))
    again = logits_of(model, images)
    fused = fuse(model)
    plain = run_fused(fused, images, Plain())
    peak = float(np.abs(saved).max())
    ordered = np.sort(saved, axis=1)
    result = {
        "parameters_train_form": sum(p.numel() for p in model.parameters()),
        "parameters_fused": fused_parameters(fused),
        "top1_first_1000": top1(saved, labels),
        "top1_full_10000": top1(logits_of(model, test_x), test_y),
        "logits_recomputed_max_abs_diff": float(np.abs(again - saved).max()),
        "logits_max_abs": peak,
        "fused_max_diff_relative_to_max_abs": float(np.abs(plain - saved).max()) / peak,
        "smallest_top1_margin": float((ordered[:, -1] - ordered[:, -2]).min()),
        "int8": {},
    }
    full = run_fused(fused, test_x, Plain())
    for label, percentile in [("min-max", 100.0), ("99.99-percentile", 99.99)]:
        observer = Observe(percentile)
        run_fused(fused, calib, observer)
        mode = Quantise(observer.ranges)
        q = run_fused(fused, images, mode)
        q_full = run_fused(fused, test_x, mode)
        result["int8"][label] = {
            "agreement_first_1000": top1(q, saved.argmax(axis=1)),
            "top1_first_1000": top1(q, labels),
            "agreement_full_10000": top1(q_full, full.argmax(axis=1)),
            "top1_full_10000": top1(q_full, test_y),
        }
    return result


# --------------------------------------------------------------------------


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--out", default=".", help="folder for the files")
    p.add_argument("--epochs", type=int, default=8)
    p.add_argument(
        "--data",
        default="/usr/share/datasets/fashion-mnist",
        help="folder with the four gzipped IDX files",
    )
    p.add_argument("--check", action="store_true", help="only check existing files")
    p.add_argument("--only", choices=sorted(NETWORKS), help="train this network only")
    args = p.parse_args()

    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    os.makedirs(args.out, exist_ok=True)
    data = load_data(args.data)
    train_x, _, test_x, test_y = data
    names = [args.only] if args.only else list(NETWORKS)
    result = {"seed": SEED, "torch": torch.__version__, "epochs": args.epochs}

    if not args.check:
        files = {
            "fashion-mnist-test-images": test_x[:N_TEST, ..., None],
            "fashion-mnist-test-labels": test_y[:N_TEST],
            "fashion-mnist-calibration-images": train_x[:N_CALIB, ..., None],
        }
        for stem, array in files.items():
            np.save(os.path.join(args.out, stem + ".npy"), np.ascontiguousarray(array))
        for name in names:
            model, seconds = train(name, data, args.epochs)
            print(f"{name}: trained in {seconds:.0f} s", flush=True)
            path = os.path.join(args.out, f"{name}.safetensors")
            save_model(model, path)
            logits = logits_of(load_model(name, path), test_x[:N_TEST])
            np.save(os.path.join(args.out, f"{name}-logits.npy"), logits)

    for name in names:
        result[name] = check(name, args.out, data)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
