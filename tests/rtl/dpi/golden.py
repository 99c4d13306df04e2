"""The golden model in Python: `libgolden.so` through ctypes, for cocotb and for a look at a network by hand.

    with Golden("net.safetensors", "configs/chips/edge.toml") as golden:
        golden.feed(0, 0, pixels)
        golden.compute(0)
        print(golden.output(0))

`cargo build --release --example golden` makes the library; `GOLDEN_LIBRARY` names another place of it. The calls are
those of `golden.h`; one that cannot be served raises `GoldenError` with the reason. Values are lists of int.
"""

import ctypes
import os
import pathlib

INPUT = -1
"""Stands for the network's input where a layer stands for its output."""
NONE = -2
ERROR = 2

LIBRARY = pathlib.Path(__file__).parents[3] / "target/release/examples/libgolden.so"


class GoldenError(Exception):
    """Why a call cannot be served."""


def load(path):
    """The library with the types of its calls."""
    library = ctypes.CDLL(str(path))
    handle, text, number, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_uint64
    values = ctypes.POINTER(ctypes.c_int32)
    for name, result, arguments in [
        ("open", handle, [text, text]),
        ("close", None, [handle]),
        ("message", text, [handle]),
        ("layers", number, [handle]),
        ("layer_name", text, [handle, number]),
        ("find_layer", number, [handle, text]),
        ("operands", number, [handle, number]),
        ("source", number, [handle, number, number]),
        ("size", ctypes.c_int64, [handle, number]),
        ("least", number, [handle, number]),
        ("most", number, [handle, number]),
        ("put", number, [handle, number, number, size, number]),
        ("feed", number, [handle, number, number, values, size]),
        ("compute", number, [handle, number]),
        ("output", number, [handle, number, values, size]),
        ("compare", number, [handle, number, size, number, values]),
    ]:
        function = getattr(library, "golden_" + name)
        function.restype, function.argtypes = result, arguments
    return library


class Golden:
    """A frozen network on the array of a chip."""

    def __init__(self, network, chip, library=None):
        self._library = load(library or os.environ.get("GOLDEN_LIBRARY", LIBRARY))
        self._handle = self._library.golden_open(os.fsencode(network), os.fsencode(chip))
        try:
            self.layers = self._number("layers")
        except GoldenError:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Gives the memory back; the object is of no more use."""
        self._library.golden_close(self._handle)
        self._handle = None

    def _refused(self):
        return GoldenError(self._library.golden_message(self._handle).decode())

    def _number(self, name, *arguments):
        number = getattr(self._library, "golden_" + name)(self._handle, *arguments)
        if number == NONE:
            raise self._refused()
        return number

    def _done(self, name, *arguments):
        status = getattr(self._library, "golden_" + name)(self._handle, *arguments)
        if status == ERROR:
            raise self._refused()
        return status

    def name(self, layer):
        """Name of a layer."""
        name = self._library.golden_layer_name(self._handle, layer)
        if name is None:
            raise self._refused()
        return name.decode()

    def find(self, name):
        """Number of the layer of that name."""
        return self._number("find_layer", name.encode())

    def sources(self, layer):
        """For each operand of a layer the layer whose output it is in a run, or INPUT."""
        return [self._number("source", layer, n) for n in range(self._number("operands", layer))]

    def size(self, layer):
        """Number of values of a layer's output."""
        return self._number("size", layer)

    def range(self, layer):
        """Smallest and largest value of a layer's output."""
        least = self._library.golden_least(self._handle, layer)
        most = self._library.golden_most(self._handle, layer)
        if least == most:
            raise self._refused()
        return least, most

    def put(self, layer, operand, index, value):
        """Sets one value of an operand."""
        self._done("put", layer, operand, index, value)

    def feed(self, layer, operand, values):
        """Sets all values of an operand."""
        self._done("feed", layer, operand, (ctypes.c_int32 * len(values))(*values), len(values))

    def compute(self, layer):
        """Computes a layer from its operands."""
        self._done("compute", layer)

    def output(self, layer):
        """The output of a layer that was computed."""
        values = (ctypes.c_int32 * self.size(layer))()
        self._done("output", layer, values, len(values))
        return list(values)

    def compare(self, layer, index, actual):
        """Whether a value of the output is the golden one, and the golden one."""
        expected = ctypes.c_int32()
        status = self._done("compare", layer, index, actual, ctypes.byref(expected))
        return status == 0, expected.value
