import assert from "node:assert/strict";
import { test } from "node:test";

import { measureSpeed } from "../lib/speed.mjs";

/// Engines that take the seconds they are told, and write down who ran.
function fakes({ withFlash = 1, withoutFlash = 2 } = {}) {
  const log = [];
  const reprise = {
    time: async () => {
      log.push("reprise");
      return { promptSeconds: 1, decodeSeconds: log.length };
    },
  };
  const llama = {
    time: async ({ flashAttention }) => {
      log.push(flashAttention ? "flash" : "plain");
      return { promptSeconds: flashAttention ? withFlash : withoutFlash, decodeSeconds: 1 };
    },
  };
  return { log, reprise, llama };
}

const settings = { promptIds: [1, 2, 3, 4, 5], nNew: 3, rounds: 4, flashAttention: "off" };

test("rounds alternate", async () => {
  const { log, ...engines } = fakes();
  await measureSpeed({ ...engines, file: "f", settings });
  assert.deepEqual(log, ["reprise", "plain", "plain", "reprise", "plain", "reprise", "reprise", "plain"]);
});

test("the untimed first prompt id and the first new token do not count as work", async () => {
  const { log, ...engines } = fakes();
  const result = await measureSpeed({ ...engines, file: "f", settings });
  assert.equal(result.prefill.reprise, 4); // 4 ids in 1 s
  assert.equal(result.prefill.llamaCpp, 2); // 4 ids in 2 s
  assert.equal(result.prefill.ratio, 2);
  assert.equal(result.decode.llamaCpp, 2); // 2 tokens in 1 s
  assert.deepEqual(
    result.samples.reprise.map((sample) => sample.decodeSeconds),
    [1, 4, 6, 7],
  );
});

test("llama.cpp runs with the faster of its attentions", async () => {
  for (const [times, expected] of [
    [{ withFlash: 1, withoutFlash: 2 }, true],
    [{ withFlash: 3, withoutFlash: 2 }, false],
  ]) {
    const { log, ...engines } = fakes(times);
    const result = await measureSpeed({
      ...engines,
      file: "f",
      settings: { ...settings, flashAttention: "fastest" },
    });
    assert.equal(result.flashAttention, expected);
    assert.deepEqual(log.slice(0, 2), ["flash", "plain"]);
    assert.ok(!log.slice(2).includes(expected ? "plain" : "flash"));
  }
});
