import assert from "node:assert/strict";
import { test } from "node:test";

import { compareSteps } from "../lib/correctness.mjs";

const near = (actual, expected) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

/// Two steps that agree but for 0.001 in the second one.
function agreeing() {
  return {
    reprise: {
      ids: [3, 4],
      top: [
        [
          [3, -0.5],
          [9, -1],
        ],
        [
          [4, -0.25],
          [9, -2],
        ],
      ],
    },
    llama: [
      {
        id: 3,
        top: [
          [3, -0.5],
          [9, -1],
        ],
        watched: [-0.5, -1],
      },
      {
        id: 4,
        top: [
          [4, -0.25],
          [9, -2.001],
        ],
        watched: [-0.25, -2.001],
      },
    ],
  };
}

test("equal ids, and the largest difference with its step", () => {
  const { reprise, llama } = agreeing();
  const row = compareSteps(reprise, llama);
  assert.equal(row.nSteps, 2);
  assert.equal(row.nEqual, 2);
  assert.equal(row.firstDivergence, null);
  assert.equal(row.worstStep, 1);
  assert.equal(row.worstIsBound, false);
  near(row.worst, 0.001);
});

test("the first divergence, and by how much llama.cpp prefers its own choice", () => {
  const { reprise, llama } = agreeing();
  llama[0] = {
    id: 9,
    top: [
      [9, -0.7],
      [3, -0.75],
    ],
    watched: [-0.75, -0.7],
  };
  llama[1].id = 9;
  const row = compareSteps(reprise, llama);
  assert.equal(row.nEqual, 0);
  assert.equal(row.firstDivergence, 0);
  near(row.margin, 0.05);
  near(row.worst, 0.3);
});

test("an id that only llama.cpp finds likely counts as a lower bound", () => {
  const { reprise, llama } = agreeing();
  llama[0].top = [
    [5, -0.4],
    [3, -0.5],
  ]; // reprise gives 5 at most the -1 of its last one
  const row = compareSteps(reprise, llama);
  near(row.worst, 0.6);
  assert.equal(row.worstIsBound, true);
});

test("an unlisted id below reprise's least likely one says nothing", () => {
  const { reprise, llama } = agreeing();
  llama[0].top = [
    [3, -0.5],
    [5, -1.5],
  ];
  near(compareSteps(reprise, llama).worst, 0.001);
});

test("not a number is the worst difference, wherever it stands", () => {
  for (const step of [0, 1]) {
    const { reprise, llama } = agreeing();
    llama[step].watched[0] = NaN;
    const row = compareSteps(reprise, llama);
    assert.ok(Number.isNaN(row.worst));
    assert.equal(row.worstStep, step);
  }
});
