"""The file that a conformance test reads: accumulators, scales, and what an oracle made of them.

A safetensors file. Its metadata names the rule, the oracle and its version, and holds the list of sets as JSON. Of set
`i` the tensors are

    i.base        i64 [C]     accumulator of channel c, point p: base[c] + offset[p]
    i.offset      i64 [P]
    i.multiplier  i32 [C]     scale = multiplier / 2^shift
    i.shift       u8  [C]
    i.ratio       f64 [C]     optional: the real scale that multiplier and shift were made from
    i.want        [P, C]      outputs of the oracle; i8, u8 or i16 as they need

and the metadata has `zero_point`, `bits`, `signed`, `overflow`, `lower` and `upper`.

Additions have `a`, `b` and `want` [N], `multipliers` (i32 [2]) and `shifts` (u8 [2]), and the scale of the sum and
`zero_points` in the metadata; averages have `values` [pixels, N].
"""

import json

import numpy as np

NAMES = {np.int8: "I8", np.int16: "I16", np.int32: "I32", np.int64: "I64", np.uint8: "U8", np.float64: "F64"}
SMALL = False  # the committed vectors: 32 points a channel, few additions and averages


def share(values, part):
    """`values`, or a part of them in the committed vectors."""
    return values // part if SMALL else values


def narrow(array):
    """Integers of at most 16 bits in as few bytes as they need."""
    for kind in (np.int8, np.uint8, np.int16):
        info = np.iinfo(kind)
        if info.min <= array.min() and array.max() <= info.max:
            return array.astype(kind)
    raise ValueError("more than 16 bits")


class Vectors:
    """All sets of one rule and one oracle."""

    def __init__(self, kind, rule, oracle, version, rounding=None):
        self.head = {"kind": kind, "rule": rule, "oracle": oracle, "version": version}
        if rounding:
            self.head["rounding"] = rounding
        self.sets, self.tensors = [], {}

    def add(self, meta, **tensors):
        """Adds a set: plain numbers in `meta`, arrays by name."""
        index = len(self.sets)
        self.sets.append(meta)
        if SMALL and "offset" in tensors:
            points = np.sort(np.random.default_rng(index).permutation(tensors["offset"].size)[:32])
            tensors["offset"], tensors["want"] = tensors["offset"][points], tensors["want"][points]
        for name in {"a", "b", "values", "want"} & tensors.keys():
            tensors[name] = narrow(tensors[name])
        for name, array in tensors.items():
            self.tensors[f"{index}.{name}"] = np.ascontiguousarray(array)

    def values(self):
        return sum(t.size for name, t in self.tensors.items() if name.endswith(".want"))

    def write(self, path):
        header, data = {}, []
        at = 0
        for name in sorted(self.tensors, key=lambda n: (-self.tensors[n].itemsize, n)):
            array = self.tensors[name]
            header[name] = {
                "dtype": NAMES[array.dtype.type],
                "shape": list(array.shape),
                "data_offsets": [at, at + array.nbytes],
            }
            data.append(array.tobytes())
            at += array.nbytes
        header["__metadata__"] = {**self.head, "sets": json.dumps(self.sets)}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with open(path, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text + b"".join(data))


def output(zero_point, bits=8, signed=True, relu=False, overflow="saturate"):
    """The metadata of an output tensor."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return {
        "zero_point": int(zero_point),
        "bits": bits,
        "signed": signed,
        "overflow": overflow,
        "lower": int(zero_point) if relu else low,
        "upper": high,
    }


def frexp_scale(ratio):
    """TensorFlow Lite's QuantizeMultiplier: q and 31 - e, as arrays."""
    fraction, exponent = np.frexp(np.asarray(ratio, np.float64))
    q = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    halve = q == 1 << 31
    q, exponent = np.where(halve, q >> 1, q), np.where(halve, exponent + 1, exponent)
    return q.astype(np.int32), (31 - exponent).astype(np.uint8)


def float_scale(ratio):
    """A float32 as an odd or 24-bit significand and a shift."""
    fraction, exponent = np.frexp(np.asarray(ratio, np.float64))
    return (fraction * 2.0**24).astype(np.int32), (24 - exponent).astype(np.uint8)
