#!/usr/bin/env python3
"""Drives the program as clients of Futhark's servers do, and compares tokens with `reprise generate`.

Usage: futhark_client.py REPRISE

`Server` below speaks the protocol as the Python package futhark_server does (commands on lines, values
through temporary files that it holds open); `Llm` makes the calls of the class of that name in fuchat's
chat.py, in the same order and with the same arguments: start with --cache=FILE, fields Params, put_value of
each, new, free, init, a projection of every field of the cache, then for each chunk of tokens put_value, gen,
free, project, get_value. Reading GGUF files and chat templates is all that is left out; weights are random,
and token ids stand for text.
Exit code 77: NumPy is not installed.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    system_python = "/usr/bin/python3"  # which Debian's package is for, whatever python3 is in the path
    if os.path.exists(system_python) and not os.path.samefile(sys.executable, system_python):
        os.execv(system_python, [system_python, *sys.argv])
    print("NumPy is not installed")
    sys.exit(77)

TAGS = {np.dtype(np.int64): b" i64", np.dtype(np.float32): b" f32", np.dtype(np.float16): b" f16"}


class Failure(Exception):
    """What the server says after %%% FAILURE."""


class Server:
    def __init__(self, *command, stderr=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr,
                                        text=True)
        self.answer()

    def answer(self):
        lines = []
        while (line := self.process.stdout.readline()) != "%%% OK\n":
            if line == "%%% FAILURE\n":
                raise Failure("\n".join(self.answer()))
            if not line:
                raise EOFError("the server ended")
            lines.append(line.rstrip("\n"))
        return lines

    def cmd(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def put_value(self, name, value):
        value = np.asarray(value)
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"b\x02" + bytes([value.ndim]) + TAGS[value.dtype])
            file.write(np.array(value.shape, dtype=np.int64).tobytes())
            file.write(np.ascontiguousarray(value).tobytes())
            file.flush()
            self.cmd("restore", file.name, name, "[]" * value.ndim + TAGS[value.dtype].decode().strip())

    def get_value(self, name):
        with tempfile.NamedTemporaryFile() as file:
            self.cmd("store", file.name, name)
            content = file.read()
        assert content[:2] == b"b\x02", content[:16]
        dtype = next(dtype for dtype, tag in TAGS.items() if tag == content[3:7])
        first = 7 + 8 * content[2]
        shape = np.frombuffer(content[7:first], dtype=np.int64)
        return np.frombuffer(content[first:], dtype=dtype).reshape(shape)

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=60) == 0
        self.process.stdout.close()


class Llm:
    """The model's weights and a cache of `n_positions`, in a server."""

    def __init__(self, program, weights, config, n_positions, eos=-1, command=None):
        element = program.name.removeprefix("qwen-")
        self.server = Server(*(command or [str(program), f"--cache={program}.cache"]))
        self.eos = eos
        self.cached = 0
        names = [line.split()[0] for line in self.server.cmd("fields", "Params")]
        for name in names:
            self.server.put_value(name, params_field(name, weights, config, element))
        self.server.cmd("new", "params", "Params", *names)
        for name in names:
            self.server.cmd("free", name)
        extents = {"b": "num_hidden_layers", "kvh": "num_key_value_heads", "dh": "head_dim"}
        for name in ["b", "kvh", "cs", "dh"]:
            self.server.put_value(name, np.int64(n_positions if name == "cs" else config[extents[name]]))
        self.server.cmd("call", "init", "cache", "b", "kvh", "cs", "dh")
        self.server.cmd("free", "b", "kvh", "cs", "dh")
        rows = (config["num_hidden_layers"], config["num_key_value_heads"], n_positions, config["head_dim"])
        for line in self.server.cmd("fields", "Cache"):
            name = line.split()[0]
            self.server.cmd("project", "tensor", "cache", name)
            tensor = self.server.get_value("tensor")
            self.server.cmd("free", "tensor")
            assert tensor.shape == (rows if name.endswith("cache") else rows[2:]), (name, tensor.shape)

    def gen(self, ids, count):
        tokens_in = ids[self.cached:]
        self.server.put_value("xsat", np.int64(self.cached))
        self.server.put_value("xs", tokens_in)
        self.server.put_value("max_new_tokens", np.int64(count))
        self.server.put_value("eos_token_id", np.int64(self.eos))
        runtime = self.server.cmd("call", "gen", "out", "xsat", "xs", "params", "cache", "eos_token_id",
                                  "max_new_tokens")
        assert runtime[0].startswith("runtime: ") and int(runtime[0].split()[1]) > 0, runtime
        self.server.cmd("free", "cache")
        self.server.cmd("project", "tokens", "out", "0")
        self.server.cmd("project", "cache", "out", "1")
        tokens_out = self.server.get_value("tokens")
        self.cached += len(tokens_in) + len(tokens_out) - 1
        for name in ["out", "tokens", "xsat", "xs", "eos_token_id", "max_new_tokens"]:
            self.server.cmd("free", name)
        return np.concatenate([ids, tokens_out])


