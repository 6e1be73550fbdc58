#!/usr/bin/python3
"""Writes engine/tests/goldens: four tiny models and their float64 logits. See README.md beside this file.

  make_goldens.py                  regenerate the committed files
  make_goldens.py --check          regenerate in memory and compare with the committed files
  make_goldens.py --external DIR   compare decoder.py with the external test data's own goldens
"""

import argparse
import json
import pathlib
import sys

try:
    import numpy as np
except ImportError:
    sys.exit("make_goldens.py: numpy: expected an installed module (Debian: python3-numpy), found none")

import decoder
import external
import safetensors_io
import sensitivity
from models import MODELS, Draw, model_files

GOLDENS = pathlib.Path(__file__).resolve().parents[2] / "engine" / "tests" / "goldens"
DECIMALS = 10  # of the stored logits: below any test's tolerance, above float64's rounding
FLOAT_TOLERANCE = 1e-9  # of --check: another BLAS or libm may round the last stored decimal differently
MINIMUM_MARGIN = 1e-3  # top-1 minus top-2 at every greedy step: f32 rounding must not change an id


def rounded(values):
    return [round(float(v), DECIMALS) for v in values]


def prompt_of(model):
    """Seeded prompt ids; a stream of its own, so that a change of the prompt leaves the weights alone."""
    rng = Draw([model.seed, 1]).rng
    n_letters = model.config["vocab_size"] - len(model.bos)
    return [*model.bos, *rng.integers(0, n_letters, model.n_prompt - len(model.bos)).tolist()]


def golden_of(model, config, weights):
    """Greedy decoding from the seeded prompt -> (golden.json's content, ids, logits [n_ids, n_vocab])."""
    prompt = prompt_of(model)
    generated = decoder.greedy(config, weights, prompt, model.n_steps)
    ids = prompt + generated
    logits = decoder.logits(config, weights, ids)
    steps = [golden_step(row) for row in logits[len(prompt) - 1 : -1]]
    golden = {
        "model_type": config["model_type"],
        "seed": model.seed,
        "prompt_ids": prompt,
        "greedy_ids": generated,
        "prompt_logits": rounded(logits[len(prompt) - 1]),
        "steps": steps,
        "all_logits": {str(p): rounded(logits[p]) for p in model.kept_positions},
    }
    return golden, ids, logits


def golden_step(row):
    best = np.argsort(-row, kind="stable")[:5]
    top5 = [[int(i), v] for i, v in zip(best, rounded(row[best]))]
    return {"id": top5[0][0], "top5": top5, "logsumexp": rounded([decoder.logsumexp(row)])[0]}


def golden_bytes(golden):
    """JSON with one key, one step and one row of logits a line."""

    def compact(value):
        return json.dumps(value, separators=(",", ":"))

    def lines(value):
        if isinstance(value, list) and isinstance(value[0], dict):
            return "[\n  " + ",\n  ".join(map(compact, value)) + "\n ]"
        if isinstance(value, dict):
            return "{\n  " + ",\n  ".join(f"{compact(k)}: {compact(v)}" for k, v in value.items()) + "\n }"
        return compact(value)

    body = ",\n ".join(f'"{key}": {lines(value)}' for key, value in golden.items())
    return ("{\n " + body + "\n}\n").encode()


def require_fit(model, config, golden, logits):
    """Refuses a seed whose golden would be razor-thin, dull or out of range."""
    n_prompt = model.n_prompt
    best = np.sort(logits[n_prompt - 1 : -1], axis=-1)
    margin, largest = (best[:, -1] - best[:, -2]).min(), np.abs(logits).max()
    distinct = len(set(golden["greedy_ids"]))
    demands = [
        (margin > MINIMUM_MARGIN, f"greedy margin: expected > {MINIMUM_MARGIN}, found {margin:.2e}"),
        (5 < largest < 15, f"largest |logit|: expected 5 to 15, found {largest:.1f}"),
        (distinct >= model.n_steps // 2, f"distinct greedy ids: expected half of {model.n_steps}, found {distinct}"),
        (not set(model.bos) & set(golden["greedy_ids"]), "greedy ids: expected no bos, found it"),
        (golden["greedy_ids"] == [s["id"] for s in golden["steps"]], "steps: expected the greedy ids"),
    ]
    if scaling := config.get("rope_scaling"):
        branches = set(decoder.llama3_branches(decoder.base_frequencies(config), scaling))
        demands.append((branches == {"high", "medium", "low"}, f"rope branches: expected all, found {branches}"))
        demands.append((len(logits) > scaling["original_max_position_embeddings"], "run: shorter than context"))
    for met, message in demands:
        if not met:
            sys.exit(f"make_goldens.py: {model.name}: seed {model.seed}: {message}; choose another seed")
    print(f"{model.name}: margin {margin:.4f}, |logit| <= {largest:.2f}, {distinct} distinct greedy ids")


def generate(model):
    """All files of one golden folder -> {file name: bytes}. The weights are read back from their bytes."""
    files = model_files(model)
    config, weights = json.loads(files["config.json"]), safetensors_io.unpack_model(files)
    golden, ids, logits = golden_of(model, config, weights)
    require_fit(model, config, golden, logits)
    sensitivity.require_visible_mistakes(config, weights, ids, logits, model.kept_positions)
    return files | {"golden.json": golden_bytes(golden)}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def differences(folder, files):
    """What in `folder` differs from `files`, a line each: bytes, or for golden.json floats by tolerance."""
    found = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    for name in sorted(found ^ set(files)):
        yield f"{folder / name}: {'unexpected file' if name in found else 'missing'}"
    for name in sorted(found & set(files)):
        committed = (folder / name).read_bytes()
        if committed == files[name]:
            continue
        if name != "golden.json" or not close(json.loads(committed), json.loads(files[name])):
            yield f"{folder / name}: differs from what the generator makes"


def close(a, b):
    """Equal structure, integers and strings; floats within FLOAT_TOLERANCE."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    return abs(a - b) <= FLOAT_TOLERANCE if isinstance(a, float) else a == b


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on a difference")
    parser.add_argument("--external", metavar="DIR", type=pathlib.Path, help="folder of the external test data")
    args = parser.parse_args()
    if args.external:
        return external.compare(args.external)
    problems = []
    for model in MODELS:
        files = generate(model)
        if args.check:
            problems += differences(GOLDENS / model.name, files)
        else:
            write(GOLDENS / model.name, files)
    for line in problems:
        print(f"make_goldens.py: {line}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
