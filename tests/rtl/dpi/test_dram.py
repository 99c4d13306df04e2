"""cocotb with Icarus Verilog: the RTL of `tests/rtl/hw` runs a network, then its DRAM is compared with `libgolden`.

In the folder of the project, once:

    python3 -m venv target/cocotb && target/cocotb/bin/pip install cocotb
    cargo build --release --example golden
    REPCHIP_RTL_KEEP=target/rtl cargo test --release --test rtl checked

The last writes small runs with their frozen networks and chips; each can be run:

    target/cocotb/bin/python tests/rtl/dpi/test_dram.py target/rtl/residual-7
"""

import os
import pathlib
import sys

import cocotb
from cocotb.triggers import RisingEdge, Timer
from golden import INPUT, Golden

HERE = pathlib.Path(__file__).resolve().parent
HARDWARE = HERE.parent / "hw"
STORE, HOST = 1, 4


def words(path, size):
    """The words of a file for `$readmemh`, `size` in a row."""
    numbers = [int(word, 16) for word in path.read_text().split()]
    return [numbers[n : n + size] for n in range(0, len(numbers), size)]


def starts(folder):
    """First byte in DRAM of each tensor that lies there, by layer: those that `ops.hex` stores, and the input."""
    operations = int((folder / "regs.hex").read_text().split()[13], 16)
    found = {INPUT: 0}
    for op in words(folder / "ops.hex", 24)[:operations]:
        kind, layer, image = op[0], op[1], op[22]
        if kind == STORE and image == 0:
            row, width, channels, element = op[13], op[19], op[20], op[21]
            found[layer] = op[11] - row * width * channels * element
        elif kind == HOST:
            # The first call is that of image 0.
            found.setdefault(layer, op[12])
    return found


def stored(dut, golden, layer, start):
    """A tensor in DRAM: one or two bytes a value, two's complement where it may be negative."""
    least, most = golden.range(layer)
    size = 2 if most - least > 255 else 1
    data = [dut.dram.bytes[start + n].value.to_unsigned() for n in range(size * golden.size(layer))]
    chunks = (bytes(data[n : n + size]) for n in range(0, len(data), size))
    return [int.from_bytes(chunk, "little", signed=least < 0) for chunk in chunks]


@cocotb.test()
async def dram_is_golden(dut):
    """Each layer is computed from what the RTL left as its operands, or from the golden output where it left none."""
    folder = pathlib.Path(os.environ["GOLDEN_RUN"])
    await RisingEdge(dut.finished)
    # The bench gives one more clock and ends the simulation 15 steps after this edge.
    await Timer(12, unit="step")
    compared = 0
    with Golden(folder / "network.safetensors", folder / "chip.toml") as golden:
        places = starts(folder)
        values = {INPUT: stored(dut, golden, INPUT, places[INPUT])}
        for layer in range(golden.layers):
            for operand, source in enumerate(golden.sources(layer)):
                golden.feed(layer, operand, values[source])
            golden.compute(layer)
            values[layer] = golden.output(layer)
            if layer not in places:
                continue
            values[layer] = stored(dut, golden, layer, places[layer])
            for index, value in enumerate(values[layer]):
                equal, expected = golden.compare(layer, index, value)
                assert equal, f"layer {golden.name(layer)}, index {index}: expected {expected}, found {value}"
                compared += 1
    assert compared > 0
    dut._log.info("%d words of %d layers in DRAM are the golden ones", compared, len(places) - 1)


def main(folder):
    """Compiles the RTL of the run's shape and starts this test in it; how many tests failed."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    runner = get_runner("icarus")
    runner.build(
        sources=sorted(HARDWARE.glob("*.sv")),
        includes=[folder, HARDWARE],
        hdl_toplevel="bench",
        build_args=["-g2012"],
        build_dir=folder / "cocotb",
        always=True,
    )
    results = runner.test(
        test_module="test_dram",
        hdl_toplevel="bench",
        build_dir=folder / "cocotb",
        test_dir=folder / "cocotb",
        plusargs=[f"+dir={folder}"],
        extra_env={"GOLDEN_RUN": str(folder), "PYTHONPATH": str(HERE)},
    )
    _, failed = get_results(results)
    return failed


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
