"""The decoder family in float64 NumPy: what the engine's logits are checked against.

One plain function an architecture, written from the papers and from the published Hugging Face
definitions, not from the engine: whole sequence at once, no KV cache, no tiles, libm's functions, BLAS's
order of summation. Not fast, and not a reference for bits: it differs from any f32 engine by rounding.
Used by make_goldens.py.

Shapes are [outer, ..., inner]; `weights` maps the tensor names of the file to float64 arrays.
"""

import numpy as np


def rms_norm(x, gain, eps):
    """x / rms(x) * gain, over the last axis (Zhang & Sennrich 2019); eps inside the root."""
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * gain


def layer_norm(x, gain, bias, eps):
    """(x - mean) / sqrt(variance + eps) * gain + bias (Ba et al. 2016); the variance divides by n."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + eps) * gain + bias


def silu(x):
    return x / (1.0 + np.exp(-x))


def gelu_new(x):
    """The tanh form of GELU (Hendrycks & Gimpel 2016), which GPT-2 was trained with."""
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))


def relu(x):
    return np.maximum(x, 0.0)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def kv_head_of(head, n_heads, n_kv_heads):
    """Grouped-query attention (Ainslie et al. 2023): neighbouring query heads share a key/value head."""
    return head // (n_heads // n_kv_heads)


def attention(q, k, v):
    """Causal softmax(q k^T / sqrt(head_dim)) v, head by head (Vaswani et al. 2017).

    q [n_tokens, n_heads, head_dim]; k, v [n_tokens, n_kv_heads, head_dim]
    -> [n_tokens, n_heads * head_dim]
    """
    n_tokens, n_heads, head_dim = q.shape
    future = np.triu(np.ones((n_tokens, n_tokens), dtype=bool), 1)
    heads = []
    for h in range(n_heads):
        g = kv_head_of(h, n_heads, k.shape[1])
        scores = q[:, h] @ k[:, g].T / np.sqrt(head_dim)
        scores[future] = -np.inf
        heads.append(softmax(scores) @ v[:, g])
    return np.concatenate(heads, axis=-1)


def llama3_branches(inverse_frequency, scaling):
    """Which of Llama 3.1's three cases each frequency falls into: "high", "medium" or "low"."""
    wavelength = 2.0 * np.pi / inverse_frequency
    context = scaling["original_max_position_embeddings"]
    return np.where(
        wavelength < context / scaling["high_freq_factor"],
        "high",
        np.where(wavelength > context / scaling["low_freq_factor"], "low", "medium"),
    )


def base_frequencies(config):
    """RoPE's angles per position, theta^(-2i / head_dim) (Su et al. 2021) -> [head_dim / 2]."""
    head_dim = head_dim_of(config)
    return config["rope_theta"] ** (-np.arange(0, head_dim, 2) / head_dim)


def rope_frequencies(config):
    """base_frequencies after `rope_scaling`: none, or Llama 3.1's "llama3".

    High frequencies stay, low ones are divided by `factor`, and the ones between are interpolated.
    """
    frequency = base_frequencies(config)
    scaling = config.get("rope_scaling")
    if scaling is None:
        return frequency
    if scaling["rope_type"] != "llama3":
        raise ValueError(f"rope_scaling.rope_type: expected llama3, found {scaling['rope_type']}")
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    turns = scaling["original_max_position_embeddings"] * frequency / (2.0 * np.pi)
    kept = (turns - low) / (high - low)
    slowed = frequency / scaling["factor"]
    branch = llama3_branches(frequency, scaling)
    return np.select(
        [branch == "high", branch == "low"],
        [frequency, slowed],
        (1.0 - kept) * slowed + kept * frequency,
    )