def params_field(name, weights, config, element):
    """Weights of a Hugging Face folder as fuchat sends them."""
    layers = range(config["num_hidden_layers"])
    where = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
             "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
             "attn_output": "self_attn.o_proj", "q_norm": "self_attn.q_norm", "k_norm": "self_attn.k_norm",
             "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
    if name == "token_embd":
        tensor = weights["model.embed_tokens.weight"]
    elif name == "output_norm":
        tensor = weights["model.norm.weight"]
    elif name == "output":
        tensor = weights.get("lm_head.weight", weights["model.embed_tokens.weight"]).T
    else:
        tensor = np.stack([weights[f"model.layers.{i}.{where[name]}.weight"].T for i in layers])
        if name in ["attn_q", "attn_k", "attn_v"]:
            tensor = tensor.reshape(*tensor.shape[:-1], -1, config["head_dim"]).transpose(0, 2, 1, 3)
    return tensor.astype(np.float16 if element == "f16" and not name.endswith("norm") else np.float32)


def random_weights(config):
    """Of a Qwen3 whose activations stay at unit scale, so that tokens vary."""
    random = np.random.default_rng(7)
    d, f, v, dh = (config[key] for key in ["hidden_size", "intermediate_size", "vocab_size", "head_dim"])
    q, kv = config["num_attention_heads"] * dh, config["num_key_value_heads"] * dh
    shapes = {"model.embed_tokens.weight": (v, d), "model.norm.weight": (d,), "lm_head.weight": (v, d)}
    for i in range(config["num_hidden_layers"]):
        block = {"input_layernorm": (d,), "post_attention_layernorm": (d,), "self_attn.q_proj": (q, d),
                 "self_attn.k_proj": (kv, d), "self_attn.v_proj": (kv, d), "self_attn.o_proj": (d, q),
                 "self_attn.q_norm": (dh,), "self_attn.k_norm": (dh,), "mlp.gate_proj": (f, d),
                 "mlp.up_proj": (f, d), "mlp.down_proj": (d, f)}
        shapes.update({f"model.layers.{i}.{name}.weight": shape for name, shape in block.items()})
    weights = {}
    for name, shape in shapes.items():
        scale = shape[-1] ** -0.5 if "proj" in name or "head" in name else 1
        weights[name] = (random.standard_normal(shape) * scale + (len(shape) == 1)).astype(np.float32)
    return weights


def write_model(folder, config, weights):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    header, data = {}, b""
    for name, tensor in weights.items():
        offsets = [len(data), len(data) + tensor.nbytes]
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": offsets}
        data += tensor.tobytes()
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)


def generated(reprise, model, ids, count, element):
    """Tokens of `reprise generate` at the program's precision."""
    output = subprocess.run(
        [reprise, "generate", model, "--prompt-ids", ",".join(map(str, ids)), "--max-new-tokens", str(count),
         "--ignore-eos", "--precision", element, "--kv-precision", element, "--json"],
        check=True, capture_output=True, text=True).stdout
    return json.loads(output)["generated_ids"]


def chat(llm, expected, ids):
    """Two turns in chunks of 5 tokens, then from the start again, as after `clear`."""
    for turn in range(3):
        if turn == 2:
            ids, llm.cached = ids[:7], 0
        want = expected(ids, 20)
        for _ in range(4):
            ids = llm.gen(ids, 5)
        assert ids[-20:].tolist() == want, (turn, ids[-20:], want)
        assert len(set(want)) > 5, ("these tokens would agree by chance", want)
        ids = np.concatenate([ids, np.array([11 + turn, 12, 13], dtype=np.int64)])


def check_descriptions(server, element):
    assert "Params" in server.cmd("types") and "Cache" in server.cmd("types")
    assert server.cmd("entry_points") == ["init", "gen", "tool_sumN1_sum_of_first_n_integers",
                                          "tool_sumN2_sum_of_squares_of_first_n_integers"]
    assert server.cmd("fields", "Params")[3] == f"attn_q [][][][]{element}"
    assert server.cmd("fields", "Cache") == [f"cos [][]{element}", f"kcache [][][][]{element}",
                                             f"sin [][]{element}", f"vcache [][][][]{element}"]
    assert server.cmd("inputs", "gen") == ["i64", "[]i64", "Params", "*Cache", "i64", "i64"]
    result = server.cmd("output", "gen")[0]
    assert server.cmd("fields", f'"{result}"') == ["0 []i64", "1 Cache"]


def check_tools(server):
    for name, want in [("sumN1_sum_of_first_n_integers", 5050),
                       ("sumN2_sum_of_squares_of_first_n_integers", 338350)]:
        server.put_value("n", np.int64(100))
        server.cmd("call", f"tool_{name}", "sum", "n")
        assert server.get_value("sum") == want
        server.cmd("free", "sum", "n")


