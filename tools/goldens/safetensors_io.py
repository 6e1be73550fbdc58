"""Safetensors in a few lines: bytes out, float64 arrays in. Just the dtypes F32, F16 and BF16.

Not a validator (its inputs are trusted files) and not shared with the engine's reader, so that a
misreading there shows. Format: u64 little-endian header length, JSON header, tensors in header order.
"""

import json
import struct

import numpy as np


def to_stored(values, dtype):
    """Rounds to the nearest value of `dtype`, ties to even -> the array of its bit patterns."""
    single = np.ascontiguousarray(values, dtype="<f4")
    if dtype == "F32":
        return single
    if dtype == "F16":
        return single.astype("<f2")
    if dtype == "BF16":
        bits = single.view("<u4")
        return ((bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16).astype("<u2")
    raise ValueError(f"dtype: expected F32, F16 or BF16, found {dtype}")


def from_stored(stored, dtype):
    """The exact float64 values of an array in storage form."""
    if dtype == "BF16":
        return (stored.astype("<u4") << 16).view("<f4").astype(np.float64)
    return stored.astype(np.float64)


def pack(tensors, dtype):
    """{name: array in storage form} -> the bytes of a file, all tensors of one dtype."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, stored in tensors.items():
        end = offset + stored.nbytes
        header[name] = {"dtype": dtype, "shape": list(stored.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(t.tobytes() for t in tensors.values())


def unpack(data):
    """The bytes of a file -> {name: float64 array}."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    kinds = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + o for o in entry["data_offsets"])
        stored = np.frombuffer(data[begin:end], dtype=kinds[entry["dtype"]])
        tensors[name] = from_stored(stored, entry["dtype"]).reshape(entry["shape"])
    return tensors


def unpack_model(files):
    """{file name: bytes} of a model folder, sharded or not -> {tensor name: float64 array}."""
    tensors = {}
    for name, data in files.items():
        if name.endswith(".safetensors"):
            tensors.update(unpack(data))
    return tensors
