// The page opens every kind of document from disk: without errors, without requests, and with a sentence for bad input.
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {after, before, test} from 'node:test';
import {buildPage} from '../../build.mjs';
import {comparisonReport, historyDocument, makeReport, makeRow, makeTimeline} from '../support/documents.mjs';
import {Browser, drawEverything, embeddable, quickstart, scrollThrough, tooltipOf} from '../support/page.mjs';

let browser;
before(async () => {
  browser = await Browser.start();
});
after(() => browser.stop());

async function clean(page) {
  assert.deepEqual(page.errors, []);
  assert.deepEqual(page.requests, []);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.equal(await page.$$eval('.notice.bad', (found) => found.length), 0);
}

const textOf = (page, selector = 'main') => page.$eval(selector, (found) => found.innerText);

test('the build is the same each time and has one placeholder line', async () => {
  const page = await buildPage();
  assert.equal(page, await readFile(new URL('../../dist/report.html', import.meta.url), 'utf8'));
  const lines = page.split('\n').filter((line) => line.includes('/*REPORT*/'));
  assert.deepEqual(lines, ['<script type="application/json" id="report">/*REPORT*/</script>']);
  assert.doesNotMatch(page, /(src|href)="?(https?:)?\/\//);
  assert.doesNotMatch(page.match(/Content-Security-Policy" content="([^"]*)"/)[1], /unsafe/);
});

test('the sample report opens with all sections and charts', async () => {
  const page = await browser.open(await quickstart());
  await scrollThrough(page);
  await clean(page);
  const titles = await page.$$eval('h2', (found) => found.map(({textContent}) => textContent));
  assert.deepEqual(titles, ['Summary', 'Placements', 'Distributions', 'Latency', 'Cost centres', 'Roofline', 'Environment']);
  assert.equal(await page.$$eval('.chart', (found) => found.filter((chart) => !chart.querySelector('svg')).length), 0);
  assert.match(await textOf(page, '#summary'), /4 of 8 rows gave the captured tokens and bits/);
  assert.match(await textOf(page, '#summary'), /Fastest with the captured bits: cpu avx512, f32, KV on/);
  assert.equal(await page.$$eval('#matrix tbody tr', (found) => found.length), 8);
  assert.match(await textOf(page, '#environment'), /reprise replay call\.safetensors --backend cpu --isa avx512 --precision f32/);
});

test('a comparison opens with verdicts, a waterfall and tokens, and other bits are no plain win', async () => {
  const page = await browser.open(comparisonReport());
  await drawEverything(page);
  await clean(page);
  const text = await textOf(page, '#comparisons');
  assert.match(text, /regression/);
  assert.match(text, /improvement, other bits/);
  assert.match(text, /each later token, for each position before it/);
  assert.match(text, /unattributed/);
  assert.equal(await page.$$eval('#comparisons tbody .badge.good', (found) => found.filter(({textContent}) => textContent.startsWith('improvement')).length), 0);
});

test('a history opens by itself and as part of a report', async () => {
  for (const document of [historyDocument(), {...makeReport([]), history: historyDocument()}]) {
    const page = await browser.open(document);
    await drawEverything(page);
    await clean(page);
    const text = await textOf(page, '#history');
    assert.match(text, /1 is worse now than before, 2 changed/);
    assert.match(text, /regression \+6\.0 %: from 4\.320 ms to 4\.579 ms, after 1027102710 and not after 1028102810/);
    assert.match(text, /git log [0-9a-f]+\.\.[0-9a-f]+/);
  }
});

const NAME = '<script>alert(1)</script><img src=x onerror=alert(2)>';

test('names from the report are text everywhere, in charts and tooltips too', async () => {
  const hostile = JSON.parse(JSON.stringify(comparisonReport()).replaceAll('"linear"', JSON.stringify(NAME)));
  hostile.machine.cpu = NAME;
  hostile.tool.flags = NAME;
  hostile.rows.forEach((row, i) => {
    row.capture.name = NAME;
    row.capture.id = String(i % 2);
    row.capture.model.name = NAME;
    row.placement.backend = NAME;
    row.verification.verdict = i === 2 ? 'constructor' : row.verification.verdict;
    row.timeline = {...makeTimeline(200), kernels: makeTimeline(1).kernels.map((_, k) => `${NAME}${k}`)};
  });
  hostile.history = historyDocument();
  hostile.history.tracks[1].capture.name = NAME;
  hostile.history.tracks[1].changes[0].kind = '__proto__';
  assert.ok(!embeddable(JSON.stringify(hostile)).includes('<'));
  const page = await browser.open(hostile);
  await drawEverything(page);
  await clean(page);
  assert.equal(await page.$$eval('main script, main img, svg script', (found) => found.length), 0);
  assert.ok((await textOf(page, 'h1')).includes('<script>alert(1)</script>'));
  assert.ok((await page.$$eval('#matrix svg text', (found) => found.map(({textContent}) => textContent))).some((text) => text.startsWith('<script>alert(1)')));
  const bar = await page.$('#centres .chart svg .mark-rect path');
  assert.ok((await tooltipOf(page, bar)).includes(NAME));
  assert.equal(await page.$$eval('#tooltip script, #tooltip img', (found) => found.length), 0);
  assert.ok((await textOf(page, '#environment')).includes("reprise replay '<script>alert(1)</script>"));
});

const row = makeRow();
const BAD = {
  'truncated JSON': ['{"schema": "reprise.report/1", "rows": [{"capt', /not complete JSON/],
  'an unknown version': ['{"schema": "reprise.report/7", "rows": []}', /cannot read "reprise\.report\/7"/],
  'no schema': ['{"a": 1}', /not a Reprise report/],
  'no rows': [makeReport([]), /has no rows: nothing was replayed/],
  'no report': ['/*REPORT*/', /carries no report/],
  'an empty history': [{schema: 'reprise.history/1', created: 'x', tracks: []}, /has no tracks/],
  'a row without samples': [makeReport([{...row, samples: {total_seconds: [], token_seconds: [], warmup_total_seconds: []}}]), /No row of this report has samples/],
  'only required fields': [{schema: 'reprise.report/1', rows: [{}]}, /fields of this document could not be read/],
  'rows that are no objects': [{schema: 'reprise.report/1', rows: [null, 5]}, /could not be read/],
  'nothing but failed rows': [makeReport([makeRow({verdict: 'differs'})]), /have? no figures|No row has figures/],
  'no optional fields': [makeReport([{...row, cold: undefined, outliers: undefined, timeline: undefined, memory: null, unattributed_seconds: null, cost_centres: []}]), /No row was profiled/],
};

for (const [name, [document, expected]] of Object.entries(BAD)) {
  test(`${name} opens to a clear message`, async () => {
    const page = await browser.open(document);
    await drawEverything(page);
    assert.match(await textOf(page), expected);
    assert.deepEqual(page.errors, []);
    assert.equal(await page.$$eval('section .notice.bad', (found) => found.length), 0);
  });
}

test('absent values are dashes, never zeros', async () => {
  const page = await browser.open(makeReport([makeRow(), makeRow({index: 1, verdict: 'differs', kv: false})]));
  await drawEverything(page);
  const cells = await page.$$eval('#matrix tbody tr.failed td.number', (found) => found.map(({innerText}) => innerText.trim()));
  assert.deepEqual([...new Set(cells)].sort(), ['0.0500', '2', '3', '–', '0.000100'].filter((text) => cells.includes(text)).sort());
  assert.equal(cells.filter((text) => text === '–').length, 7);
});

test('a report can be opened from disk in the empty page', async () => {
  const page = await browser.open('/*REPORT*/');
  const input = await page.$('input[type=file]');
  await input.uploadFile(new URL('../../../quickstart.json', import.meta.url).pathname);
  await page.waitForSelector('#summary.drawn');
  assert.match(await textOf(page, 'h1'), /Replay of call/);
  await clean(page);
});