def check_mistakes(llm):
    """A server lives on after each, and what was consumed can be freed."""
    server = llm.server
    server.cmd("rename", "cache", "kept")
    for words in [["call", "gen", "out"], ["project", "x", "params", "nothing"],
                  ["restore", "/nowhere", "x", "i64"], ["dance"]]:
        try:
            server.cmd(*words)
        except Failure:
            continue
        raise AssertionError(f"{words} did not fail")
    server.cmd("rename", "kept", "cache")


def check_store(llm, config):
    """A cache that goes through a file draws the same tokens."""
    ids = llm.gen(np.array([5, 6, 7, 8], dtype=np.int64), 5)
    with tempfile.NamedTemporaryFile() as file:
        llm.server.cmd("store", file.name, "cache")
        before = llm.cached
        want = llm.gen(ids, 10)
        llm.server.cmd("free", "cache")
        llm.server.cmd("restore", file.name, "cache", "Cache")
        llm.cached = before
        assert llm.gen(ids, 10).tolist() == want.tolist()


def run_program(reprise, folder, config, weights, element):
    program = folder / f"qwen-{element}"
    program.symlink_to(reprise)
    model = folder / "model"
    llm = Llm(program, weights, config, n_positions=200)
    check_descriptions(llm.server, element)
    ids = np.arange(1, 8, dtype=np.int64)
    chat(llm, lambda ids, count: generated(reprise, model, ids, count, element), ids)
    llm.cached = 0
    check_store(llm, config)
    check_tools(llm.server)
    check_mistakes(llm)
    llm.server.cmd("free", "params", "cache")
    llm.server.close()


def check_options(reprise, folder):
    program = str(folder / "qwen-f32")
    for options in [["-D", "-L", "-P"], ["--prof", "--deb", "--log"], ["--cache-file=x"],
                    ["--num-threads", "1"], ["-d", "cpu"]]:
        server = Server(program, *options, stderr=subprocess.DEVNULL)
        assert '"events":[]' in server.cmd("report")[0]
        server.close()
    for options in [["--p=x"], ["--nothing"], ["-x"], ["extra"], ["--backend=x"], ["--param", "x=1"],
                    ["--cache-file"]]:
        ended = subprocess.run([program, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert ended.returncode == 4 and ended.stdout == "", (options, ended)
        assert ended.stderr.count("\n") == 1, (options, ended)
    for options in [["--help"], ["--print-params"]]:
        assert subprocess.run([program, *options], capture_output=True).returncode == 0
    server = Server(reprise, "serve", "synthetic:qwen3-tiny", "--stdio", "--program", "qwen-f32")
    server.cmd("call", "params", "params")
    server.cmd("project", "norm", "params", "output_norm")
    assert server.get_value("norm").shape == (256,)
    server.close()


def check_captures(reprise, folder, config, weights):
    """Calls with a client's weights name the model that has the same, and are replayed from it; others are not kept."""
    captures = folder / "captures"
    command = [reprise, "serve", str(folder / "model"), "--stdio", "--capture-dir", str(captures),
               "--capture-policy", "all"]
    llm = Llm(folder / "qwen-f32", weights, config, n_positions=60, command=command)
    ids = llm.gen(np.arange(1, 8, dtype=np.int64), 5)
    llm.gen(ids, 5)
    llm.server.close()
    files = sorted(str(path) for path in captures.iterdir())
    assert len(files) == 2, files
    for file in files:
        replay = subprocess.run([reprise, "replay", file, "--budget", "0.2", "--min-runs", "1"], capture_output=True,
                                text=True)
        assert replay.returncode == 0 and "identical" in replay.stdout, replay
    other = {name: value * 2 if name == "model.norm.weight" else value for name, value in weights.items()}
    llm = Llm(folder / "qwen-f32", other, config, n_positions=60, command=command)
    llm.gen(np.arange(1, 8, dtype=np.int64), 5)
    llm.server.close()
    assert len(list(captures.iterdir())) == 2, "a call that no model could replay was kept"
    ended = subprocess.run([reprise, "serve", "--stdio", "--capture-dir", str(captures)], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True)
    assert ended.returncode == 4 and ended.stderr.startswith("reprise: MODEL: expected one with --stdio"), ended


def check_closed_pipe(folder):
    server = Server(str(folder / "qwen-f32"))
    server.process.stdout.close()
    try:
        for _ in range(100):
            server.process.stdin.write("types\n")
            server.process.stdin.flush()
    except BrokenPipeError:
        pass
    assert server.process.wait(timeout=60) == 0
    try:
        server.process.stdin.close()
    except BrokenPipeError:
        pass


def main():
    reprise = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        config = {"model_type": "qwen3", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3,
                  "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 331,
                  "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
                  "tie_word_embeddings": False}
        weights = random_weights(config)
        write_model(folder / "model", config, weights)
        for element in ["f32", "f16"]:
            run_program(reprise, folder, config, weights, element)
        check_options(reprise, folder)
        check_captures(reprise, folder, config, weights)
        check_closed_pipe(folder)


main()
