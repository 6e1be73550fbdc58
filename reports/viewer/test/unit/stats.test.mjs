import assert from 'node:assert/strict';
import {test} from 'node:test';
import {bandwidth, binned, density, paddedExtent} from '../../src/stats/density.js';
import {judged, referenceFor, sameBits, speedOf} from '../../src/stats/equal_work.js';
import {cachePairs, latencyByPosition, latencyLine} from '../../src/stats/latency.js';
import {extent, median, quantileOfSorted} from '../../src/stats/quantile.js';
import {beyondFences, evenly, inGroups, jitter} from '../../src/stats/spread.js';
import {theilSen} from '../../src/stats/theil_sen.js';
import {readReport} from '../../src/read/report.js';
import {generator, makeReport, makeRow} from '../support/documents.mjs';

const rowsOf = (...rows) => readReport(makeReport(rows)).rows;

test('quantiles are linear between neighbours, and none of nothing', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(quantileOfSorted([0, 10], 0.25), 2.5);
  assert.equal(median([]), null);
});

test('extents of 200,000 values do not overflow the stack', () => {
  assert.deepEqual(extent(Float64Array.from({length: 200_000}, (_, i) => i)), [0, 199_999]);
  assert.equal(extent([]), null);
});

test('Theil-Sen finds the line although a quarter of the points are wild', () => {
  const points = Array.from({length: 40}, (_, x) => ({x, y: x % 4 === 0 ? 1000 * x : 5 + 2 * x}));
  const {slope, intercept} = theilSen(points);
  assert.ok(Math.abs(slope - 2) < 0.2, `slope ${slope}`);
  assert.ok(Math.abs(intercept - 5) < 3, `intercept ${intercept}`);
});

test('Theil-Sen of points on a line is that line, also when they are thinned', () => {
  const {slope, intercept} = theilSen(Array.from({length: 3000}, (_, x) => ({x, y: 7 - 0.5 * x})));
  assert.ok(Math.abs(slope + 0.5) < 1e-9 && Math.abs(intercept - 7) < 1e-6);
});

test('Theil-Sen of too few points or of one position is nothing', () => {
  assert.equal(theilSen([{x: 0, y: 0}, {x: 1, y: 1}]), null);
  assert.equal(theilSen([{x: 1, y: 0}, {x: 1, y: 1}, {x: 1, y: 2}]), null);
});

test('bins keep every sample, those at and beyond the ends too', () => {
  const bins = binned([0, 0.5, 1, 5, -3], 0, 1, 4);
  assert.deepEqual(bins.map(({count}) => count), [2, 0, 1, 2]);
});

test('a density integrates to one and one far outlier does not widen its kernel', () => {
  const random = generator(1);
  const samples = Array.from({length: 500}, () => 1 + 0.1 * (random() + random()));
  const [low, high] = paddedExtent(samples, 0.3);
  const curve = density(samples, low, high, 200);
  const area = curve.reduce((sum, point) => sum + point.density, 0) * ((high - low) / 199);
  assert.ok(Math.abs(area - 1) < 0.02, `area ${area}`);
  assert.ok(bandwidth([...samples, 1000]) < 2 * bandwidth(samples));
});

test('equal or few samples have no density', () => {
  assert.equal(density([1, 1, 1, 1, 1, 1], 0.9, 1.1), null);
  assert.equal(density([1, 2, 3], 0, 4), null);
});

test('groups of neighbours cover every run once', () => {
  const samples = Array.from({length: 10_001}, (_, i) => i);
  const groups = inGroups(samples, 700);
  assert.ok(groups.length <= 700);
  assert.equal(groups[0].first, 0);
  assert.equal(groups.at(-1).last, 10_000);
  groups.slice(1).forEach((group, i) => assert.equal(group.first, groups[i].last + 1));
});

test('outliers lie outside of the fences that the report states; without fences there are none', () => {
  assert.deepEqual(beyondFences([1, 5, 2, 0], [1, 2]), [1, 3]);
  assert.deepEqual(beyondFences([1, 5], null), []);
});

test('thinning keeps the first and never exceeds its limit', () => {
  const few = evenly(Array.from({length: 1001}, (_, i) => i), 100);
  assert.equal(few.length, 100);
  assert.equal(few[0], 0);
  assert.ok(Array.from({length: 50}, (_, i) => jitter(i)).every((value) => value >= 0 && value < 1));
});

test('latency by position leaves the first token out and counts positions from the context', () => {
  const [row] = rowsOf({...makeRow(), samples: {total_seconds: [1, 1], token_seconds: [[9, 1, 2], [9, 3]], warmup_total_seconds: []}});
  assert.deepEqual(latencyByPosition(row).map(({position, seconds, runs}) => [position, seconds, runs]), [[51, 2, 2], [52, 2, 1]]);
});

test('the fitted slope without the cache is that of the samples', () => {
  const tokens = [1, ...Array.from({length: 30}, (_, i) => 0.001 + 2e-5 * i)];
  const [row] = rowsOf({...makeRow({kv: false}), samples: {total_seconds: [1], token_seconds: [tokens], warmup_total_seconds: []}});
  assert.ok(Math.abs(latencyLine(latencyByPosition(row)).slope - 2e-5) < 1e-9);
});

test('rows that differ in the KV cache alone are pairs, others are not', () => {
  const rows = rowsOf(makeRow({kv: true}), makeRow({kv: false}), makeRow({kv: false, precision: 'bf16'}), makeRow({kv: true}));
  const pairs = cachePairs(rows).map(({on, off}) => [on?.index ?? null, off?.index ?? null]);
  assert.deepEqual(pairs, [[0, 1], [null, 2], [3, null]]);
});

test('a faster row with other bits is marked in its speed and its verdict', () => {
  const rows = rowsOf(makeRow(), makeRow({index: 1, verdict: 'within_tolerance', precision: 'bf16'}), makeRow({index: 2, verdict: 'differs'}));
  const speed = speedOf(rows[1], referenceFor(rows, 'first')(rows[1]));
  assert.equal(speed.isEqualWork, false);
  assert.equal(speed.note, 'other bits');
  assert.equal(speedOf(rows[2], rows[0]), null);
  assert.equal(sameBits(rows[0], rows[0]), true);
  assert.equal(sameBits(rows[0], rows[1]), false);
  assert.deepEqual(judged({a: 0, b: 1, verdict: 'improvement'}, rows), {verdict: 'improvement', text: 'improvement, other bits', tone: 'warn'});
  assert.equal(judged({a: 0, b: 0, verdict: 'improvement'}, rows).tone, 'good');
  assert.equal(judged({a: 0, b: 2, verdict: 'improvement'}, rows).tone, 'bad');
});

test('a reference of another capture gives no speed', () => {
  const rows = rowsOf(makeRow({name: 'one'}), makeRow({name: 'two'}));
  assert.equal(referenceFor(rows, '0')(rows[1]), null);
  assert.equal(referenceFor(rows, 'first')(rows[1]), rows[1]);
});
