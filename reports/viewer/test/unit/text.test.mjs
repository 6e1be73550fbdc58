import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {test} from 'node:test';
import {profileCommand, quoted, replayCommand} from '../../src/text/command.js';
import {DASH, formatBytes, formatFigure, formatHalfWidth, formatInterval, formatNumber, formatPercent, formatSeconds, listed} from '../../src/text/format.js';
import {causeText, metricName, rowLabels, verdictText} from '../../src/text/labels.js';
import {agreement, cautions, comparisonText, speedText, verdictCounts, whatRan} from '../../src/text/summary.js';
import {readReport} from '../../src/read/report.js';
import {comparisonReport, makeReport, makeRow} from '../support/documents.mjs';

test('numbers have four digits, and whole numbers all of theirs', () => {
  assert.deepEqual([0, 9.9996, 561.62, 7524.58, 30576.4, 0.0012345, -2].map((value) => formatNumber(value)), ['0', '10.00', '561.6', '7,525', '30,576', '0.001234', '−2.000']);
});

test('seconds take the unit that shows a digit before the point', () => {
  assert.deepEqual([0.004272207, 1.149, 0.99996, 1.2e-7, 0, -0.002].map((value) => formatSeconds(value)), ['4.272 ms', '1.149 s', '1.000 s', '120.0 ns', '0 s', '−2.000 ms']);
});

test('an absent value is a dash in every format', () => {
  for (const value of [null, undefined, NaN, Infinity]) {
    for (const format of [formatNumber, formatSeconds, formatBytes, formatPercent, (each) => formatFigure(each, 's')]) assert.equal(format(value), DASH);
  }
  assert.equal(formatInterval(null, 's'), DASH);
  assert.equal(formatHalfWidth(1, null), DASH);
});

test('both ends of an interval stand in one unit', () => {
  assert.equal(formatInterval([0.000999, 0.00102], 's'), '0.9990 to 1.020 ms');
  assert.equal(formatInterval([7470, 7560.2], 'tokens/s'), '7,470 to 7,560 tokens/s');
});

test('lists read as sentences', () => assert.deepEqual([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed), ['', 'a', 'a and b', 'a, b and c']));

const HOSTILE = ["it's", '$(touch x)', '`id`', 'a b', 'x;rm -rf /', '-n', '--model', 'é', '<script>alert(1)</script>', 'a\nb', "tab\tand'quote\\", '', '!!', '*', '~'];

test('a shell reads back every quoted argument as it was', () => {
  for (const name of HOSTILE) {
    const read = execFileSync('bash', ['-c', `printf '%s' ${quoted(name)}`], {encoding: 'utf8'});
    assert.equal(read, name);
  }
});

test('control and direction characters are shown, not obeyed', () => {
  assert.equal(quoted('a\u202eb'), "$'a\\u202eb'");
  assert.equal(quoted('a\nb'), "$'a\\u000ab'");
});

const rowsOf = (...rows) => readReport(makeReport(rows)).rows;

test('the command names the whole placement', () => {
  const [row] = rowsOf(makeRow({precision: 'bf16', verdict: 'within_tolerance', name: 'NAME'}));
  assert.equal(replayCommand(row), 'reprise replay NAME.safetensors --backend cpu --isa avx512 --precision bf16 --kv-cache on --kv-precision f32 --threads 2 --numerics exact --forced');
  assert.match(profileCommand(row), /^reprise profile NAME\.safetensors /);
});

