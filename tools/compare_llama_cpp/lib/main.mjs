/// The program: arguments, llama.cpp's installation, one row after the other, tables.
import { accessSync, constants, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { kHelp, parseArguments } from "./arguments.mjs";
import { measureCorrectness } from "./correctness.mjs";
import { kOutputsDiffer, kPass, kUsageOrEnvironment, UserError } from "./errors.mjs";
import { installLlamaCpp } from "./install.mjs";
import { LlamaEngine } from "./llama_engine.mjs";
import { GgufFolder, ggufFiles } from "./models.mjs";
import { RepriseEngine } from "./reprise_engine.mjs";
import { measureSpeed } from "./speed.mjs";
import { randomIds } from "./statistics.mjs";
import { correctnessTable, speedTable } from "./tables.mjs";

const kDefaultLengths = { correctness: { prompt: 32, new: 64 }, speed: { prompt: 512, new: 128 } };

/// A line that says what is going on, on terminals only.
class Progress {
  show(text) {
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${text}`);
    }
  }
  clear() {
    this.show("");
  }
}

/// {promptIds, nNew} of a row. Default lengths shrink to what the model's context holds; lengths that were
/// asked for do not. For speed the prompt has one id more, the untimed one, unless it was given.
export function workFor(kind, options, header) {
  const nContext = header.nContext ?? Infinity;
  const nExtra = kind === "speed" && options.promptIds === undefined ? 1 : 0;
  const nNew =
    options.newTokens ?? Math.min(kDefaultLengths[kind].new, Math.max(2, Math.floor(nContext / 4)));
  const room = Math.max(1, nContext - nNew - nExtra);
  const nPrompt =
    options.promptIds?.length ?? options.promptTokens ?? Math.min(kDefaultLengths[kind].prompt, room);
  if (nPrompt + nExtra + nNew > nContext) {
    throw new UserError(
      `${header.label}: expected at most ${nContext} tokens (the context), found a prompt of ` +
        `${nPrompt + nExtra} and ${nNew} new ones; see --prompt-tokens and --new-tokens`,
    );
  }
  const promptIds = options.promptIds ?? randomIds(nPrompt + nExtra, header.nVocab);
  const outside = promptIds.find((id) => id >= header.nVocab);
  if (outside !== undefined) {
    throw new UserError(
      `--prompt-ids: expected ids below ${header.nVocab} for ${header.label}, found ${outside}`,
    );
  }
  return { promptIds, nNew };
}

async function correctnessRow({ label, precision, file, header }, options, engines) {
  const work = workFor("correctness", options, { ...header, label });
  const settings = { ...work, top: options.top, flashAttention: options.flashAttention === "on" };
  const row = await measureCorrectness({ ...engines, file, settings });
  return { label, precision, nPrompt: work.promptIds.length, ...row };
}

async function speedRow({ label, precision, file, header }, options, engines, onProgress) {
  const work = workFor("speed", options, { ...header, label });
  const flashAttention = options.flashAttention ?? "fastest";
  const settings = { ...work, rounds: options.rounds, flashAttention };
  const row = await measureSpeed({ ...engines, file, settings, onProgress });
  return { label, precision, nPrompt: work.promptIds.length - 1, nNew: work.nNew, ...row };
}

/// Runs every comparison that `options` asks for: {correctness: rows, speed: rows, problems}. What cannot be
/// compared is told in `problems` and does not keep others from being compared.
export async function compareAll({ options, reprise, llama, folder, progress }) {
  const results = { correctness: [], speed: [], problems: [] };
  const onProgress = (text) => progress.show(text);
  const { models, precisions } = options;
  for await (const made of ggufFiles({ models, precisions, reprise, folder, onProgress })) {
    const name = `${made.label} ${made.precision}`;
    try {
      if (made.problem !== undefined) {
        throw new UserError(made.problem);
      }
      if (options.correctness) {
        progress.show(`${name}: outputs`);
        results.correctness.push(await correctnessRow(made, options, { reprise, llama }));
      }
      if (options.speed) {
        const show = (text) => progress.show(`${name}: ${text}`);
        results.speed.push(await speedRow(made, options, { reprise, llama }, show));
      }
    } catch (error) {
      if (!(error instanceof UserError)) {
        throw error;
      }
      results.problems.push({ label: made.label, precision: made.precision, problem: error.message });
    }
  }
  return results;
}

function tables(options, results, about) {
  const { llamaCpp, machine } = about;
  const threads = `${options.threads} thread${options.threads === 1 ? "" : "s"}`;
  let text =
    `${about.reprise}\nllama.cpp ${llamaCpp.release} (${llamaCpp.package} ${llamaCpp.version})\n` +
    `${machine.cpu}, ${threads}, KV cache ${options.kvPrecision}, reprise's numerics ${options.numerics}\n`;
  if (results.correctness.length > 0) {
    text += `\n${correctnessTable(results.correctness)}`;
  }
  if (results.speed.length > 0) {
    text +=
      `\n${speedTable(results.speed)}\nTokens/s, medians of ${options.rounds} rounds; ratio: of them, ` +
      "above 1 reprise is faster; spread: smallest and largest ratio within one round.\n";
  }
  return text;
}

function publish(options, results, about) {
  if (options.json !== "-") {
    process.stdout.write(tables(options, results, about));
  }
  if (options.json !== undefined) {
    const { models, json, reprise, cache, ...settings } = options; // no paths of this machine
    const created = new Date().toISOString();
    const document = { schema: "reprise.compare_llama_cpp/1", created, ...about, settings, ...results };
    // JSON has no NaN: where an engine computed one, `worst` is null.
    writeFileSync(
      options.json === "-" ? process.stdout.fd : options.json,
      `${JSON.stringify(document, null, 2)}\n`,
    );
  }
}

/// Only f32 has a tolerance: with narrower weights, each engine rounds activations in its own way.
export function outputsDiffer(rows, maxDifference) {
  const checked = rows.filter(({ precision }) => precision === "f32");
  return maxDifference !== undefined && checked.some(({ worst }) => !(worst <= maxDifference));
}

/// A warning where other work will spoil speeds, else undefined. llama.cpp's threads wait for each other by
/// spinning: with fewer free cores than threads, one preemption stalls all of them.
export function busyWarning(load, nCores) {
  return load > 0.25 * nCores
    ? `warning: other programs keep this machine busy (load ${load.toFixed(1)} on ${nCores} cores): ` +
        "speeds will mean little\n"
    : undefined;
}

async function run(options) {
  const warning = options.speed ? busyWarning(os.loadavg()[0], os.availableParallelism()) : undefined;
  process.stderr.write(warning ?? "");
  if (options.json !== undefined && options.json !== "-") {
    accessSync(path.dirname(path.resolve(options.json)), constants.W_OK); // rather now than after the runs
  }
  const progress = new Progress();
  const folder = new GgufFolder(options.cache);
  const interrupted = () => {
    folder.remove();
    process.exit(130);
  };
  process.once("SIGINT", interrupted);
  try {
    const { threads, kvPrecision, numerics } = options;
    const program = path.resolve(options.reprise);
    const reprise = new RepriseEngine({ program, threads, kvPrecision, numerics });
    const repriseVersion = await reprise.version();
    const llamaCpp = await installLlamaCpp({ onInstall: (text) => process.stderr.write(`${text}\n`) });
    const llama = new LlamaEngine({ libraries: llamaCpp.folder, threads, kvPrecision });
    const results = await compareAll({ options, reprise, llama, folder, progress });
    const { folder: _, ...identity } = llamaCpp;
    const about = {
      reprise: repriseVersion,
      llamaCpp: { ...identity, systemInfo: llama.systemInfo },
      machine: {
        cpu: os.cpus()[0]?.model ?? "unknown CPU",
        cores: os.availableParallelism(),
        os: `${os.type()} ${os.release()}`,
      },
    };
    progress.clear();
    publish(options, results, about);
    for (const { label, precision, problem } of results.problems) {
      process.stderr.write(`error: ${label} ${precision}: ${problem}\n`);
    }
    if (results.problems.length > 0) {
      return kUsageOrEnvironment;
    }
    return outputsDiffer(results.correctness, options.maxDifference) ? kOutputsDiffer : kPass;
  } finally {
    progress.clear();
    process.removeListener("SIGINT", interrupted);
    folder.remove();
  }
}

/// The exit code. What the user can mend is one line on standard error; anything else is this tool's defect
/// and throws.
export async function main(argv) {
  try {
    const options = parseArguments(argv);
    if (options.help) {
      process.stdout.write(kHelp);
      return kPass;
    }
    return await run(options);
  } catch (error) {
    if (error instanceof UserError || error.syscall !== undefined) {
      process.stderr.write(`error: ${error.message}\n`);
      return kUsageOrEnvironment;
    }
    throw error;
  }
}
