"""`tosa_single` and `tosa_double` against the TOSA reference model: one RESCALE, per channel.

Needs: pip install tosa-tools
"""

import importlib.metadata
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np

import aim
from vectors import Vectors, frexp_scale, output

warnings.simplefilter("ignore")
import serializer.tosa_serializer as ts  # noqa: E402
from tosa.Op import Op  # noqa: E402
from tosa.RoundingMode import RoundingMode  # noqa: E402


def rescale(accs, multiplier, shift, target, mode):
    """Runs one RESCALE over int32 `accs` [P, C]."""
    kind = ts.DType.INT8 if target["bits"] == 8 else ts.DType.INT16
    with tempfile.TemporaryDirectory() as folder:
        ser = ts.TosaSerializer(folder + "/")
        x = ser.addPlaceholder(list(accs.shape), ts.DType.INT32, accs)
        m = ser.addConst([multiplier.size], ts.DType.INT32, multiplier.tolist())
        s = ser.addConst([shift.size], ts.DType.INT8, shift.tolist())
        zero_in = ser.addConst([1], ts.DType.INT32, [0])
        zero_out = ser.addConst([1], kind, [target["zero_point"]])
        y = ser.addOutput(list(accs.shape), kind)
        attribute = ts.TosaSerializerAttribute()
        attribute.RescaleAttribute(True, mode, True, False, False)
        names = [t.name for t in (x, m, s, zero_in, zero_out)]
        ser.addOperator(Op.RESCALE, names, [y.name], attribute)
        pathlib.Path(folder, "t.tosa").write_bytes(ser.serialize())
        np.save(folder + "/x.npy", accs.astype(np.int32))
        tool = pathlib.Path(sys.executable).parent / "tosa_reference_model"
        command = [
            tool, f"--flatbuffer_dir={folder}", f"--output_dir={folder}", "--tosa_file=t.tosa", "--tosa_level=NONE",
            f"--ifm_name={x.name}", "--ifm_file=x.npy", f"--ofm_name={y.name}", "--ofm_file=y.npy",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        return np.load(folder + "/y.npy")


def make(rule, mode, values, seed):
    vectors = Vectors("requantise", rule, "TOSA reference model", "tosa-tools " + importlib.metadata.version("tosa-tools"))
    for index, layer in enumerate(aim.layers(np.random.default_rng(seed), values)):
        # From int32 TOSA has signed outputs only, and 16 bits without a zero point.
        target = output(0, bits=16) if index % 4 == 2 else output(layer.zero_point)
        multiplier, shift = frexp_scale(layer.ratio())
        offset = layer.offsets()
        accs = (layer.base[None, :] + offset[:, None]).astype(np.int32)
        # A result beyond int32 is unpredictable in TOSA: those channels move to where there is none.
        wide = np.abs(accs.astype(np.float64) * layer.ratio()).max(0) > 2**30
        assert not wide.any()
        want = rescale(accs, multiplier, shift, target, mode)
        vectors.add(target, base=layer.base, offset=offset, multiplier=multiplier, shift=shift,
                    ratio=layer.ratio(), want=want.astype(np.int16))
    return vectors


def all_vectors(values):
    yield make("tosa_single", RoundingMode.SINGLE_ROUND, values, 1)
    yield make("tosa_double", RoundingMode.DOUBLE_ROUND, values, 2)
