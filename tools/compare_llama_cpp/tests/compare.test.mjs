/// The whole tool but llama.cpp itself: real processes, fake programs.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { parseArguments } from "../lib/arguments.mjs";
import { runProgram } from "../lib/program.mjs";
import { LlamaEngine } from "../lib/llama_engine.mjs";
import { busyWarning, compareAll, outputsDiffer, workFor } from "../lib/main.mjs";
import { GgufFolder } from "../lib/models.mjs";
import { RepriseEngine } from "../lib/reprise_engine.mjs";
import { fakeReprise, fakeWorker, ggufHeader, temporaryFolder, writeProgram } from "./support.mjs";

const root = temporaryFolder();
const program = fakeReprise(root);
const reprise = new RepriseEngine({ program, threads: 2, kvPrecision: "f32" });
const llama = new LlamaEngine({ libraries: "", threads: 2, kvPrecision: "f32", worker: fakeWorker(root) });
const progress = { show: () => {} };

async function compare(...argv) {
  const folder = new GgufFolder();
  try {
    return await compareAll({ options: parseArguments(argv), reprise, llama, folder, progress });
  } finally {
    folder.remove();
  }
}

test("both comparisons of a synthetic model in two precisions", async () => {
  const { correctness, speed } = await compare("synthetic:tiny", "--precisions", "f32,int8", "--rounds", "2");
  assert.deepEqual(
    correctness.map(({ label, precision, nEqual, nSteps }) => [label, precision, nEqual, nSteps]),
    [
      ["tiny", "f32", 64, 64],
      ["tiny", "int8", 64, 64],
    ],
  );
  assert.ok(Math.abs(correctness[0].worst - 0.01) < 1e-9);
  assert.equal(speed[0].prefill.reprise, 512);
  assert.equal(speed[0].prefill.ratio, 2);
  assert.equal(speed[0].decode.llamaCpp, 127 / 4);
  assert.equal(speed[0].flashAttention, false);
  const calls = readFileSync(path.join(root, "calls.log"), "utf8").split("\n");
  assert.match(calls[0], /^model synthesize tiny \S+\.gguf --precision f32$/);
  assert.match(
    calls[1],
    / --max-new-tokens 64 --ignore-eos --json --backend cpu --threads 2 --kv-precision f32 --logprobs 64$/,
  );
  assert.match(
    calls[2],
    / --max-new-tokens 128 --ignore-eos --json --backend cpu --threads 2 --kv-precision f32 --cached 1$/,
  );
});

test("reprise's numerics are asked for where they are not the default", async () => {
  const engine = new RepriseEngine({ program, threads: 1, kvPrecision: "f32", numerics: "fast" });
  await engine.generate({ file: "f", promptIds: [1, 2], nNew: 1, top: 1 });
  const calls = readFileSync(path.join(root, "calls.log"), "utf8").trim().split("\n");
  assert.match(calls.at(-1), / --kv-precision f32 --numerics fast --logprobs 1$/);
});

test("what either engine refuses is told, and others are still compared", async () => {
  const refused = path.join(root, "refused.gguf");
  writeFileSync(refused, ggufHeader());
  const text = path.join(root, "notes.txt");
  writeFileSync(text, "no model");
  const models = ["synthetic:no-such-shape", refused, text, "synthetic:tiny"];
  const { correctness, problems } = await compare(...models, "--correctness");
  assert.equal(correctness.length, 4);
  assert.deepEqual(
    problems.map(({ label, precision }) => `${label} ${precision}`),
    ["f32", "bf16", "int8", "int4"].map((p) => `no-such-shape ${p}`).concat("refused f32", "notes.txt ?"),
  );
  assert.match(problems[0].problem, /^reprise model: error: synthetic: expected a known name/);
  assert.match(problems[4].problem, /^llama.cpp: .*refused.gguf: expected llama.cpp to load it/);
  assert.match(problems[5].problem, /notes.txt: expected a GGUF file/);
});

test("an engine that is ended by a signal is told", async () => {
  const dying = writeProgram(path.join(root, "dying"), "#!/bin/sh\nkill -9 $$\n");
  const engine = new RepriseEngine({ program: dying, threads: 1, kvPrecision: "f32" });
  await assert.rejects(engine.version(), /found signal SIGKILL$/);
});

