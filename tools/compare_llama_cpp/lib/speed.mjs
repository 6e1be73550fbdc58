/// How fast are both engines on the same work? Alternating runs, each in a new process.
import { compareRates, repriseFirst } from "./statistics.mjs";

/// Whether llama.cpp's flash attention is on: as asked for, or as the faster of one run with and one without.
async function chooseFlashAttention(llama, work, mode) {
  if (mode !== "fastest") {
    return mode === "on";
  }
  const seconds = async (flashAttention) => {
    const { promptSeconds, decodeSeconds } = await llama.time({ ...work, flashAttention });
    return promptSeconds + decodeSeconds;
  };
  return (await seconds(true)) < (await seconds(false));
}

/// {flashAttention, samples: {reprise, llamaCpp}: [{promptSeconds, decodeSeconds}] in the order of rounds,
/// prefill, decode}; the last two as compareRates() has them, in tokens/s. `settings`: {promptIds, nNew,
/// rounds, flashAttention}; the first of promptIds is an untimed call of its own, nNew is at least 2.
export async function measureSpeed({ reprise, llama, file, settings, onProgress = () => {} }) {
  const { promptIds, nNew, rounds } = settings;
  const work = { file, promptIds, nNew };
  onProgress("trying llama.cpp's attentions");
  const flashAttention = await chooseFlashAttention(llama, work, settings.flashAttention);
  const samples = { reprise: [], llamaCpp: [] };
  const turns = {
    reprise: async () => samples.reprise.push(await reprise.time(work)),
    llamaCpp: async () => samples.llamaCpp.push(await llama.time({ ...work, flashAttention })),
  };
  for (let round = 0; round < rounds; ++round) {
    onProgress(`round ${round + 1} of ${rounds}`);
    for (const turn of repriseFirst(round) ? ["reprise", "llamaCpp"] : ["llamaCpp", "reprise"]) {
      await turns[turn]();
    }
  }
  const rates = (engine, of) => samples[engine].map(of);
  const compare = (of) => compareRates(rates("reprise", of), rates("llamaCpp", of));
  return {
    flashAttention,
    samples,
    prefill: compare(({ promptSeconds }) => (promptIds.length - 1) / promptSeconds),
    decode: compare(({ decodeSeconds }) => (nNew - 1) / decodeSeconds),
  };
}
