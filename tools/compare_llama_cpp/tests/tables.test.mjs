import assert from "node:assert/strict";
import { test } from "node:test";

import { correctnessTable, speedTable } from "../lib/tables.mjs";

test("outputs", () => {
  const row = {
    label: "tiny",
    precision: "f32",
    nPrompt: 32,
    nSteps: 64,
    nEqual: 64,
    firstDivergence: null,
    margin: null,
    worst: 0.0000123,
    worstIsBound: false,
  };
  const other = {
    ...row,
    precision: "int4",
    nEqual: 9,
    firstDivergence: 9,
    margin: 0.004,
    worst: 0.5,
    worstIsBound: true,
  };
  assert.equal(
    correctnessTable([row, other, { ...other, margin: null }]),
    `\
| model | weights | prompt | equal greedy ids |        first divergence | worst log-probability difference |
| ----- | ------- | -----: | ---------------: | ----------------------: | -------------------------------: |
| tiny  | f32     |     32 |         64 of 64 |                    none |                           1.2e-5 |
| tiny  | int4    |     32 |          9 of 64 | token 9 (margin 4.0e-3) |                  at least 5.0e-1 |
| tiny  | int4    |     32 |          9 of 64 |                 token 9 |                  at least 5.0e-1 |
`,
  );
});

test("speed", () => {
  const rates = { reprise: 12.345, llamaCpp: 23456.7, ratio: 0.5, ratioMin: 0.404, ratioMax: 0.6 };
  const row = {
    label: "m",
    precision: "bf16",
    nPrompt: 512,
    nNew: 128,
    flashAttention: false,
    prefill: rates,
    decode: rates,
  };
  assert.equal(
    speedTable([row]),
    `\
| model | weights | prompt + new | flash | prefill: reprise | llama.cpp |      ratio (spread) | decode: reprise | llama.cpp |      ratio (spread) |
| ----- | ------- | -----------: | ----- | ---------------: | --------: | ------------------: | --------------: | --------: | ------------------: |
| m     | bf16    |    512 + 128 | off   |            12.35 |     23457 | 0.50 (0.40 to 0.60) |           12.35 |     23457 | 0.50 (0.40 to 0.60) |
`,
  );
});
