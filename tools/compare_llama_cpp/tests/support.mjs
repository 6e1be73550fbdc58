/// Stand-ins for what the tool talks to: a GGUF header, a `reprise` program, a llama.cpp worker.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after } from "node:test";

/// A folder that goes away with the test file.
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(os.tmpdir(), "compare_llama_cpp-test-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const string = (text) => Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);
const stringPair = (key, text) => Buffer.concat([string(key), u32(8), string(text)]);
const u32Pair = (key, value) => Buffer.concat([string(key), u32(4), u32(value)]);

/// The bytes of a GGUF header of a small model; `tokens` become tokenizer.ggml.tokens.
export function ggufHeader({
  nVocab = 300,
  nContext = 1024,
  layerType = 0,
  tokens = ["a", "b"],
  version = 3,
  embedding = "token_embd.weight",
} = {}) {
  const pairs = [
    stringPair("general.architecture", "qwen3"),
    u32Pair("qwen3.context_length", nContext),
    Buffer.concat([string("qwen3.rope.freq_base"), u32(6), Buffer.alloc(4)]),
    Buffer.concat([
      string("tokenizer.ggml.tokens"),
      u32(9),
      u32(8),
      u64(tokens.length),
      ...tokens.map(string),
    ]),
    Buffer.concat([string("tokenizer.ggml.scores"), u32(9), u32(6), u64(3), Buffer.alloc(12)]),
  ];
  const tensor = (name, shape, type) =>
    Buffer.concat([string(name), u32(shape.length), ...shape.map(u64), u32(type), u64(0)]);
  const tensors = [
    tensor(embedding, [64, nVocab], 1),
    tensor("blk.0.attn_q.weight", [64, 64], layerType),
    tensor("blk.0.attn_norm.weight", [64], 0),
  ];
  return Buffer.concat([
    Buffer.from("GGUF"),
    u32(version),
    u64(tensors.length),
    u64(pairs.length),
    ...pairs,
    ...tensors,
  ]);
}

export function writeProgram(file, text) {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
  return file;
}

/// A `reprise` that keeps this tool's contract with the real one: writes GGUF headers, "generates" the ids 7,
/// 8, 9 ... and appends its arguments to calls.log beside it.
export function fakeReprise(folder) {
  const header = path.join(folder, "header.gguf");
  writeFileSync(header, ggufHeader());
  return writeProgram(
    path.join(folder, "reprise"),
    `#!/usr/bin/env node
const fs = require("node:fs");
const args = process.argv.slice(2);
fs.appendFileSync(${JSON.stringify(path.join(folder, "calls.log"))}, args.join(" ") + "\\n");
const option = (name) => args[args.indexOf(name) + 1];
if (args[0] === "--version") {
  console.log("reprise 9.9 (fake)");
} else if (args[0] === "model") {
  if (args[2] === "no-such-shape") {
    console.error("error: synthetic: expected a known name, found no-such-shape");
    process.exit(4);
  }
  fs.copyFileSync(${JSON.stringify(header)}, args[3]);
} else {
  const nNew = Number(option("--max-new-tokens"));
  const nPrompt = option("--prompt-ids").split(",").length;
  const nCached = args.includes("--cached") ? Number(option("--cached")) : 0;
  const generated_ids = Array.from({ length: nNew }, (_, i) => 7 + i);
  const logprobs = generated_ids.map((id) => ({ id, logprob: -0.1, top: [[id, -0.1], [1, -3]] }));
  const metrics = { n_cached: nCached, n_prompt_processed: nPrompt - nCached, total_seconds: 3,
                    time_to_first_token_seconds: 1 };
  const asked = args.includes("--logprobs");
  console.log(JSON.stringify({ generated_ids, metrics, logprobs: asked ? logprobs : undefined }));
}
`,
  );
}

/// A worker that agrees with fakeReprise but for 0.01 in every log-probability, and takes twice its time.
export function fakeWorker(folder) {
  return writeProgram(
    path.join(folder, "worker.mjs"),
    `
import { readFileSync } from "node:fs";
const request = JSON.parse(readFileSync(0, "utf8"));
if (request.file.includes("refused")) {
  console.error(request.file + ": expected llama.cpp to load it, found a refusal");
  process.exit(1);
}
const steps = request.forcedIds?.map((id, i) =>
  ({ id, top: [[id, -0.11], [1, -3.01]], watched: request.watch[i].map((w) => (w === 1 ? -3.01 : -0.11)) }));
const answer = steps ? { steps } : { promptSeconds: 2, decodeSeconds: request.flashAttention ? 5 : 4 };
console.log(JSON.stringify({ systemInfo: "fake", ...answer }));
`,
  );
}
