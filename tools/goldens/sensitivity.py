"""Would the goldens notice? Plays the likely mistakes of an engine and demands that each one shows.

An f32 engine is allowed 1e-4: every mistake must move some kept logit by far more, and rounding
everything to float32 by far less.
"""

import math
import sys
from unittest import mock

import numpy as np

import decoder

MINIMUM_EFFECT = 2e-3
MAXIMUM_ROUNDING = 4e-5


def patched(name, function):
    """A mistake in a formula: decoder.<name> replaced."""

    def play(config, weights, ids):
        with mock.patch.object(decoder, name, function):
            return decoder.logits(config, weights, ids)

    return play


def with_config(**changes):
    return lambda config, weights, ids: decoder.logits(config | changes, weights, ids)


def with_weights(suffix, change):
    """A mistake in reading: every tensor whose name ends in `suffix` changed."""

    def play(config, weights, ids):
        changed = {n: change(w) if n.endswith(suffix) else w for n, w in weights.items()}
        return decoder.logits(config, changed, ids)

    return play


def rotate_neighbours(x, frequency):
    """GPT-J's pairing (2i, 2i + 1)."""
    order = np.arange(x.shape[-1]).reshape(-1, 2).T.ravel()
    return ROTATE(x[..., order], frequency)[..., np.argsort(order)]


def gelu_erf(x):
    """GELU as defined, which later models use under the name "gelu"."""
    return 0.5 * x * (1.0 + np.vectorize(math.erf)(x / np.sqrt(2.0)))


def without_medium(replacement):
    """Llama 3.1's scaling with the interpolated case forgotten."""
    return lambda f, scaling: np.where(BRANCHES(f, scaling) == "medium", replacement, BRANCHES(f, scaling))


ROTATE, BRANCHES = decoder.rotate, decoder.llama3_branches
MISTAKES = {
    "llama": {
        "interleaved rope": patched("rotate", rotate_neighbours),
        "no rope scaling": with_config(rope_scaling=None),
        "medium frequencies kept": patched("llama3_branches", without_medium("high")),
        "medium frequencies slowed": patched("llama3_branches", without_medium("low")),
        "eps left out": with_config(rms_norm_eps=0.0),
        "relu for silu": patched("silu", decoder.relu),
    },
    "qwen3": {
        "interleaved rope": patched("rotate", rotate_neighbours),
        "theta 1e4": with_config(rope_theta=1e4),
        "eps left out": with_config(rms_norm_eps=0.0),
        "no gains of q": with_weights("q_norm.weight", np.ones_like),
        "no gains of k": with_weights("k_norm.weight", np.ones_like),
        "head tied": with_config(tie_word_embeddings=True),
        "kv heads dealt in turn": patched("kv_head_of", lambda h, n_heads, n_kv_heads: h % n_kv_heads),
    },
    "gpt2": {
        "erf form of gelu": patched("gelu_new", gelu_erf),
        "eps left out": with_config(layer_norm_epsilon=0.0),
        "no position embedding": with_weights("wpe.weight", np.zeros_like),
        "no bias of c_fc": with_weights("c_fc.bias", np.zeros_like),
        "square matrix not transposed": with_weights("attn.c_proj.weight", np.transpose),
    },
    "microgpt": {
        "gelu for relu": patched("relu", decoder.gelu_new),
        "eps left out": with_config(rms_norm_eps=0.0),
        "no position embedding": with_weights("wpe", np.zeros_like),
        "square matrix transposed": with_weights("attn_wo", np.transpose),
    },
}


def float32_logits(config, weights, ids):
    """The same formulas with every value but the rotary angles rounded to float32."""
    narrow = {name: w.astype(np.float32) for name, w in weights.items()}
    return patched("rotate", lambda x, f: ROTATE(x, f).astype(np.float32))(config, narrow, ids)


def require_visible_mistakes(config, weights, ids, logits, positions):
    """Prints each mistake's largest effect on the kept rows; exits if one is below MINIMUM_EFFECT."""
    rounding = np.abs(float32_logits(config, weights, ids) - logits).max()
    print(f"  float32: moves a logit by {rounding:.1e}")
    if rounding > MAXIMUM_ROUNDING:
        sys.exit(f"make_goldens.py: {config['model_type']}: float32: moves {rounding:.1e}")
    rows = list(positions)
    for name, play in MISTAKES[config["model_type"]].items():
        effect = np.abs(play(config, weights, ids)[rows] - logits[rows]).max()
        print(f"  {name}: moves a logit by {effect:.4f}")
        if effect < MINIMUM_EFFECT:
            sys.exit(f"make_goldens.py: {config['model_type']}: {name}: moves only {effect:.1e}")