def rotate(x, frequency):
    """Rotates the pairs (i, i + head_dim / 2) of each head by position * frequency[i].

    x [n_tokens, heads, head_dim]. The pairing is Hugging Face's rotate-half, not (2i, 2i + 1).
    """
    angle = np.arange(x.shape[0])[:, None, None] * frequency
    first, second = np.split(x, 2, axis=-1)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def head_dim_of(config):
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def llama_logits(config, weights, ids):
    """LlamaForCausalLM; with per-head norms of q and k where the file has them, Qwen3ForCausalLM.

    ids [n_tokens] -> logits [n_tokens, n_vocab]; row p is the prediction after ids[0..p].
    """
    eps, head_dim = config["rms_norm_eps"], head_dim_of(config)
    frequency = rope_frequencies(config)
    x = weights["model.embed_tokens.weight"][ids]
    for layer in range(config["num_hidden_layers"]):
        w = layer_of(weights, f"model.layers.{layer}.")
        h = rms_norm(x, w["input_layernorm.weight"], eps)
        q = (h @ w["self_attn.q_proj.weight"].T).reshape(len(ids), -1, head_dim)
        k = (h @ w["self_attn.k_proj.weight"].T).reshape(len(ids), -1, head_dim)
        v = (h @ w["self_attn.v_proj.weight"].T).reshape(len(ids), -1, head_dim)
        if config["model_type"] == "qwen3":
            q = rms_norm(q, w["self_attn.q_norm.weight"], eps)
            k = rms_norm(k, w["self_attn.k_norm.weight"], eps)
        mixed = attention(rotate(q, frequency), rotate(k, frequency), v)
        x = x + mixed @ w["self_attn.o_proj.weight"].T
        h = rms_norm(x, w["post_attention_layernorm.weight"], eps)
        gated = silu(h @ w["mlp.gate_proj.weight"].T) * (h @ w["mlp.up_proj.weight"].T)
        x = x + gated @ w["mlp.down_proj.weight"].T
    head = "model.embed_tokens.weight" if config["tie_word_embeddings"] else "lm_head.weight"
    return rms_norm(x, weights["model.norm.weight"], eps) @ weights[head].T


def gpt2_logits(config, weights, ids):
    """GPT2LMHeadModel: pre-norm LayerNorm, learned positions; matrices are stored [in, out] (Conv1D)."""
    eps, n_heads = config["layer_norm_epsilon"], config["n_head"]
    x = weights["wte.weight"][ids] + weights["wpe.weight"][: len(ids)]
    for layer in range(config["n_layer"]):
        w = layer_of(weights, f"h.{layer}.")
        h = layer_norm(x, w["ln_1.weight"], w["ln_1.bias"], eps)
        qkv = h @ w["attn.c_attn.weight"] + w["attn.c_attn.bias"]
        q, k, v = (part.reshape(len(ids), n_heads, -1) for part in np.split(qkv, 3, axis=-1))
        x = x + attention(q, k, v) @ w["attn.c_proj.weight"] + w["attn.c_proj.bias"]
        h = layer_norm(x, w["ln_2.weight"], w["ln_2.bias"], eps)
        h = gelu_new(h @ w["mlp.c_fc.weight"] + w["mlp.c_fc.bias"])
        x = x + h @ w["mlp.c_proj.weight"] + w["mlp.c_proj.bias"]
    return layer_norm(x, weights["ln_f.weight"], weights["ln_f.bias"], eps) @ weights["wte.weight"].T


def microgpt_logits(config, weights, ids):
    """Karpathy's microgpt: GPT-2 without biases and gains, one more norm at the start, none at the end."""
    eps, n_heads = config["rms_norm_eps"], config["n_head"]
    x = rms_norm(weights["wte"][ids] + weights["wpe"][: len(ids)], 1.0, eps)
    for layer in range(config["n_layer"]):
        w = layer_of(weights, f"layer{layer}.")
        h = rms_norm(x, 1.0, eps)
        q, k, v = ((h @ w[f"attn_w{m}"].T).reshape(len(ids), n_heads, -1) for m in "qkv")
        x = x + attention(q, k, v) @ w["attn_wo"].T
        h = rms_norm(x, 1.0, eps)
        x = x + relu(h @ w["mlp_fc1"].T) @ w["mlp_fc2"].T
    return x @ weights["lm_head"].T


def layer_of(weights, prefix):
    return {name[len(prefix) :]: w for name, w in weights.items() if name.startswith(prefix)}


def logits(config, weights, ids):
    """ids [n_tokens] -> [n_tokens, n_vocab], by `config["model_type"]`."""
    forward = {
        "qwen3": llama_logits,
        "llama": llama_logits,
        "gpt2": gpt2_logits,
        "microgpt": microgpt_logits,
    }[config["model_type"]]
    return forward(config, weights, np.asarray(ids))


def greedy(config, weights, prompt_ids, n_steps):
    """The `n_steps` ids of greedy decoding; np.argmax gives ties to the lowest id."""
    ids = list(prompt_ids)
    for _ in range(n_steps):
        ids.append(int(np.argmax(logits(config, weights, ids)[-1])))
    return ids[len(prompt_ids) :]


def logsumexp(x):
    """log(sum(exp(x))) over the last axis."""
    top = x.max(axis=-1)
    return top + np.log(np.exp(x - top[..., None]).sum(axis=-1))
