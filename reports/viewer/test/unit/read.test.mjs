import assert from 'node:assert/strict';
import {test} from 'node:test';
import {readDocument} from '../../src/read/document.js';
import {historyDocument, makeReport, makeRow, makeTimeline} from '../support/documents.mjs';
import {quickstart} from '../support/page.mjs';

const read = (document) => readDocument(JSON.stringify(document));

test('the sample report opens without a problem', async () => {
  const {kind, report} = read(await quickstart());
  assert.equal(kind, 'report');
  assert.deepEqual(report.problems, []);
  assert.equal(report.rows.length, 8);
});

test('each bad document says what is wrong', () => {
  const cases = [
    ['{"schema": "reprise.report/1", "rows": [', /not complete JSON/],
    ['[]', /not a Reprise report/], ['null', /not a Reprise report/], ['{}', /not a Reprise report/],
    ['{"schema": "reprise.report/2", "rows": []}', /cannot read "reprise\.report\/2"/],
    ['{"schema": "reprise.report/1"}', /has no rows/],
    ['{"schema": "reprise.history/1"}', /no tracks/],
  ];
  for (const [text, title] of cases) {
    const {kind, title: found, detail} = readDocument(text);
    assert.equal(kind, 'problem', text);
    assert.match(found, title);
    assert.ok(detail.length > 20);
  }
});

test('a page without a report knows that it is empty', () => {
  assert.equal(readDocument('/*REPORT*/').kind, 'empty');
  assert.equal(readDocument(' ').kind, 'empty');
});

test('fields of the wrong kind count as absent and are named', () => {
  const row = makeRow();
  row.metrics.total_seconds.value = '4 ms';
  row.placement.threads = {};
  row.samples = 7;
  const {report} = read(makeReport([row]));
  assert.equal(report.rows[0].metrics.has('total_seconds'), false);
  assert.equal(report.rows[0].placement.threads, null);
  assert.deepEqual(report.rows[0].samples.total, []);
  assert.deepEqual(report.problems.filter((text) => text.startsWith('report.rows[0].')).length, 3);
  assert.ok(report.problems.includes('report.rows[0].metrics.total_seconds.value: expected a number, found string'));
});

test('rows of other kinds than objects do not stop the reader', () => {
  const {report} = read({...makeReport([null, 3, 'x', []]), tool: null, machine: undefined});
  assert.equal(report.rows.length, 4);
  assert.equal(report.machine.cpu, null);
  assert.equal(report.machine.gpus, null);
});

test('a row whose outputs differ has no figures, whatever the document carries', () => {
  const row = {...makeRow(), verification: {mode: 'forced', verdict: 'differs', first_divergence: 2}};
  const {report} = read(makeReport([row]));
  assert.equal(report.rows[0].metrics.size, 0);
  assert.deepEqual(report.rows[0].samples.total, []);
  assert.deepEqual(report.rows[0].centres, []);
});

test('comparisons of rows that are not there are left out and named', () => {
  const {report} = read({...makeReport([makeRow()]), comparisons: [{a: 0, b: 5, metric: 'x', median_ratio: 1, verdict: 'equivalent', pairs: 1}]});
  assert.deepEqual(report.comparisons, []);
  assert.equal(report.problems.length, 1);
});

test('a timeline whose columns do not fit together is no timeline', () => {
  const good = {...makeRow(), timeline: makeTimeline(50)};
  assert.equal(read(makeReport([good])).report.rows[0].timeline.n, 50);
  const short = structuredClone(good);
  short.timeline.events.layer.pop();
  const outside = structuredClone(good);
  outside.timeline.events.kernel[7] = 99;
  const {report} = read(makeReport([short, outside]));
  assert.deepEqual(report.rows.map(({timeline}) => timeline), [null, null]);
  assert.equal(report.problems.length, 2);
});

test('a history opens by itself and inside of a report', () => {
  assert.equal(read(historyDocument()).history.tracks.length, 3);
  const {report} = read({...makeReport([makeRow()]), history: historyDocument()});
  assert.equal(report.history.tracks[1].changes[0].kind, 'regression');
});
