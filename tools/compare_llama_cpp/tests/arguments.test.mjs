import assert from "node:assert/strict";
import { test } from "node:test";

import { kHelp, parseArguments } from "../lib/arguments.mjs";
import { UserError } from "../lib/errors.mjs";

function refusal(...argv) {
  try {
    parseArguments(argv);
  } catch (error) {
    assert.ok(error instanceof UserError, error.stack);
    return error.message;
  }
  assert.fail(`accepted: ${argv.join(" ")}`);
}

test("without options, both comparisons run", () => {
  const options = parseArguments(["model.gguf"]);
  assert.deepEqual(options.models, ["model.gguf"]);
  assert.equal(options.correctness, true);
  assert.equal(options.speed, true);
  assert.equal(options.kvPrecision, "f32");
  assert.equal(options.numerics, "exact");
  assert.equal(options.rounds, 5);
  assert.match(options.reprise, /build\/release\/bin\/reprise$/);
});

test("one comparison may be asked for", () => {
  assert.equal(parseArguments(["m", "--speed"]).correctness, false);
  assert.equal(parseArguments(["m", "--correctness"]).speed, false);
});

test("values are read", () => {
  const options = parseArguments([
    "a",
    "b",
    "--precisions",
    "int8,f32,int8",
    "--prompt-ids",
    "1,2,30",
    "--new-tokens",
    "9",
    "--threads",
    "3",
    "--max-difference",
    "1e-3",
    "--flash-attention",
    "on",
    "--numerics",
    "fast",
  ]);
  assert.deepEqual(options.models, ["a", "b"]);
  assert.deepEqual(options.precisions, ["int8", "f32"]);
  assert.deepEqual(options.promptIds, [1, 2, 30]);
  assert.equal(options.newTokens, 9);
  assert.equal(options.threads, 3);
  assert.equal(options.maxDifference, 0.001);
  assert.equal(options.flashAttention, "on");
  assert.equal(options.numerics, "fast");
});

test("help needs no model, and names every option", () => {
  assert.deepEqual(parseArguments(["--help"]), { help: true });
  for (const name of [
    "precisions",
    "prompt-tokens",
    "prompt-ids",
    "new-tokens",
    "threads",
    "kv-precision",
    "rounds",
    "numerics",
    "flash-attention",
    "top",
    "max-difference",
    "reprise",
    "cache",
    "json",
    "correctness",
    "speed",
  ]) {
    assert.ok(kHelp.includes(`--${name} `), name);
  }
});

test("what is wrong is named with what was expected and found", () => {
  assert.match(refusal(), /^MODEL: expected .* found none/);
  assert.match(refusal("m", "--frobnicate"), /--frobnicate/);
  assert.equal(refusal("m", "--rounds", "0"), "--rounds: expected a whole number of at least 1, found 0");
  assert.equal(
    refusal("m", "--threads", "two"),
    "--threads: expected a whole number of at least 1, found two",
  );
  assert.equal(refusal("m", "--top", "1.5"), "--top: expected a whole number of at least 1, found 1.5");
  assert.equal(refusal("m", "--kv-precision", "int4"), "--kv-precision: expected f32, f16, bf16, found int4");
  assert.equal(refusal("m", "--numerics", "loose"), "--numerics: expected exact, fast, found loose");
  assert.equal(
    refusal("m", "--precisions", "f32,q5"),
    "--precisions: expected a list of f32, f16, bf16, int8, int4, found q5",
  );
  assert.equal(
    refusal("m", "--prompt-ids", "1,-2"),
    "--prompt-ids: expected token ids, as 1,2,3, found 1,-2",
  );
  assert.equal(
    refusal("m", "--max-difference", "small"),
    "--max-difference: expected a number above 0, found small",
  );
});

test("what does not go together is refused", () => {
  assert.match(refusal("m", "--prompt-ids", "1", "--prompt-tokens", "2"), /found both$/);
  assert.match(refusal("m", "--speed", "--new-tokens", "1"), /^--new-tokens: expected at least 2/);
  assert.match(refusal("m", "--speed", "--prompt-ids", "5"), /^--prompt-ids: expected at least 2 ids/);
  assert.match(
    refusal("m", "--correctness", "--flash-attention", "fastest"),
    /^--flash-attention: expected off or on/,
  );
  assert.equal(parseArguments(["m", "--correctness", "--new-tokens", "1", "--prompt-ids", "5"]).newTokens, 1);
});
