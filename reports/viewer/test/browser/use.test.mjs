// The page in use: sorting, filtering, tooltips, keys, themes, a phone, paper, and the rules of accessibility.
import assert from 'node:assert/strict';
import {readFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import {after, before, test} from 'node:test';
import {comparisonReport, historyDocument, makeReport, makeRow, makeTimeline} from '../support/documents.mjs';
import {Browser, drawEverything, quickstart, tooltipOf} from '../support/page.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;
let sample;
before(async () => {
  browser = await Browser.start();
  sample = await opened(await quickstart());
});
after(() => browser.stop());

const column = (page, n) => page.$$eval('#matrix tbody tr', (rows, at) => rows.map(({children}) => children[at].innerText.split('\n')[0]), n);
const headIndex = (page, title) => page.$$eval('#matrix thead th', (heads, text) => heads.findIndex(({innerText}) => innerText.trim().startsWith(text)), title);

async function opened(document, options) {
  const page = await browser.open(document, options);
  await drawEverything(page);
  return page;
}

/** Rules of axe-core that the open page breaks. The page's policy refuses foreign scripts, so it comes in through the debugger. */
async function broken(page) {
  await page.evaluate(axe);
  const {violations} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
  return violations.map(({id, nodes}) => `${id}: ${nodes.slice(0, 3).map(({html, any}) => `${html.slice(0, 160)} ${any[0]?.message ?? ''}`).join(' | ')}`);
}

// The sample stays open for the next five tests.
test('no accessibility rule is broken in the light theme', async () => {
  assert.deepEqual(await broken(sample), []);
});

test('a head sorts by Enter, in three steps, and says so', async () => {
  const page = sample;
  const at = await headIndex(page, 'total');
  const before = await column(page, at);
  const head = (await page.$$('#matrix thead th'))[at];
  const button = await head.$('button');
  await button.focus();
  const state = () => head.evaluate((cell) => cell.getAttribute('aria-sort'));
  await page.keyboard.press('Enter');
  assert.equal(await state(), 'ascending');
  assert.equal((await column(page, at))[0], '3.111 ms');
  assert.equal((await column(page, at)).at(-1), '1.149 s');
  await page.keyboard.press('Enter');
  assert.equal(await state(), 'descending');
  assert.equal((await column(page, at))[0], '1.149 s');
  await page.keyboard.press('Enter');
  assert.equal(await state(), 'none');
  assert.deepEqual(await column(page, at), before);
});

test('a speed-up with other bits is never green', async () => {
  const page = sample;
  const cells = await page.$$eval('#matrix tbody tr', (rows) => rows.map(({innerText, children}) => [innerText, [...children].some((cell) => cell.querySelector('.good-text'))]));
  for (const [text, isGreen] of cells) if (/in tolerance/.test(text)) assert.equal(isGreen, false, text);
  assert.ok(cells.some(([text]) => /1\.37×\s+other bits/.test(text)));
});

test('tooltips show the figures of a mark and leave with the pointer', async () => {
  const page = sample;
  const mark = (await page.$$('#matrix .chart svg .mark-symbol path'))[0];
  const text = await tooltipOf(page, mark);
  assert.match(text, /cpu avx512, f32, KV on/);
  assert.match(text, /7,525 tokens\/s/);
  await page.mouse.move(2, 2);
  await page.waitForSelector('#tooltip[hidden]');
});

test('search and facets filter the table and its chart', async () => {
  const page = sample;
  await page.type('#matrix input[type=search]', 'BF16 off');
  assert.equal(await page.$eval('#matrix .count', ({innerText}) => innerText), '2 of 8 rows');
  assert.deepEqual(await column(page, await headIndex(page, 'precision')), ['bf16', 'bf16']);
  const backend = await page.evaluateHandle(() => [...document.querySelectorAll('#matrix label')].find(({innerText}) => innerText.startsWith('backend')).querySelector('select'));
  await backend.select('cpu avx512');
  assert.equal(await page.$eval('#matrix .count', ({innerText}) => innerText), '1 of 8 rows');
  await page.waitForFunction(() => document.querySelectorAll('#matrix .chart svg .role-axis-label text').length > 0);
  const labels = await page.$$eval('#matrix .chart svg text', (found) => found.map(({textContent}) => textContent));
  assert.ok(labels.includes('cpu avx512, bf16, KV off, 2 threads'));
  assert.ok(!labels.includes('cpu avx512, f32, KV on, 2 threads'));
  await page.type('#matrix input[type=search]', ' nothing');
  assert.match(await page.$eval('#matrix tbody', ({innerText}) => innerText), /No row fits/);
  assert.deepEqual(page.errors, []);
});

test('both themes and the toggle change page and charts', async () => {
  const colours = (page) => page.evaluate(() => [getComputedStyle(document.body).backgroundColor,
    getComputedStyle(document.querySelector('#matrix svg .role-axis-label text, #matrix svg text')).fill]);
  const onLight = await colours(await opened(makeReport([makeRow()])));
  const dark = await opened(makeReport([makeRow()]), {theme: 'dark'});
  const onDark = await colours(dark);
  assert.notEqual(onLight[0], onDark[0]);
  assert.notEqual(onLight[1], onDark[1]);
  await dark.click('button.theme');
  assert.equal(await dark.$eval('button.theme', ({innerText}) => innerText), 'Theme: light');
  assert.deepEqual(await colours(dark), onLight);
  await dark.click('button.theme');
  assert.deepEqual(await colours(dark), onDark);
});

test('a phone of 360 pixels never scrolls sideways, and breaks no accessibility rule', async () => {
  const profiled = comparisonReport();
  profiled.rows[0].timeline = makeTimeline(500);
  profiled.rows[1].capture.name = 'a-name-without-any-place-to-break-it-that-is-longer-than-the-screen-is-wide';
  for (const document of [profiled, historyDocument(), '{"schema": "reprise.report/9"}', await quickstart()]) {
    const page = await opened(document, {width: 360, height: 740});
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= window, `${wide} > ${window}`);
    const outside = await page.$$eval('main *', (all) => all.filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.scroll, svg, .hidden')).map(({className, tagName}) => `${tagName}.${className}`));
    assert.deepEqual(outside, []);
    assert.deepEqual(await broken(page), []);
  }
});

test('Tab reaches everything in the order of the page', async () => {
  const page = await opened(makeReport([{...makeRow(), timeline: makeTimeline(300)}, makeRow({kv: false, index: 1})]));
  const seen = [];
  for (let i = 0; i < 90; i += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const active = document.activeElement;
      const box = active.getBoundingClientRect();
      return active === document.body ? null : {what: `${active.tagName} ${active.className || active.innerText?.slice(0, 12)}`, section: active.closest('section')?.id ?? '', shown: box.width > 0};
    });
    if (!at) break;
    assert.ok(at.shown, at.what);
    seen.push(at);
  }
  assert.equal(seen[0].what, 'A skip');
  const sections = seen.map(({section}) => section).filter((section, i, all) => section && section !== all[i - 1]);
  assert.deepEqual(sections, ['matrix', 'distributions', 'latency', 'centres', 'roofline', 'environment']);
  assert.ok(seen.some(({what}) => what.startsWith('CANVAS')));
});