test('a command leaves out what the report does not say, and no name becomes a flag or a command', () => {
  const [row, dash, quote] = rowsOf({...makeRow(), placement: {backend: 'cpu'}}, makeRow({name: '--model'}), makeRow({name: "x'; rm y"}));
  assert.equal(replayCommand(row), 'reprise replay call.safetensors --backend cpu');
  assert.match(replayCommand(dash), /^reprise replay \.\/--model\.safetensors /);
  assert.match(replayCommand(quote), /^reprise replay 'x'\\''; rm y\.safetensors' /);
});

test('a precision of several formats is what native gives', () => {
  const [row] = rowsOf(makeRow({precision: 'f32+int8'}));
  assert.match(replayCommand(row), /--precision native/);
});

test('labels say what differs and each names one row', () => {
  assert.deepEqual(rowLabels(rowsOf(makeRow(), makeRow({kv: false}))), ['cpu avx512, f32, KV on', 'cpu avx512, f32, KV off']);
  assert.deepEqual(rowLabels(rowsOf(makeRow(), makeRow())), ['cpu avx512, f32, KV on #1', 'cpu avx512, f32, KV on #2']);
  assert.match(rowLabels(rowsOf(makeRow({name: 'one'}), makeRow({name: 'two', threads: 1})))[1], /^two, .*1 thread$/);
});

test('words of a document that are names of functions stay words', () => {
  for (const word of ['constructor', '__proto__', 'toString']) {
    for (const name of [metricName, verdictText, causeText]) assert.equal(name(word), word.replaceAll('_', ' '));
  }
});

test('the summary says who agrees, and withholds figures of those who do not', () => {
  const rows = rowsOf(makeRow(), makeRow({index: 1, precision: 'bf16', verdict: 'within_tolerance'}), makeRow({index: 2, verdict: 'differs', precision: 'int4'}));
  const {state, text, short} = agreement(rows, rowLabels(rows));
  assert.equal(state, 'bad');
  assert.match(text, /1 of 3 rows gave the captured tokens and bits/);
  assert.match(text, /1 row did not give the captured outputs and has no figures: .*int4.* from token 3 on/);
  assert.equal(short, '1 of 3 differ');
  assert.equal(agreement(rowsOf(makeRow(), makeRow({kv: false})), ['a', 'b']).state, 'good');
});

test('the fastest row with other bits is called so, beside the fastest with the captured ones', () => {
  const fast = makeRow({index: 0, precision: 'bf16', verdict: 'within_tolerance'});
  fast.metrics.total_seconds = {...fast.metrics.total_seconds, value: 0.001, ci: [0.0009, 0.0011]};
  const text = speedText(rowsOf(makeRow({index: 3}), fast), ['exact', 'other']);
  assert.match(text, /Fastest: other, 1\.000 ms, with other bits than the captured ones\./);
  assert.match(text, /Fastest with the captured bits: exact/);
});

test('intervals that overlap leave the order open', () => {
  assert.match(speedText(rowsOf(makeRow(), makeRow({kv: true})), ['a', 'b']), /overlaps that of b, so the order of the two is not certain/);
  assert.equal(speedText(rowsOf(makeRow({verdict: 'differs'})), ['a']), 'No row has figures.');
});

test('a profile alone is no row that failed to converge', () => {
  const profiled = {...makeRow(), metrics: {}, samples: {total_seconds: [], token_seconds: [], warmup_total_seconds: []}, stop: {reason: 'max_runs', converged: false}};
  assert.match(speedText(rowsOf(profiled), ['a']), /^Kernels were timed, in a run of their own/);
  assert.ok(!cautions(readReport(makeReport([profiled]))).some((text) => text.includes('did not converge')));
});

test('comparisons speak of verdict, ratio and interval, and never call other bits a plain win', () => {
  const report = readReport(comparisonReport());
  const labels = rowLabels(report.rows);
  const texts = report.comparisons.map((comparison) => comparisonText(comparison, report.rows, labels));
  assert.match(texts[0], /total time: regression, seen again in fresh processes; ratio b over a 1\.034 \(\+3\.4 %, interval/);
  assert.match(texts[2], /improvement.*not a plain win/);
  assert.deepEqual(verdictCounts(report.comparisons, report.rows).map(({text, count}) => `${count} ${text}`),
    ['1 regression', '1 improvement, other bits', '1 inconclusive', '1 equivalent']);
});

test('the first sentence names the call, and cautions name what weakens figures', () => {
  const report = readReport(makeReport([makeRow({index: 6})]));
  assert.equal(whatRan(report), 'The captured call “call” of tiny (50 tokens of context, 10 of them cached; 16 generated) was replayed in 1 row on AMD EPYC.');
  assert.ok(cautions(report).some((text) => text.includes('did not converge')));
  assert.ok(cautions(report).some((text) => text.includes('virtual')));
});
