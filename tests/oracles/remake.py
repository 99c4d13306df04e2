"""Makes the vectors of every oracle: `python tests/oracles/remake.py [--values N] FOLDER`.

About `N` outputs a file. `--small` makes the committed ones, into `tests/conformance`. See README.md.
"""

import argparse
import importlib
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import vectors  # noqa: E402

MODULES = ["definition", "tosa_rescale", "litert", "onnx_runtime"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--values", type=int, default=1 << 20)
    parser.add_argument("--only", choices=MODULES)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    vectors.SMALL = options.small
    values = 1 << 14 if options.small else options.values
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in [options.only] if options.only else MODULES:
        for made in importlib.import_module(name).all_vectors(values):
            head = made.head
            words = [head["kind"], head["rule"], head.get("rounding", ""), head["oracle"]]
            stem = re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")
            made.write(options.folder / f"{stem}.safetensors")
            print(f"{stem}: {made.values()} outputs, {head['version']}")


main()
