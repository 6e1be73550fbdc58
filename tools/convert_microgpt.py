#!/usr/bin/env python3
"""Turns weights that microgpt.py printed as JSON into a model folder that `reprise` opens.

Usage: convert_microgpt.py WEIGHTS.json FOLDER

WEIGHTS.json holds {"metadata": {"uchars", "n_embd", "n_layer", "n_head", "block_size", "BOS"},
"weights": {NAME: [[float]]}}, with Karpathy's names (wte, wpe, lm_head, layerN.attn_wq, ...). The folder
gets config.json, model.safetensors (the floats rounded to f32) and tokenizer.json. Python's standard
library only.
"""
import json
import pathlib
import struct
import sys


MAX_EXTENT = 65536


class Refused(Exception):
    """One line that says what was expected and found."""


def field(of, key, kind, where):
    found = of.get(key) if isinstance(of, dict) else of
    if not isinstance(of, dict) or not isinstance(found, kind) or isinstance(found, bool):
        text = json.dumps(found)[:60]
        raise Refused(f"{where}: {key}: expected a value of type {kind.__name__}, found {text}")
    return found


def shapes_of(meta):
    """{tensor name: [rows, columns]} of a microgpt with this metadata."""
    d, n_vocab = meta["n_embd"], len(meta["uchars"]) + 1
    shapes = {"wte": [n_vocab, d], "wpe": [meta["block_size"], d], "lm_head": [n_vocab, d]}
    for layer in range(meta["n_layer"]):
        for name in ("attn_wq", "attn_wk", "attn_wv", "attn_wo"):
            shapes[f"layer{layer}.{name}"] = [d, d]
        shapes[f"layer{layer}.mlp_fc1"] = [4 * d, d]
        shapes[f"layer{layer}.mlp_fc2"] = [d, 4 * d]
    return shapes


def metadata_of(document, path):
    meta = field(document, "metadata", dict, path)
    for key in ("n_embd", "n_layer", "n_head", "block_size", "BOS"):
        if not 1 <= field(meta, key, int, f"{path}: metadata") <= MAX_EXTENT:
            raise Refused(f"{path}: metadata: {key}: expected 1 to {MAX_EXTENT}, found {meta[key]}")
    characters = field(meta, "uchars", list, f"{path}: metadata")
    if not all(isinstance(c, str) and len(c) == 1 and "!" <= c <= "~" for c in characters):
        found = json.dumps(characters)[:60]
        raise Refused(f"{path}: metadata: uchars: expected printable ASCII characters, found {found}")
    if meta["BOS"] != len(characters):
        n = len(characters)
        raise Refused(f"{path}: metadata: BOS: expected {n}, after the characters, found {meta['BOS']}")
    return meta


def matrix_bytes(weights, name, shape, path):
    """[[float]] -> f32, little-endian, row-major; struct rounds to nearest even."""
    where = f"{path}: weights: {name}"
    rows = field(weights, name, list, f"{path}: weights")
    found = [len(rows), len(rows[0]) if rows and isinstance(rows[0], list) else 0]
    if found != shape or any(not isinstance(row, list) or len(row) != shape[1] for row in rows):
        raise Refused(f"{where}: expected {shape[0]} rows of {shape[1]} numbers, found {found}")
    try:
        return b"".join(struct.pack(f"<{shape[1]}f", *row) for row in rows)
    except (struct.error, OverflowError, TypeError) as error:
        raise Refused(f"{where}: expected numbers in the range of f32, found {error}") from None


def safetensors(tensors):
    """{name: (shape, bytes)} -> the bytes of a file: header length, header padded to 8, tensors."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(data for _, data in tensors.values())


def config(meta):
    return {
        "model_type": "microgpt",
        "vocab_size": len(meta["uchars"]) + 1,
        "n_embd": meta["n_embd"],
        "n_layer": meta["n_layer"],
        "n_head": meta["n_head"],
        "block_size": meta["block_size"],
        "rms_norm_eps": 1e-5,
        "bos_token_id": meta["BOS"],
        "eos_token_id": meta["BOS"],
        "dtype": "float32",
    }


def tokenizer(meta):
    """Byte-level BPE without merges: printable ASCII characters stand for themselves in its alphabet."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    boundary = {"id": meta["BOS"], "content": "<bos>", "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True}
    vocabulary = {character: i for i, character in enumerate(meta["uchars"])}
    special, text = {"SpecialToken": {"id": "<bos>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    other = {"Sequence": {"id": "B", "type_id": 1}}
    begin = {"type": "TemplateProcessing", "single": [special, text], "pair": [special, text, other],
             "special_tokens": {"<bos>": {"id": "<bos>", "ids": [meta["BOS"]], "tokens": ["<bos>"]}}}
    return {
        "version": "1.0",
        "added_tokens": [boundary],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": begin,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }


def convert(source, folder):
    try:
        document = json.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Refused(f"{source}: expected JSON, found {error}") from None
    meta = metadata_of(document, source)
    weights = field(document, "weights", dict, source)
    shapes = shapes_of(meta)
    tensors = {name: (shape, matrix_bytes(weights, name, shape, source)) for name, shape in shapes.items()}
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(safetensors(tensors))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(meta), indent=1) + "\n")
    (folder / "config.json").write_text(json.dumps(config(meta), indent=1) + "\n")


def main():
    if len(sys.argv) != 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if "--help" in sys.argv or "-h" in sys.argv else 4
    try:
        convert(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    except (Refused, OSError) as error:
        print(f"convert_microgpt.py: {error}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
