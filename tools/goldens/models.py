"""The four small models: their configs, names, shapes and seeded random weights.

Weights come from Generator(PCG64).random() with exact arithmetic only, so the files have the same bytes
on every machine. Spreads are chosen so that a mistake shows in the logits: embeddings so small that
the norms' eps counts, gains far from one, heads that give |logit| up to about 10.
"""

import json
from dataclasses import dataclass

import numpy as np

import safetensors_io


@dataclass(frozen=True)
class Model:
    name: str
    seed: int
    config: dict
    tensors: object  # function(config, draw) -> {name: array}, in file order
    dtype: str = "F32"
    n_shards: int = 1
    n_prompt: int = 24
    n_steps: int = 40
    kept_positions: tuple = (0, 11, 31, 47, 63)
    bos: tuple = ()  # first prompt ids; never generated


class Draw:
    """Uniform draws with a given standard deviation."""

    def __init__(self, seed):
        self.rng = np.random.Generator(np.random.PCG64(seed))

    def values(self, shape, deviation, centre=0.0):
        half_width = deviation * np.sqrt(3.0)
        return (2.0 * self.rng.random(shape) - 1.0) * half_width + centre

    def matrix(self, n_out, n_in, gain=1.0):
        """[out, in]; unit-variance inputs give outputs of standard deviation `gain`."""
        return self.values((n_out, n_in), gain / np.sqrt(n_in))

    def gains(self, n, centre=1.0):
        return self.values(n, 0.25 * centre, centre)


def llama_tensors(config, draw):
    d_model, d_ff = config["hidden_size"], config["intermediate_size"]
    n_heads, n_kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head_dim = config.get("head_dim") or d_model // n_heads
    tensors = {"model.embed_tokens.weight": draw.values((config["vocab_size"], d_model), 0.05)}
    for layer in range(config["num_hidden_layers"]):
        p = f"model.layers.{layer}."
        tensors[p + "input_layernorm.weight"] = draw.gains(d_model)
        tensors[p + "self_attn.q_proj.weight"] = draw.matrix(n_heads * head_dim, d_model, 1.5)
        tensors[p + "self_attn.k_proj.weight"] = draw.matrix(n_kv_heads * head_dim, d_model, 1.5)
        tensors[p + "self_attn.v_proj.weight"] = draw.matrix(n_kv_heads * head_dim, d_model)
        if config["model_type"] == "qwen3":
            tensors[p + "self_attn.q_norm.weight"] = draw.gains(head_dim, 1.5)
            tensors[p + "self_attn.k_norm.weight"] = draw.gains(head_dim, 1.5)
        tensors[p + "self_attn.o_proj.weight"] = draw.matrix(d_model, n_heads * head_dim)
        tensors[p + "post_attention_layernorm.weight"] = draw.gains(d_model)
        tensors[p + "mlp.gate_proj.weight"] = draw.matrix(d_ff, d_model, 1.5)
        tensors[p + "mlp.up_proj.weight"] = draw.matrix(d_ff, d_model)
        tensors[p + "mlp.down_proj.weight"] = draw.matrix(d_model, d_ff)
    if config["tie_word_embeddings"]:
        tensors["model.norm.weight"] = draw.gains(d_model, 8.0)
    else:
        tensors["model.norm.weight"] = draw.gains(d_model)
        tensors["lm_head.weight"] = draw.matrix(config["vocab_size"], d_model, 3.0)
    return tensors


def gpt2_tensors(config, draw):
    d_model, n_positions = config["n_embd"], config["n_positions"]
    tensors = {
        "wte.weight": draw.values((config["vocab_size"], d_model), 0.1),
        "wpe.weight": draw.values((n_positions, d_model), 0.1),
    }

    def add_norm(name, centre=1.0):
        tensors[name + ".weight"] = draw.gains(d_model, centre)
        tensors[name + ".bias"] = draw.values(d_model, 0.1)

    def add_conv1d(name, n_in, n_out, gain=1.0):
        tensors[name + ".weight"] = draw.matrix(n_out, n_in, gain).T
        tensors[name + ".bias"] = draw.values(n_out, 0.1)

    for layer in range(config["n_layer"]):
        p = f"h.{layer}."
        if layer == 0:  # the published file carries such masks; loaders must ignore them
            tensors[p + "attn.bias"] = np.tril(np.ones((1, 1, n_positions, n_positions)))
        add_norm(p + "ln_1")
        add_conv1d(p + "attn.c_attn", d_model, 3 * d_model, 2.0)
        add_conv1d(p + "attn.c_proj", d_model, d_model)
        add_norm(p + "ln_2")
        add_conv1d(p + "mlp.c_fc", d_model, 4 * d_model, 1.5)
        add_conv1d(p + "mlp.c_proj", 4 * d_model, d_model)
    add_norm("ln_f", 5.0)
    return tensors


