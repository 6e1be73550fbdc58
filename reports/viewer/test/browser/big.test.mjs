// 100 rows, 10,000 samples and 100,000 kernel events: the page opens and stays in hand.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';
import {bigReport} from '../support/documents.mjs';
import {Browser, drawEverything} from '../support/page.mjs';

// Wide limits: what they catch is work that grows with the square of the data, not a slow machine.
const SECONDS = 20;

let browser;
before(async () => {
  browser = await Browser.start();
});
after(() => browser.stop());

test('a big report opens, draws and answers', async () => {
  const report = bigReport();
  assert.equal(report.rows.length, 100);
  assert.ok(report.rows.reduce((sum, {samples}) => sum + samples.total_seconds.length, 0) >= 9_500);
  assert.equal(report.rows[0].timeline.events.kernel.length, 100_000);
  const page = await browser.open(report);
  await page.waitForSelector('#summary.drawn', {timeout: SECONDS * 1000});
  // Only what is near the window is drawn at first.
  assert.ok(await page.$$eval('section:not(.drawn)', (found) => found.length) > 0);
  await drawEverything(page);
  assert.deepEqual(page.errors, []);
  assert.equal(await page.$$eval('#matrix tbody tr', (found) => found.length), 100);
  const marks = await page.$$eval('svg', (all) => Math.max(...all.map((svg) => svg.querySelectorAll('path, text, line').length)));
  assert.ok(marks < 6000, `${marks} marks in one chart`);
  const blocked = await page.evaluate(async () => {
    const begin = performance.now();
    const sort = [...document.querySelectorAll('#matrix th button')].find(({innerText}) => innerText.startsWith('total'));
    sort.click();
    const mode = [...document.querySelectorAll('#centres label')].find(({innerText}) => innerText.startsWith('flame chart')).querySelector('select');
    mode.value = 'ordered';
    mode.dispatchEvent(new Event('change'));
    const canvas = document.querySelector('canvas.flame');
    for (let i = 0; i < 20; i += 1) canvas.dispatchEvent(new KeyboardEvent('keydown', {key: i < 10 ? '+' : '-'}));
    await new Promise((resolve) => requestAnimationFrame(resolve));
    return (performance.now() - begin) / 1000;
  });
  assert.ok(blocked < SECONDS, `${blocked} s`);
  assert.match(await page.$eval('#centres', ({innerText}) => innerText), /100,000 events/);
  await page.type('#matrix input[type=search]', 'int8');
  assert.match(await page.$eval('#matrix .count', ({innerText}) => innerText), /^\d+ of 100 rows$/);
});
