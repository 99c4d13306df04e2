"""Scales and accumulators that aim at ties, zero points, negatives, float32's 2^24 and the ends of the output.

A channel has a scale and a base; its accumulators are 256 neighbours of the base, as the values of an 8-bit input make
them. Random numbers hide a wrong rounding: of two rules that differ in ties, one output in thousands tells.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Layer:
    """One convolution 1x1 over one input channel with the weight 1, or one RESCALE."""

    input_scale: np.float32
    weight_scales: np.ndarray  # float32
    output_scale: np.float32
    input_zero_point: int
    zero_point: int
    base: np.ndarray  # int64, the bias
    relu: bool

    def ratio(self):
        """Output steps of an accumulator step, in double from float32 scales."""
        scales = np.float64(self.input_scale) * self.weight_scales.astype(np.float64)
        return scales / np.float64(self.output_scale)

    def ratio32(self):
        """The same with every operation in float32."""
        return self.input_scale * self.weight_scales / self.output_scale

    def offsets(self):
        """Accumulators beside the base, for the inputs -128..=127."""
        return np.arange(-128, 128) - self.input_zero_point


def layers(rng, values, count=8, most_scale=64.0, odd=True):
    """`count` layers with `values` outputs in all."""
    channels = max(8, values // (256 * count))
    return [layer(rng, index, channels, most_scale) for index in range(count)]


def layer(rng, index, channels, most_scale):
    exact = index % 2 == 0
    if exact:
        input_scale, output_scale = np.float32(0.125), np.float32(0.5)
    else:
        input_scale, output_scale = (np.float32(x) for x in rng.uniform(0.01, 0.3, 2))
    target = np.array([one_scale(rng, c, exact, most_scale) for c in range(channels)])
    weight_scales = (target * np.float64(output_scale) / np.float64(input_scale)).astype(np.float32)
    zero_point = [0, 3, -128, 17, -5, 127, 2, -64][index % 8]
    made = Layer(
        input_scale,
        weight_scales,
        output_scale,
        int(rng.integers(-128, 128)) if index else 0,
        zero_point,
        np.zeros(channels, np.int64),
        index % 4 == 3,
    )
    made.base = bases(rng, made)
    return made


def one_scale(rng, channel, exact, most_scale):
    """Powers of two and small odd multiples of them (ties are common), or anything."""
    kind = channel % 8
    if kind == 0:
        power = rng.uniform(-24, -16)
    elif kind == 1:
        power = rng.uniform(0, np.log2(most_scale))
    else:
        power = rng.uniform(-12, -1)
    if not exact:
        return 2.0**power
    factor = 1 if channel % 3 else int(rng.integers(1, 64)) * 2 + 1
    return factor * 2.0 ** (round(power) - int(np.log2(factor)))


def bases(rng, layer):
    """Near an output that lies half way between two, sometimes outside the range."""
    ratio = layer.ratio()
    steps = rng.integers(-128 - layer.zero_point - 6, 128 - layer.zero_point + 6, ratio.size) + 0.5
    near = np.rint(steps / ratio) + rng.integers(-100, 100, ratio.size)
    return np.clip(near, -(2**31) + 512, 2**31 - 512).astype(np.int64)
