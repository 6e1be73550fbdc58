/// llama.cpp as an engine of the comparison: each call is one process of llama_worker.mjs.
import path from "node:path";
import { fileURLToPath } from "node:url";

import { tail, UserError } from "./errors.mjs";
import { endOf, runProgram } from "./program.mjs";

const kWorker = path.join(path.dirname(fileURLToPath(import.meta.url)), "llama_worker.mjs");

export class LlamaEngine {
  /// `libraries`: the folder that installLlamaCpp() names.
  constructor({ libraries, threads, kvPrecision, worker = kWorker }) {
    this.settings = { libraries, threads, kvPrecision };
    this.worker = worker;
    this.systemInfo = null; // ggml's list of instruction sets, known after the first call
  }

  /// What llama.cpp thinks of the ids that another engine chose; see llama_worker.mjs.
  async score({ file, promptIds, forcedIds, watch, top, flashAttention }) {
    const { steps } = await this.run({ file, promptIds, forcedIds, watch, top, flashAttention });
    return steps;
  }

  /// {promptSeconds, decodeSeconds} of promptIds after the first, and of nNew - 1 tokens after the first.
  async time({ file, promptIds, nNew, flashAttention }) {
    return this.run({ file, promptIds, nNew, flashAttention });
  }

  async run(request) {
    const input = JSON.stringify({ ...this.settings, ...request });
    const result = await runProgram(process.execPath, [this.worker], { input });
    if (result.code !== 0) {
      throw new UserError(
        `llama.cpp: ${tail(result.stderr) || `expected an answer, found ${endOf(result)}`}`,
      );
    }
    const answer = JSON.parse(result.stdout);
    this.systemInfo = answer.systemInfo;
    return answer;
  }
}
