#!/usr/bin/python3
"""What decoder.py makes of microgpt weights in JSON, for the test of tools/convert_microgpt.py.

Usage: microgpt_reference.py WEIGHTS.json N_STEPS

Prints {"ids": [BOS and N_STEPS greedy ids], "logits": [a row for each of ids but the last]}, from the
weights as they stand in the file, in float64. Exits with 77 where there is no NumPy.
"""
import json
import pathlib
import sys

try:
    import numpy as np
except ImportError:
    print("microgpt_reference.py: numpy: expected Debian's python3-numpy, found none", file=sys.stderr)
    sys.exit(77)

import decoder


def main():
    trained = json.loads(pathlib.Path(sys.argv[1]).read_text())
    meta = trained["metadata"]
    weights = {name: np.array(values) for name, values in trained["weights"].items()}
    config = {"model_type": "microgpt", "rms_norm_eps": 1e-5}
    config.update({key: meta[key] for key in ("n_layer", "n_head")})
    ids = [meta["BOS"], *decoder.greedy(config, weights, [meta["BOS"]], int(sys.argv[2]))]
    json.dump({"ids": ids, "logits": decoder.logits(config, weights, ids[:-1]).tolist()}, sys.stdout)


if __name__ == "__main__":
    main()