def microgpt_tensors(config, draw):
    d_model, n_vocab = config["n_embd"], config["vocab_size"]
    tensors = {
        "wte": draw.values((n_vocab, d_model), 0.1),
        "wpe": draw.values((config["block_size"], d_model), 0.05),
        "lm_head": draw.matrix(n_vocab, d_model, 2.0),
    }
    for layer in range(config["n_layer"]):
        p = f"layer{layer}."
        for matrix in ("attn_wq", "attn_wk", "attn_wv", "attn_wo"):
            tensors[p + matrix] = draw.matrix(d_model, d_model, 1.5)
        tensors[p + "mlp_fc1"] = draw.matrix(4 * d_model, d_model)
        tensors[p + "mlp_fc2"] = draw.matrix(d_model, 4 * d_model)
    return tensors


QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "attention_bias": False,
    "head_dim": 16,  # not d_model / n_heads = 8
    "hidden_act": "silu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "max_position_embeddings": 128,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "rope_scaling": None,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "vocab_size": 128,
}

LLAMA = {  # no head_dim: d_model / n_heads = 16; d_ff is no multiple of 16
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "hidden_act": "silu",
    "hidden_size": 48,
    "intermediate_size": 56,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "num_attention_heads": 3,
    "num_hidden_layers": 3,
    "num_key_value_heads": 1,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "vocab_size": 288,
}

GPT2 = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "n_ctx": 64,
    "n_embd": 32,
    "n_head": 4,
    "n_layer": 2,
    "n_positions": 64,
    "vocab_size": 96,
}

MICROGPT = {
    "model_type": "microgpt",
    "vocab_size": 27,
    "n_embd": 16,
    "n_layer": 1,
    "n_head": 4,
    "block_size": 16,
    "rms_norm_eps": 1e-5,
    "bos_token_id": 26,
}

MODELS = (
    Model("qwen3", 12, QWEN3, llama_tensors),
    # Eight more prompt tokens: the run passes original_max_position_embeddings.
    Model("llama", 9, LLAMA, llama_tensors, "BF16", 2, 32, 40, (0, 11, 31, 47, 71)),
    Model("gpt2", 10, GPT2, gpt2_tensors),
    Model("microgpt", 10, MICROGPT, microgpt_tensors, "F32", 1, 3, 12, (0, 1, 7, 14), (26,)),
)


def microgpt_tokenizer():
    """Hugging Face tokenizer.json: a BPE without merges, one token a letter, <bos> beside them."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    bos = {"id": 26, "content": "<bos>", "single_word": False, "lstrip": False, "rstrip": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [bos | {"normalized": False, "special": True}],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {letter: i for i, letter in enumerate("abcdefghijklmnopqrstuvwxyz")},
            "merges": [],
        },
    }


def model_files(model):
    """The Hugging Face folder of `model`, without its golden -> {file name: bytes}."""
    drawn = model.tensors(model.config, Draw(model.seed))
    stored = {name: safetensors_io.to_stored(w, model.dtype) for name, w in drawn.items()}
    files = {"config.json": json_bytes(model.config)}
    if model.config["model_type"] == "microgpt":
        files["tokenizer.json"] = json_bytes(microgpt_tokenizer())
    return files | weight_files(stored, model.dtype, model.n_shards)


def weight_files(stored, dtype, n_shards):
    """model.safetensors, or shards of about equal tensor counts and their index."""
    if n_shards == 1:
        return {"model.safetensors": safetensors_io.pack(stored, dtype)}
    files, weight_map, names = {}, {}, list(stored)
    for shard in range(n_shards):
        file_name = f"model-{shard + 1:05}-of-{n_shards:05}.safetensors"
        mine = names[len(names) * shard // n_shards : len(names) * (shard + 1) // n_shards]
        files[file_name] = safetensors_io.pack({n: stored[n] for n in mine}, dtype)
        weight_map.update(dict.fromkeys(mine, file_name))
    total = sum(w.nbytes for w in stored.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    return files | {"model.safetensors.index.json": json_bytes(index)}


def json_bytes(value):
    return (json.dumps(value, indent=1) + "\n").encode()
