/// One llama.cpp run in a process of its own: JSON request on standard input, JSON answer on standard output.
///
/// It calls node-llama-cpp's native addon without its JavaScript, so that between the clock and llama_decode
/// there is one hop to a worker thread and back, nothing else. What the addon's calls do:
///   initBatch, addToBatch  llama_batch_init and one entry for each token
///   decodeBatch            llama_decode, llama_synchronize
///   sampleToken            copies the logits into candidates, then llama_sampler_apply (greedy)
/// Source: node-llama-cpp 3.22.1, dist/bindings/AddonTypes.d.ts and llama/addon (MIT).
///
/// Request: {libraries, file, threads, kvPrecision, flashAttention, promptIds} and either
///   forcedIds, watch, top: score. Feeds the prompt, then forcedIds, whatever llama.cpp would choose.
///     Answer: {steps: [{id, top: [[id, logprob] x K], watched: [logprob of each id in watch[step]]}]}
///   nNew: time. The first prompt id is an untimed call; then the rest of the prompt and nNew greedy tokens
///     are timed. Answer: {promptSeconds, decodeSeconds, ids}
/// Both answers carry systemInfo. Errors go to standard error as one line; exit code 1.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const kGgmlType = { f32: 0, f16: 1, bf16: 30 };
const kMaxBatch = 512; // llama.cpp's own default for n_ubatch
const kErrorLogLevel = 2;

class LlamaCpp {
  static async load(request) {
    const addon = createRequire(import.meta.url)(path.join(request.libraries, "llama-addon.node"));
    const complaints = [];
    addon.setLogger((_level, message) => complaints.push(message.trim()));
    addon.setLoggerLogLevel(kErrorLogLevel);
    addon.loadBackends();
    addon.loadBackends(request.libraries); // ggml picks the variant that suits this CPU best
    await addon.init();
    const refuse = async (what) => {
      await new Promise((resolve) => setTimeout(resolve, 50)); // log lines arrive from another thread
      throw new Error(
        `${request.file}: expected llama.cpp to ${what}, found ${complaints.join("; ") || "a refusal"}`,
      );
    };
    const model = new addon.AddonModel(request.file, { addonExports: addon, gpuLayers: 0, useMmap: true });
    if (!(await model.init())) {
      await refuse("load it");
    }
    const nTokens = request.promptIds.length + (request.forcedIds?.length ?? request.nNew);
    const context = new addon.AddonContext(model, {
      contextSize: Math.ceil(nTokens / 256) * 256, // llama.cpp pads its KV cache to this multiple
      batchSize: kMaxBatch,
      sequences: 1,
      threads: request.threads,
      flashAttention: request.flashAttention,
      kvCacheKeyType: kGgmlType[request.kvPrecision],
      kvCacheValueType: kGgmlType[request.kvPrecision],
    });
    if (!(await context.init())) {
      await refuse("create a context");
    }
    const sampler = new addon.AddonSampler(model);
    sampler.applyConfig({ temperature: 0 });
    return new LlamaCpp(addon, context, sampler);
  }

  constructor(addon, context, sampler) {
    this.addon = addon;
    this.context = context;
    this.sampler = sampler;
    this.nCached = 0;
  }

  /// Appends `ids` to the KV cache; the index by which the last one's logits are known.
  async feed(ids) {
    let logitsIndex;
    for (let begin = 0; begin < ids.length; begin += kMaxBatch) {
      const chunk = Uint32Array.from(ids.slice(begin, begin + kMaxBatch));
      const last = begin + kMaxBatch >= ids.length;
      this.context.initBatch(chunk.length);
      const wanted = last ? Uint32Array.of(chunk.length - 1) : new Uint32Array(0);
      [logitsIndex] = this.context.addToBatch(0, this.nCached, chunk, wanted);
      await this.context.decodeBatch();
      this.nCached += chunk.length;
    }
    return logitsIndex;
  }

  async greedy(logitsIndex) {
    return this.context.sampleToken(logitsIndex, this.sampler);
  }

  /// {id, pairs}: the greedy choice, and [id, logit, id, logit, ...] of the whole vocabulary, best first.
  async greedyWithLogits(logitsIndex) {
    const [id, , , pairs] = await this.context.sampleToken(logitsIndex, this.sampler, false, false, true);
    return { id, pairs };
  }
}

/// A step's {top, watched}: natural logarithms of the softmax over all logits, in double precision.
function logProbabilities(pairs, top, watch) {
  const most = pairs[1];
  let sum = 0;
  const logits = new Map();
  for (let i = 0; i < pairs.length; i += 2) {
    sum += Math.exp(pairs[i + 1] - most);
    logits.set(pairs[i], pairs[i + 1]);
  }
  const logSumExp = most + Math.log(sum);
  const nTop = Math.min(top, pairs.length / 2);
  return {
    top: Array.from({ length: nTop }, (_, i) => [pairs[2 * i], pairs[2 * i + 1] - logSumExp]),
    watched: watch.map((id) => logits.get(id) - logSumExp),
  };
}

async function score(llama, { promptIds, forcedIds, watch, top }) {
  const steps = [];
  for (let i = 0; i < forcedIds.length; ++i) {
    const logitsIndex = await llama.feed(i === 0 ? promptIds : [forcedIds[i - 1]]);
    const { id, pairs } = await llama.greedyWithLogits(logitsIndex);
    steps.push({ id, ...logProbabilities(pairs, top, watch[i]) });
  }
  return { steps };
}

async function time(llama, { promptIds, nNew }) {
  await llama.greedy(await llama.feed(promptIds.slice(0, 1)));
  const prompt = promptIds.slice(1);
  const start = process.hrtime.bigint();
  const ids = [await llama.greedy(await llama.feed(prompt))];
  const first = process.hrtime.bigint();
  while (ids.length < nNew) {
    ids.push(await llama.greedy(await llama.feed([ids.at(-1)])));
  }
  const end = process.hrtime.bigint();
  return { promptSeconds: Number(first - start) * 1e-9, decodeSeconds: Number(end - first) * 1e-9, ids };
}

try {
  const request = JSON.parse(readFileSync(0, "utf8"));
  const llama = await LlamaCpp.load(request);
  const answer = await (request.forcedIds === undefined ? time : score)(llama, request);
  process.stdout.write(JSON.stringify({ systemInfo: llama.addon.systemInfo().trim(), ...answer }));
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
