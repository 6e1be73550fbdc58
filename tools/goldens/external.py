"""decoder.py against goldens made by others: trained and random models of the external test data.

This is what makes the committed goldens believable: the same functions reproduce independently made
logits. The figures stand in README.md.
"""

import json
import sys

import numpy as np

import decoder
import safetensors_io

LOGIT_TOLERANCE = 2e-6  # the external goldens store six or seven decimals
NAMES = 500


def load(folder):
    files = {p.name: p.read_bytes() for p in folder.glob("*.safetensors")}
    config = json.loads((folder / "config.json").read_text())
    return config, safetensors_io.unpack_model(files), json.loads((folder / "golden.json").read_text())


def worst(row, top5):
    return max(abs(row[i] - value) for i, value in top5)


def compare_qwen3(folder):
    """Teacher-forced: every position's top five, every kept row of logits."""
    config, weights, golden = load(folder)
    logits = decoder.logits(config, weights, golden["input_ids"])
    rows = [np.abs(logits[int(p)] - row).max() for p, row in golden["full"].items()]
    tops = [worst(row, top5) for row, top5 in zip(logits, golden["top5"])]
    ids = sum(int(np.argmax(r)) == t[0][0] for r, t in zip(logits, golden["top5"]))
    print(f"qwen3-synthetic: {len(rows)} full rows differ by {max(rows):.2e}, {len(tops)} top-5 by {max(tops):.2e}")
    print(f"qwen3-synthetic: {ids} of {len(tops)} argmax ids equal")
    return ids == len(tops) and max(*rows, *tops) < LOGIT_TOLERANCE


def compare_minimind2(folder):
    """Greedy: with the golden's ids fed back, each step's argmax must be the next golden id."""
    config, weights, golden = load(folder)
    good = True
    for number, case in enumerate(golden["cases"]):
        prompt, expected = case["prompt_ids"], case["greedy_ids"]
        logits = decoder.logits(config, weights, prompt + expected[:-1])[len(prompt) - 1 :]
        tops = max(worst(row, step["top5_logits"]) for row, step in zip(logits, case["steps"]))
        sums = max(abs(decoder.logsumexp(r) - s["logsumexp"]) for r, s in zip(logits, case["steps"]))
        ids = int((logits.argmax(axis=-1) == expected).sum())
        print(f"minimind2-small case {number}: {ids} of {len(expected)} greedy ids equal, "
              f"top-5 differ by {tops:.2e}, logsumexp by {sums:.2e}")
        good = good and ids == len(expected) and max(tops, sums) < LOGIT_TOLERANCE
    return good


def compare_microgpt(folder):
    """No golden exists: the trained weights must predict names far better than chance, log(27) = 3.30."""
    trained = json.loads((folder / "weights.json").read_text())
    weights = {name: np.array(values) for name, values in trained["weights"].items()}
    meta = trained["metadata"]
    config = {"model_type": "microgpt", "n_layer": meta["n_layer"], "n_head": meta["n_head"], "rms_norm_eps": 1e-5}
    losses = []
    for name in (folder / "names.txt").read_text().split()[:NAMES]:
        ids = [meta["BOS"], *(meta["uchars"].index(c) for c in name), meta["BOS"]][: meta["block_size"] + 1]
        logits = decoder.logits(config, weights, ids[:-1])
        losses += list(decoder.logsumexp(logits) - logits[np.arange(len(ids) - 1), ids[1:]])
    print(f"microgpt: mean loss of {NAMES} names {np.mean(losses):.3f} nats a letter (chance {np.log(27):.3f})")
    return np.mean(losses) < 2.6


def compare(root):
    """Prints every figure -> 0 if all are within bounds, 1 if not."""
    comparisons = {
        "qwen3-synthetic": compare_qwen3,
        "minimind2-small": compare_minimind2,
        "microgpt": compare_microgpt,
    }
    for name in comparisons:
        if not (root / name).is_dir():
            print(f"make_goldens.py: {root / name}: expected a folder, found none", file=sys.stderr)
            return 1
    return 0 if all([f(root / name) for name, f in comparisons.items()]) else 1
