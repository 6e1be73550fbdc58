/// The command line, checked: no file is opened and nothing is started here.
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { UserError } from "./errors.mjs";

const kPrecisions = ["f32", "f16", "bf16", "int8", "int4"];
const kKvPrecisions = ["f32", "f16", "bf16"];
const kNumerics = ["exact", "fast"];
const kFlashAttention = ["off", "on", "fastest"];

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const kDefaultReprise = path.join(root, "build/release/bin/reprise");

export const kHelp = `Runs reprise and a prebuilt llama.cpp in turn: one GGUF file, same prompt ids, same threads.

Usage: tools/compare_llama_cpp/compare MODEL... [options]

MODEL: a .gguf file, a Hugging Face folder, or synthetic:NAME. The last two are turned into GGUF files by
reprise, one for each precision; a .gguf file is taken as it is, unless --precisions is given.

  --correctness            Only compare outputs           --speed   Only compare speed (default: both)
  --precisions LIST        of ${kPrecisions.join(", ")} (default f32,bf16,int8,int4)
  --prompt-tokens N        Random prompt ids from a fixed seed (default 32 for outputs, 512 for speed)
  --prompt-ids 1,2,3       This prompt instead
  --new-tokens N           Tokens to generate (default 64 for outputs, 128 for speed)
  --threads N              Of both engines (default: all, ${os.availableParallelism()} here)
  --kv-precision P         Of both KV caches: ${kKvPrecisions.join(" | ")} (default f32)
  --numerics MODE          Of reprise: ${kNumerics.join(" | ")} (default exact)
  --flash-attention MODE   llama.cpp's attention: off | on | fastest (default: outputs off, speed fastest)
  --rounds N               Timed runs of each engine (default 5)
  --top K                  Likeliest tokens compared at each step (default 64)
  --max-difference D       Exit with 3 if an f32 row's log-probabilities differ by more
  --reprise PROGRAM        Default: build/release/bin/reprise of this project
  --cache DIR              Keep GGUF files here and use them again (default: a temporary folder)
  --json FILE              Write everything, with all raw samples ("-": standard output, without the tables)

Exit codes: 0 pass, 3 outputs differ (--max-difference), 4 usage or environment.

Examples:
  tools/compare_llama_cpp/compare --correctness stories260K.gguf ~/models/Qwen3-0.6B
  tools/compare_llama_cpp/compare --speed synthetic:qwen3-0.6b --precisions int8 --threads 4
`;

const kOptions = {
  help: { type: "boolean", short: "h" },
  correctness: { type: "boolean" },
  speed: { type: "boolean" },
  precisions: { type: "string" },
  "prompt-tokens": { type: "string" },
  "prompt-ids": { type: "string" },
  "new-tokens": { type: "string" },
  threads: { type: "string" },
  "kv-precision": { type: "string" },
  numerics: { type: "string" },
  "flash-attention": { type: "string" },
  rounds: { type: "string" },
  top: { type: "string" },
  "max-difference": { type: "string" },
  reprise: { type: "string" },
  cache: { type: "string" },
  json: { type: "string" },
};

function wholeNumber(values, name, fallback, least) {
  const text = values[name];
  if (text === undefined) {
    return fallback;
  }
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : NaN;
  if (!(number >= least)) {
    throw new UserError(`--${name}: expected a whole number of at least ${least}, found ${text}`);
  }
  return number;
}

function oneOf(values, name, allowed, fallback) {
  const text = values[name] ?? fallback;
  if (text !== undefined && !allowed.includes(text)) {
    throw new UserError(`--${name}: expected ${allowed.join(", ")}, found ${text}`);
  }
  return text;
}

function precisionsOf(text) {
  if (text === undefined) {
    return undefined;
  }
  const list = text.split(",");
  for (const precision of list) {
    if (!kPrecisions.includes(precision)) {
      throw new UserError(`--precisions: expected a list of ${kPrecisions.join(", ")}, found ${precision}`);
    }
  }
  return [...new Set(list)];
}

function idsOf(text) {
  if (text === undefined) {
    return undefined;
  }
  return text.split(",").map((id) => {
    if (!/^[0-9]{1,9}$/.test(id)) {
      throw new UserError(`--prompt-ids: expected token ids, as 1,2,3, found ${text}`);
    }
    return Number(id);
  });
}

function positiveNumber(values, name) {
  const number = values[name] === undefined ? undefined : Number(values[name]);
  if (number !== undefined && !(number > 0)) {
    throw new UserError(`--${name}: expected a number above 0, found ${values[name]}`);
  }
  return number;
}

/// {help: true}, or {models, correctness, speed, precisions, promptTokens, promptIds, newTokens, threads,
/// kvPrecision, numerics, flashAttention, rounds, top, maxDifference, reprise, cache, json}; what was not given
/// and has no single default is undefined. Errors: UserError naming the option, what it expects and what it found.
export function parseArguments(argv) {
  let parsed;
  try {
    parsed = parseArgs({ args: argv, options: kOptions, allowPositionals: true });
  } catch (error) {
    throw new UserError(`${error.message.split("\n")[0]} (--help lists the options)`);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    return { help: true };
  }
  if (positionals.length === 0) {
    throw new UserError(
      "MODEL: expected a .gguf file, a Hugging Face folder or synthetic:NAME, found none; see --help",
    );
  }
  if (values["prompt-ids"] !== undefined && values["prompt-tokens"] !== undefined) {
    throw new UserError("--prompt-tokens: expected no --prompt-ids beside it, found both");
  }
  const both = Boolean(values.correctness) === Boolean(values.speed);
  const parsedArguments = {
    models: positionals,
    correctness: both || Boolean(values.correctness),
    speed: both || Boolean(values.speed),
    precisions: precisionsOf(values.precisions),
    promptTokens: wholeNumber(values, "prompt-tokens", undefined, 1),
    promptIds: idsOf(values["prompt-ids"]),
    newTokens: wholeNumber(values, "new-tokens", undefined, 1),
    threads: wholeNumber(values, "threads", os.availableParallelism(), 1),
    kvPrecision: oneOf(values, "kv-precision", kKvPrecisions, "f32"),
    numerics: oneOf(values, "numerics", kNumerics, "exact"),
    flashAttention: oneOf(values, "flash-attention", kFlashAttention, undefined),
    rounds: wholeNumber(values, "rounds", 5, 1),
    top: wholeNumber(values, "top", 64, 1),
    maxDifference: positiveNumber(values, "max-difference"),
    reprise: values.reprise ?? kDefaultReprise,
    cache: values.cache,
    json: values.json,
  };
  if (parsedArguments.speed && parsedArguments.newTokens === 1) {
    throw new UserError(
      "--new-tokens: expected at least 2 for --speed (the first one ends the prefill), found 1",
    );
  }
  if (parsedArguments.speed && parsedArguments.promptIds?.length === 1) {
    throw new UserError(
      "--prompt-ids: expected at least 2 ids for --speed (the first one is the warm-up), found 1",
    );
  }
  if (!parsedArguments.speed && parsedArguments.flashAttention === "fastest") {
    throw new UserError("--flash-attention: expected off or on for --correctness, found fastest");
  }
  return parsedArguments;
}
