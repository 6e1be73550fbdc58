import assert from "node:assert/strict";
import { test } from "node:test";

import { compareRates, median, randomIds, repriseFirst } from "../lib/statistics.mjs";

test("medians of odd and even numbers of values, in any order", () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([10, 9, 1, 2]), 5.5); // as numbers, not as text
  assert.equal(median([3]), 3);
});

test("the ratio is of the medians, its spread of the rounds", () => {
  const result = compareRates([10, 30, 20], [10, 10, 40]);
  assert.equal(result.reprise, 20);
  assert.equal(result.llamaCpp, 10);
  assert.equal(result.ratio, 2);
  assert.equal(result.ratioMin, 0.5);
  assert.equal(result.ratioMax, 3);
});

test("turns alternate A B B A", () => {
  const order = [0, 1, 2, 3, 4, 5].map((round) => (repriseFirst(round) ? "AB" : "BA")).join("");
  assert.equal(order, "ABBABAABABBA");
});

test("prompt ids are those of the documented generator", () => {
  // 48271 x 1, then 48271^2 = 2330089441 = 1 x 2147483647 + 182605794, each over 2^31 - 1 and times 1000.
  assert.deepEqual(randomIds(2, 1000), [0, 85]);
  const ids = randomIds(5000, 300);
  assert.ok(Math.min(...ids) >= 0 && Math.max(...ids) < 300);
  assert.equal(new Set(ids).size, 300);
  assert.deepEqual(randomIds(5000, 300), ids);
});
