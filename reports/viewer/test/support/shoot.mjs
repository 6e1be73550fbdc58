// Pictures of the page for people to look at: node test/support/shoot.mjs OUT_FOLDER [REPORT.json]
import {mkdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {Browser, drawEverything, quickstart} from './page.mjs';

const [folder = 'shots', file, only] = process.argv.slice(2);
await mkdir(folder, {recursive: true});
const document = file ? JSON.parse(await readFile(file, 'utf8')) : await quickstart();
const browser = await Browser.start();
for (const [name, options] of Object.entries({
  light: {theme: 'light'}, dark: {theme: 'dark'}, phone: {theme: 'light', width: 360, height: 740},
})) {
  if (only && !only.split(',').includes(name)) continue;
  const page = await browser.open(document, options);
  await drawEverything(page);
  await page.screenshot({path: join(folder, `${name}.png`), fullPage: true});
  const wide = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  console.log(name, 'errors', page.errors, 'requests', page.requests, 'violations', await page.evaluate(() => window.violations), 'width', wide);
}
await browser.stop();
