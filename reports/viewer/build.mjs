// Bundles src/ into dist/report.html, or the file named on the command line: one file, the same bytes each time from the same lockfile.
// The script and the style stand inline, and the page's policy names them by their SHA-256, so that nothing else runs.
import {build} from 'esbuild';
import {createHash} from 'node:crypto';
import {mkdir, readFile, readdir, writeFile} from 'node:fs/promises';
import {dirname} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));

// The only line that a writer of reports touches. engine-side code looks for the text between the tags.
export const PLACEHOLDER = '/*REPORT*/';
const PLACEHOLDER_LINE = `<script type="application/json" id="report">${PLACEHOLDER}</script>`;

async function bundle(entry) {
  return build({
    absWorkingDir: here,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: entry.endsWith('.css') ? undefined : 'iife',
    target: ['chrome111', 'firefox113', 'safari16.4'],
    charset: 'utf8',
    legalComments: 'none',
    // vega-lite takes a few helpers from vega; this gives them without the map, force and word-cloud parts.
    alias: {vega: './src/chart/vega.js'},
    metafile: true,
  });
}

const textOf = (result) => result.outputFiles[0].text.trim();

/** Licences of the packages that travel in the page, which those licences ask for; equal texts stand once. */
async function licences({metafile}) {
  const folders = new Set(Object.keys(metafile.inputs).map((path) => /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean));
  const packages = new Map();
  for (const folder of [...folders].sort()) {
    const {name, version} = JSON.parse(await readFile(new URL(`${folder}/package.json`, import.meta.url), 'utf8'));
    const file = (await readdir(new URL(folder, import.meta.url))).find((each) => /^licen[cs]e/i.test(each));
    if (!file) throw new Error(`${name}: no licence file`);
    const text = (await readFile(new URL(`${folder}/${file}`, import.meta.url), 'utf8')).trim();
    packages.set(text, [...(packages.get(text) ?? []), `${name} ${version}`]);
  }
  return [...packages].map(([text, names]) => `${names.join(', ')}\n\n${text}`).join('\n\n---\n\n').replaceAll('<', '&lt;');
}

const source = (text) => `'sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}'`;

function fill(template, parts) {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => {
    if (!(name in parts)) throw new Error(`page.html: no part named ${name}`);
    return parts[name];
  });
}

export async function buildPage() {
  const code = await bundle('src/main.js');
  const script = textOf(code);
  const style = textOf(await bundle('src/style/page.css'));
  const template = await readFile(new URL('src/page.html', import.meta.url), 'utf8');
  for (const [name, text] of Object.entries({script, style})) {
    if (/<\/(script|style)|<!--/i.test(text)) throw new Error(`${name}: would end its element early`);
  }
  const policy = [
    "default-src 'none'",
    `script-src ${source(script)}`,
    `style-src ${source(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const page = fill(template, {script, style, policy, report: PLACEHOLDER_LINE, licences: await licences(code)});
  if (page.split(PLACEHOLDER).length !== 2) throw new Error('the placeholder must stand in the page exactly once');
  return page;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = await buildPage();
  const out = process.argv[2] ?? fileURLToPath(new URL('dist/report.html', import.meta.url));
  await mkdir(dirname(out), {recursive: true});
  await writeFile(out, page);
  console.log(`${out}: ${Buffer.byteLength(page)} bytes`);
}
