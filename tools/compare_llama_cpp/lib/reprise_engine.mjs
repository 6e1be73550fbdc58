/// The `reprise` program as an engine of the comparison: each call is one process of `reprise generate`.
import { accessSync, constants } from "node:fs";

import { tail, UserError } from "./errors.mjs";
import { endOf, runProgram } from "./program.mjs";

export class RepriseEngine {
  constructor({ program, threads, kvPrecision, numerics = "exact" }) {
    this.program = program;
    this.placement = ["--backend", "cpu", "--threads", `${threads}`, "--kv-precision", kvPrecision];
    if (numerics !== "exact") {
      this.placement.push("--numerics", numerics);
    }
  }

  /// The program's line about itself. Errors: UserError, with how to build it, where there is none.
  async version() {
    try {
      accessSync(this.program, constants.X_OK);
    } catch {
      throw new UserError(
        `${this.program}: expected the reprise program, found none; build it with ` +
          "`cmake --preset release && cmake --build build/release --target reprise`, or see --reprise",
      );
    }
    return (await this.run(["--version"])).trim();
  }

  /// Writes `out`: a GGUF file of `model` (a Hugging Face folder, .gguf file or synthetic:NAME).
  async writeGguf(model, out, precision) {
    const synthetic = /^synthetic:(.+)$/.exec(model);
    const source = synthetic === null ? ["convert", model] : ["synthesize", synthetic[1]];
    await this.run(["model", ...source, out, "--precision", precision]);
  }

  /// Greedy: {ids, top}, top[step] being the K likeliest [id, logprob], best first.
  async generate({ file, promptIds, nNew, top }) {
    const { generated_ids: ids, logprobs } = await this.call(file, promptIds, nNew, ["--logprobs", `${top}`]);
    const consistent = logprobs?.length === ids.length && logprobs.every((step, i) => step.id === ids[i]);
    if (!consistent) {
      throw new UserError(
        `${this.program}: logprobs: expected one entry for each of ${ids.length} tokens, found others`,
      );
    }
    return { ids, top: logprobs.map((step) => step.top) };
  }

  /// {promptSeconds, decodeSeconds} of promptIds after the first, and of nNew - 1 tokens after the first. The
  /// first prompt id is an untimed call of its own (--cached 1).
  async time({ file, promptIds, nNew }) {
    const { metrics } = await this.call(file, promptIds, nNew, ["--cached", "1"]);
    if (metrics.n_prompt_processed !== promptIds.length - 1) {
      throw new UserError(
        `${this.program}: n_prompt_processed: expected ${promptIds.length - 1}, found ` +
          `${metrics.n_prompt_processed}`,
      );
    }
    const promptSeconds = metrics.time_to_first_token_seconds;
    return { promptSeconds, decodeSeconds: metrics.total_seconds - promptSeconds };
  }

  async call(file, promptIds, nNew, more) {
    const request = ["--prompt-ids", promptIds.join(","), "--max-new-tokens", `${nNew}`, "--ignore-eos"];
    const text = await this.run(["generate", file, ...request, "--json", ...this.placement, ...more]);
    let answer;
    try {
      answer = JSON.parse(text);
    } catch (error) {
      throw new UserError(`${this.program}: generate --json: expected JSON, found ${error.message}`);
    }
    if (answer.generated_ids?.length !== nNew) {
      throw new UserError(`${file}: reprise: expected ${nNew} tokens, found ${answer.generated_ids?.length}`);
    }
    return answer;
  }

  async run(args) {
    const result = await runProgram(this.program, args);
    if (result.code !== 0) {
      const problem = tail(result.stderr).replace(/^reprise: /, "");
      throw new UserError(`reprise ${args[0]}: ${problem || `expected exit code 0, found ${endOf(result)}`}`);
    }
    return result.stdout;
  }
}
