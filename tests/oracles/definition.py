"""Rules without a program that installs: from their published definitions, in exact integers.

`shift` and `multiplier` with their five roundings, `tflite_single` (TensorFlow Lite `common.cc` under
`TFLITE_SINGLE_ROUNDING`, CMSIS-NN under `CMSIS_NN_USE_SINGLE_ROUNDING`) and `slice` (`acc[shift + bits - 1 : shift]`
behind a sign test). Python integers have no width, so nothing here can overflow.
"""

import numpy as np

import aim
from vectors import Vectors, frexp_scale, output


def rounded(numerator, denominator, rounding):
    """`numerator / denominator` by the name of its rounding; arrays of Python integers."""
    floor = numerator // denominator
    rest = 2 * (numerator - floor * denominator)
    above, tie = rest > denominator, rest == denominator
    up = {
        "floor": np.zeros(floor.shape, bool),
        "toward_zero": (numerator < 0) & (rest > 0),
        "half_up": above | tie,
        "half_even": above | (tie & (floor % 2 == 1)),
        "half_away": above | (tie & (numerator >= 0)),
    }[rounding]
    return floor + up.astype(object)


def fitted(value, target):
    """Zero point, output type and clamp."""
    value = value + target["zero_point"]
    bits = target["bits"]
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if target["signed"] else (0, (1 << bits) - 1)
    if target["overflow"] == "wrap":
        value = (value - low) % (1 << bits) + low
    value = np.minimum(np.maximum(value, low), high)
    return np.minimum(np.maximum(value, target["lower"]), target["upper"])


def accumulators(layer):
    return layer.base.astype(object)[None, :] + layer.offsets().astype(object)[:, None]


def powers(shift):
    return np.array([1 << int(s) for s in shift], object)


def exact(rule, rounding, values, seed):
    """One rounding of the exact product."""
    vectors = Vectors("requantise", rule, "definition", "exact integers", rounding)
    for index, layer in enumerate(aim.layers(np.random.default_rng(seed), values, most_scale=1.0)):
        if rule == "shift":
            shift = np.clip(np.rint(-np.log2(layer.ratio())), 0, 62).astype(np.uint8)
            multiplier, ratio = np.ones(shift.size, np.int32), 0.5 ** shift.astype(np.float64)
            layer.base = np.rint(layer.base * (layer.ratio() / ratio)).astype(np.int64)
        else:
            ratio = layer.ratio()
            multiplier, shift = frexp_scale(ratio)
        if index == 7:
            # Accumulators of 40 bits and more.
            layer.base, shift = layer.base * 5000, np.minimum(shift + 12, 62).astype(np.uint8)
        target = output(layer.zero_point, relu=layer.relu, overflow="wrap" if index == 5 else "saturate")
        value = rounded(accumulators(layer) * multiplier.astype(object), powers(shift), rounding)
        vectors.add(target, base=layer.base, offset=layer.offsets(), multiplier=multiplier, shift=shift,
                    want=fitted(value, target).astype(np.int16))
    return vectors


def single(values, seed):
    vectors = Vectors("requantise", "tflite_single", "definition", "exact integers")
    for layer in aim.layers(np.random.default_rng(seed), values):
        multiplier, shift = frexp_scale(layer.ratio())
        target = output(layer.zero_point, relu=layer.relu)
        value = rounded(accumulators(layer) * multiplier.astype(object), powers(shift), "half_up")
        value = (value + 2**31) % 2**32 - 2**31
        vectors.add(target, base=layer.base, offset=layer.offsets(), multiplier=multiplier, shift=shift,
                    ratio=layer.ratio(), want=fitted(value, target).astype(np.int16))
    return vectors


def bit_slice(values, seed):
    """The bits themselves: of the two's complement of 64 bits those from `shift` on."""
    vectors = Vectors("requantise", "slice", "definition", "exact integers")
    for index, layer in enumerate(aim.layers(np.random.default_rng(seed), values, most_scale=1.0)):
        shift = np.clip(np.rint(-np.log2(layer.ratio())), 0, 50).astype(np.uint8)
        bits, signed, relu = [8, 8, 16, 5][index % 4], index % 2 == 0, index % 4 != 2
        target = output(0, bits=bits, signed=signed, relu=relu, overflow="wrap" if index < 4 else "saturate")
        accs = accumulators(layer)
        if relu:
            accs = np.where(accs < 0, 0, accs)
        pattern = (accs % 2**64) // powers(shift)
        low = pattern % (1 << bits)
        if index < 4:
            want = np.where(low >= 1 << (bits - 1), low - (1 << bits), low) if signed else low
        else:
            want = np.minimum(np.maximum(accs // powers(shift), -(1 << (bits - 1)) if signed else 0), target["upper"])
        vectors.add(target, base=layer.base, offset=layer.offsets(), multiplier=np.ones(shift.size, np.int32),
                    shift=shift, want=want.astype(np.int64).astype(np.int32).astype(np.int16))
    return vectors


def all_vectors(values):
    for index, rounding in enumerate(["floor", "toward_zero", "half_up", "half_even", "half_away"]):
        yield exact("shift", rounding, values, 31 + index)
        yield exact("multiplier", rounding, values, 41 + index)
    yield single(values, 51)
    yield bit_slice(values, 52)