test("a missing reprise is told with how to build it", async () => {
  const engine = new RepriseEngine({ program: path.join(root, "absent"), threads: 1, kvPrecision: "f32" });
  await assert.rejects(
    engine.version(),
    /absent: expected the reprise program, found none; build it with `cmake/,
  );
});

test("a reprise without log-probabilities, or with a prompt it counts otherwise, is refused", async () => {
  const answer = (more) =>
    JSON.stringify({ generated_ids: [1], metrics: { n_prompt_processed: 9 }, ...more });
  const old = writeProgram(path.join(root, "old"), `#!/bin/sh\necho '${answer({})}'\n`);
  const engine = new RepriseEngine({ program: old, threads: 1, kvPrecision: "f32" });
  const work = { file: "f", promptIds: [1, 2], nNew: 1 };
  await assert.rejects(
    engine.generate({ ...work, top: 1 }),
    /logprobs: expected one entry for each of 1 tokens/,
  );
  await assert.rejects(engine.time(work), /n_prompt_processed: expected 1, found 9/);
  await assert.rejects(engine.time({ ...work, nNew: 2 }), /reprise: expected 2 tokens, found 1/);
});

test("default lengths shrink to the context, given ones do not", () => {
  const header = { label: "tiny", nVocab: 10, nContext: 256 };
  const defaults = workFor("speed", {}, header);
  assert.equal(defaults.nNew, 64);
  assert.equal(defaults.promptIds.length, 192); // the untimed one among them
  assert.equal(workFor("speed", {}, { ...header, nContext: 4096 }).promptIds.length, 513);
  assert.equal(workFor("correctness", {}, header).promptIds.length, 32);
  assert.throws(
    () => workFor("speed", { promptTokens: 250, newTokens: 6 }, header),
    /tiny: expected at most 256 tokens \(the context\), found a prompt of 251 and 6 new ones/,
  );
  assert.throws(
    () => workFor("speed", { promptIds: [1, 10] }, header),
    /expected ids below 10 for tiny, found 10/,
  );
  assert.deepEqual(workFor("speed", { promptIds: [1, 2] }, header).promptIds, [1, 2]);
});

test("only f32 rows are held to --max-difference, and NaN never passes", () => {
  const rows = [
    { precision: "f32", worst: 1e-5 },
    { precision: "int4", worst: 0.5 },
  ];
  assert.equal(outputsDiffer(rows, undefined), false);
  assert.equal(outputsDiffer(rows, 1e-3), false);
  assert.equal(outputsDiffer(rows, 1e-6), true);
  assert.equal(outputsDiffer([{ precision: "f32", worst: NaN }], 1e-3), true);
});

test("a busy machine is warned about", () => {
  assert.equal(busyWarning(0.4, 2), undefined);
  assert.match(busyWarning(3, 2), /^warning: .* \(load 3.0 on 2 cores\)/);
});

test("the program: one line and exit code 4 for what a user can mend", async () => {
  const compareProgram = path.join(import.meta.dirname, "../compare");
  const wrong = await runProgram(compareProgram, ["--rounds", "none", "m"]);
  assert.equal(wrong.code, 4);
  assert.equal(wrong.stderr, "error: --rounds: expected a whole number of at least 1, found none\n");
  const missing = await runProgram(compareProgram, [
    "m",
    "--correctness",
    "--reprise",
    path.join(root, "absent"),
  ]);
  assert.equal(missing.code, 4);
  assert.match(missing.stderr, /^error: .*absent: expected the reprise program/);
  const help = await runProgram(compareProgram, ["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^Runs reprise and a prebuilt llama.cpp/);
});

test("an answer that is no JSON is told", async () => {
  const chatty = writeProgram(path.join(root, "chatty"), "#!/bin/sh\necho hello\n");
  const engine = new RepriseEngine({ program: chatty, threads: 1, kvPrecision: "f32" });
  await assert.rejects(
    engine.time({ file: "f", promptIds: [1, 2], nNew: 1 }),
    /chatty: generate --json: expected JSON, found /,
  );
});