test('the flame chart answers keys', async () => {
  const page = await opened(makeReport([{...makeRow(), timeline: makeTimeline(3000)}]));
  const note = () => page.$eval('.flame-note', ({innerText}) => innerText);
  await page.focus('canvas.flame');
  await page.keyboard.press('ArrowRight');
  assert.match(await note(), /^prefill \(phase/);
  await page.keyboard.press('ArrowDown');
  assert.match(await note(), /^outside of layers \(layer, in prefill\)/);
  await page.keyboard.press('ArrowRight');
  assert.match(await note(), /^layer 0 \(layer/);
  await page.keyboard.press('ArrowDown');
  assert.match(await note(), /\(kernel, in prefill > layer 0\): .* calls$/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  assert.match(await note(), /^phase > layer > kernel; all of/);
  const mode = await page.evaluateHandle(() => [...document.querySelectorAll('#centres label')].find(({innerText}) => innerText.startsWith('flame chart')).querySelector('select'));
  await mode.select('ordered');
  assert.match(await note(), /^phase > token > layer > kernel/);
  assert.match(await page.$eval('#centres', ({innerText}) => innerText), /3,000 events: .* unattributed, in no kernel\./);
  const painted = await page.$eval('canvas.flame', (canvas) => new Set(canvas.getContext('2d').getImageData(0, canvas.height - 6, canvas.width, 1).data).size);
  assert.ok(painted > 5, 'the canvas is blank');
  assert.deepEqual(page.errors, []);
});

test('paper gets everything, light, without what only a screen can use', async () => {
  const page = await browser.open(await quickstart(), {theme: 'dark'});
  const drawn = page.evaluate(() => new Promise((resolve) => {
    window.addEventListener('afterprint', () => resolve([...document.querySelectorAll('section')].every((section) => section.classList.contains('drawn'))
      && [...document.querySelectorAll('.chart')].every((chart) => chart.querySelector('svg'))), {once: true});
  }));
  const pdf = await page.pdf({format: 'A4'});
  assert.ok(pdf.length > 20_000);
  assert.equal(await drawn, true);
  await page.emulateMediaType('print');
  const hidden = await page.evaluate(() => ['.bar', '.controls'].map((selector) => getComputedStyle(document.querySelector(selector)).display));
  assert.deepEqual(hidden, ['none', 'none']);
  const cut = await page.evaluate(() => [...document.querySelectorAll('.scroll')].filter((each) => getComputedStyle(each).overflow !== 'visible').length);
  assert.equal(cut, 0);
  // A4 at 96 dots an inch: what is wider would be cut or shrunk.
  await page.setViewport({width: 794, height: 1123});
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than paper');
});

test('no accessibility rule is broken in the dark theme, by a report, a comparison and a history', async () => {
  for (const document of [await quickstart(), {...comparisonReport(), history: historyDocument()}]) {
    assert.deepEqual(await broken(await opened(document, {theme: 'dark'})), []);
  }
});
