import assert from 'node:assert/strict';
import {test} from 'node:test';
import {UNATTRIBUTED, kernelColours, verdictColour} from '../../src/chart/colours.js';
import {frameAt, framesFromCentres, framesInOrder, framesSummed, visibleFrames} from '../../src/flame/frames.js';
import {readReport} from '../../src/read/report.js';
import {comparisonLabels, waterfallSteps} from '../../src/sections/comparison_data.js';
import {barPieces, wallSeconds} from '../../src/sections/cost_data.js';
import {segments} from '../../src/sections/history_data.js';
import {ceilingsFor, intensityOf, roofLines, rooflinePoints} from '../../src/sections/roofline_data.js';
import {plainLabels} from '../../src/text/labels.js';
import {MACHINE, comparisonReport, historyDocument, makeReport, makeRow, makeTimeline} from '../support/documents.mjs';

const near = (a, b, message) => assert.ok(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a)), `${message ?? ''} ${a} ${b}`);
const profiled = () => readReport(makeReport([{...makeRow(), timeline: makeTimeline(5000)}])).rows[0];

test('cost centres and the unattributed rest fill the bar up to the wall time', () => {
  const row = profiled();
  const pieces = barPieces(row, kernelColours([row.centres]));
  near(pieces.at(-1).start + pieces.at(-1).seconds, wallSeconds(row));
  assert.equal(pieces.at(-1).name, UNATTRIBUTED);
  assert.equal(pieces[0].phase, 'prefill');
});

test('kernels keep one colour in all charts, and those past the tenth share one', () => {
  const row = profiled();
  const colours = kernelColours([row.centres, row.centres]);
  assert.equal(colours.ranked[0], 'linear');
  assert.equal(colours.colour('linear'), 'var(--k0)');
  assert.equal(colours.colour('dequantize'), 'var(--other)');
  assert.equal(colours.colour('never seen'), 'var(--other)');
  assert.equal(verdictColour('constructor'), 'var(--muted)');
});

test('a flame chart of cost centres has phase and kernel and all of the wall time', () => {
  const row = profiled();
  const {levels, total} = framesFromCentres(row);
  assert.equal(levels.length, 2);
  near(total, wallSeconds(row));
  assert.equal(levels[0].at(-1).name, UNATTRIBUTED);
});

test('a summed flame chart nests: children lie within their parents and add up to them', () => {
  const {timeline} = profiled();
  const {levels} = framesSummed(timeline, 0.001);
  const [phases, layers, kernels] = levels;
  near(phases.filter(({name}) => name !== UNATTRIBUTED).reduce((sum, {seconds}) => sum + seconds, 0), kernels.reduce((sum, {seconds}) => sum + seconds, 0));
  near(phases[0].seconds, layers.filter(({path}) => path[0] === 'prefill').reduce((sum, {seconds}) => sum + seconds, 0));
  assert.equal(layers[0].name, 'outside of layers');
  assert.equal(kernels.reduce((sum, {calls}) => sum + calls, 0), 5000);
});

test('a flame chart in order keeps gaps, and levels are sorted', () => {
  const {timeline} = profiled();
  const {levels, total, covered} = framesInOrder(timeline);
  assert.equal(levels[3].length, 5000);
  assert.ok(covered < total);
  for (const level of levels) level.slice(1).forEach((each, i) => assert.ok(each.start >= level[i].start));
  assert.equal(levels[0].length, 2);
  assert.equal(frameAt(levels[0], total / 2).name, 'decode');
  const gap = levels[3][0].start + levels[3][0].seconds + 1e-12;
  assert.ok(frameAt(levels[3], gap) === null || levels[3][1].start <= gap);
});

test('100,000 events paint no more frames than there are pixels', () => {
  const row = readReport(makeReport([{...makeRow(), timeline: makeTimeline(100_000)}])).rows[0];
  const {levels, total} = framesInOrder(row.timeline);
  assert.ok(visibleFrames(levels[3], 0, total, 1000).length <= 1001);
  const zoomed = visibleFrames(levels[3], 0, levels[3][9].start, 1000);
  assert.equal(zoomed.length, 9);
});

test('intensity needs bytes, and centres without arithmetic are counted as not drawn', () => {
  assert.equal(intensityOf({flops: 10, bytes: 0}), null);
  assert.equal(intensityOf({flops: 10, bytes: 4}), 2.5);
  const row = profiled();
  row.centres[0].flops = 0;
  const {points, left} = rooflinePoints(row, kernelColours([row.centres]));
  assert.deepEqual([points.length, left], [row.centres.length - 1, 1]);
});

test('ceilings are those of one thread for a row with one, and none for a GPU', () => {
  const {machine: {roofline}} = readReport(makeReport([], []));
  assert.equal(ceilingsFor({placement: {backend: 'cpu', threads: 1}}, roofline).read, 2.1e10);
  assert.equal(ceilingsFor({placement: {backend: 'cpu', threads: 2}}, roofline).read, MACHINE.roofline.read_bytes_per_second);
  assert.equal(ceilingsFor({placement: {backend: 'hip', threads: 2}}, roofline), null);
  assert.equal(ceilingsFor({placement: {backend: 'cpu', threads: 2}}, null), null);
});

test('roofs meet at the ridge', () => {
  const lines = roofLines({read: 10, peaks: [{limit: 'f32_fma', name: 'f32', value: 100}]}, 0.1, 1000);
  assert.deepEqual(lines.map(({x, y, x2, y2}) => [x, y, x2, y2]), [[0.1, 1, 10, 100], [10, 100, 1000, 100]]);
});

test('the waterfall ends at the sum of all changes, with the rest in one step', () => {
  const centres = Array.from({length: 20}, (_, i) => ({phase: 'decode', name: `k${i}`, a_seconds: 1, b_seconds: 1 + (i % 2 ? -0.01 : 0.03), fraction: 0, p_value: 0}));
  const steps = waterfallSteps(centres);
  assert.equal(steps.length, 14);
  assert.equal(steps[12].label, '8 others');
  near(steps.at(-1).change, 20 * 0.01);
  near(steps[12].end, steps.at(-1).change);
});

test('comparisons are named by what differs', () => {
  const report = readReport(comparisonReport());
  assert.deepEqual(comparisonLabels(report.comparisons, plainLabels(report.rows)), ['cpu avx512, f32, KV on: total time', 'cpu avx512, f32, KV on: time to first token',
    'cpu avx512, bf16, KV on against f32: total time', 'cpu avx512, bf16, KV on against f32: time to first token']);
  assert.deepEqual(comparisonLabels(report.comparisons.slice(0, 2), plainLabels(report.rows)), ['total time', 'time to first token']);
});

test('segments lie between changes and take the stated level', () => {
  const {history} = readReport({...makeReport([]), history: historyDocument()});
  const found = segments(history.tracks[1]);
  assert.deepEqual(found.map(({first, last}) => [first, last]), [[0, 39], [40, 59]]);
  near(found[1].level, 0.00432 * 1.06);
  assert.ok(found[0].low < found[0].level && found[0].high > found[0].level);
  assert.equal(segments(history.tracks[0]).length, 1);
});
