// Opens the built page in a real browser, as a file from disk, with a report embedded the way the program embeds it.
import {existsSync} from 'node:fs';
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import puppeteer from 'puppeteer-core';

const BROWSERS = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
// A limit for what hangs, not for what is slow.
const PATIENCE = 300_000;
const template = new URL('../../dist/report.html', import.meta.url);

/** What the program does: characters that could end the element or a line become \u escapes. */
export function embeddable(json) {
  return json.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export async function pageWith(text) {
  const page = await readFile(template, 'utf8');
  return page.replace('/*REPORT*/', () => embeddable(text));
}

export const quickstart = async () => JSON.parse(await readFile(new URL('../../../quickstart.json', import.meta.url), 'utf8'));

export class Browser {
  static async start() {
    const executablePath = BROWSERS.find((path) => path && existsSync(path));
    if (!executablePath) throw new Error('no Chromium: install Debian\'s package "chromium", or name one in CHROMIUM');
    const self = new Browser();
    self.folder = await mkdtemp(join(tmpdir(), 'report-page-'));
    self.browser = await puppeteer.launch({
      executablePath, headless: true, userDataDir: join(self.folder, 'profile'), timeout: PATIENCE, protocolTimeout: PATIENCE,
      // As few processes as there can be: on a busy machine each message between two of them waits for its turn.
      args: ['--no-sandbox', '--no-zygote', '--disable-dev-shm-usage', '--disable-gpu', '--in-process-gpu', '--disable-site-isolation-trials',
        '--renderer-process-limit=1', '--force-color-profile=srgb', '--hide-scrollbars'],
    });
    self.opened = 0;
    [self.page] = await self.browser.pages();
    await self.#watch(self.page);
    return self;
  }

  async #watch(page) {
    page.setDefaultTimeout(PATIENCE);
    page.on('console', (message) => ['error', 'warn', 'warning'].includes(message.type()) && page.errors.push(message.text()));
    page.on('pageerror', (error) => page.errors.push(String(error)));
    page.on('request', (request) => request.url().startsWith('file:') && request.isNavigationRequest() ? null : page.requests.push(request.url()));
    page.on('dialog', (dialog) => {
      page.errors.push(`dialog ${dialog.message()}`);
      return dialog.dismiss();
    });
    await page.evaluateOnNewDocument(() => {
      window.violations = [];
      document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
    });
  }

  /**
   * document: an object or a text. All documents open in one tab, one after the other. The page gets `errors` and
   * `requests`: what it must not have.
   */
  async open(document, {width = 1280, height = 900, theme = 'light'} = {}) {
    const text = typeof document === 'string' ? document : JSON.stringify(document);
    const file = join(this.folder, `report-${(this.opened += 1)}.html`);
    await writeFile(file, await pageWith(text));
    const {page} = this;
    Object.assign(page, {errors: [], requests: []});
    await page.emulateMediaType('screen');
    await page.setViewport({width, height});
    await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: theme}]);
    await page.goto(pathToFileURL(file).href);
    return page;
  }

  async stop() {
    await this.browser.close();
    await rm(this.folder, {recursive: true, force: true, maxRetries: 5});
  }
}

/** Draws every section at once, as printing does: no frame has to be painted for it, which a busy machine does slowly. */
export async function drawEverything(page) {
  await page.evaluate(() => {
    window.dispatchEvent(new Event('beforeprint'));
    window.dispatchEvent(new Event('afterprint'));
  });
}

/** Draws every section as a reader does: each is drawn when it comes into the window, however long that takes. */
export async function scrollThrough(page) {
  for (const waiting of ['section:not(.drawn)', '.chart:not(:has(svg))']) {
    for (let next = await page.$(waiting); next; next = await page.$(waiting)) {
      await next.evaluate((each) => each.scrollIntoView({block: 'center'}));
      await page.waitForFunction((each, selector) => !each.matches(selector), {}, next, waiting);
    }
  }
}

/**
 * Puts the pointer on an element and gives the text of the tooltip. A scroll that still goes on when the pointer arrives
 * takes the tooltip away again, as it should: so the element comes into view first, and is pointed at two frames later.
 */
export async function tooltipOf(page, element) {
  await element.scrollIntoView();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await element.hover();
  await page.waitForSelector('#tooltip:not([hidden])');
  return page.$eval('#tooltip', ({innerText}) => innerText);
}
