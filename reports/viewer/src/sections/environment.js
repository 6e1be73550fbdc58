// What ran where, to the digit, and the commands that run it again.
import {definitions, element} from '../dom/element.js';
import {plainTable} from '../table/table_view.js';
import {profileCommand, replayCommand} from '../text/command.js';
import {DASH, formatBytes, formatCount, formatPercent, formatRate, formatSeconds} from '../text/format.js';
import {rowsByCapture} from '../text/summary.js';

const yesNo = (flag) => (flag === null ? DASH : flag ? 'yes' : 'no');
const code = (text) => (text === null ? DASH : element('code', {}, text));

/** Copies through a selection where the clipboard is refused, as some browsers do for files. */
async function copy(text, button, target) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(target);
    button.textContent = 'Selected';
  }
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 1500);
}

/** A flag and its value stay on one line; a break inside of "--kv-cache" would be read as another command. */
const flagsTogether = (text) => text.split(/(?= --)/).map((part) => [part.startsWith(' ') ? ' ' : '', element('span', {class: 'together'}, part.trim())]);

function command(text) {
  const shown = element('code', {}, flagsTogether(text));
  const button = element('button', {type: 'button', class: 'plain', 'aria-label': `Copy: ${text}`, onclick: () => copy(text, button, shown)}, 'Copy');
  return element('div', {class: 'command'}, shown, button);
}

const machineFacts = ({cpu, isa, cores, memory_bytes: memory, os, virtualized, governor, gpus}) => definitions([
  ['processor', cpu ?? DASH], ['widest instruction set', isa ?? DASH], ['cores', cores ? formatCount(cores) : DASH],
  ['memory', memory ? formatBytes(memory) : DASH], ['system', os ?? DASH], ['virtual machine', yesNo(virtualized)],
  ['frequency governor', governor ?? DASH], ['GPUs', gpus === null ? DASH : gpus.length ? gpus.join(', ') : 'none'],
]);

const toolFacts = ({name, version, git_commit: commit, dirty, compiler, flags, build_type: type}) => definitions([
  ['program', `${name ?? DASH} ${version ?? ''}`], ['commit', code(commit)], ['uncommitted changes', yesNo(dirty)],
  ['compiler', compiler ?? DASH], ['flags', code(flags)], ['build type', type ?? DASH],
]);

const captureTable = (rows) => plainTable('Captures', ['capture', 'digest', 'model', 'architecture', '#parameters', 'stored as', 'digest of the weights', '#context', '#cached', '#generated'],
  rowsByCapture(rows).map(([{capture}]) => [
    capture.name ?? DASH, code(capture.id), capture.model.name ?? DASH, capture.model.architecture ?? DASH, formatCount(capture.model.parameters),
    capture.model.stored_precision ?? DASH, code(capture.model.sha256), formatCount(capture.n_prompt), formatCount(capture.n_cached), formatCount(capture.n_generated),
  ]));

const rowTable = (rows, labels) => plainTable('Placements, digests and commands',
  ['row', 'replay it', 'backend', 'isa', 'precision', 'KV cache', 'KV precision', '#threads', 'numerics', 'verified', 'digest of the logits', '#weights', '#KV cache', '#activations', '#peak memory', '#cold run'],
  rows.map((row) => {
    const {placement: at, verification, memory} = row;
    return [labels[row.index], command(replayCommand(row)), at.backend ?? DASH, at.isa ?? DASH, at.precision ?? DASH, at.kv_cache === null ? DASH : at.kv_cache ? 'on' : 'off',
      at.kv_precision ?? DASH, formatCount(at.threads), at.numerics ?? DASH, [verification.mode, verification.verdict?.replaceAll('_', ' ')].filter(Boolean).join(': ') || DASH,
      code(verification.logits_digest), formatBytes(memory?.weights_bytes), formatBytes(memory?.kv_bytes), formatBytes(memory?.activation_bytes), formatBytes(memory?.peak_rss_bytes),
      row.cold ? formatSeconds(row.cold.total_seconds) : DASH];
  }));

function rooflineTable(roofline) {
  if (!roofline) return element('p', {class: 'muted'}, 'The limits of this machine were not measured.');
  const rate = (limit, value) => formatRate(value, limit === 'read' ? 'B/s' : limit === 'int8_dot' ? 'op/s' : 'flop/s');
  const best = ['read', 'f32_fma', 'bf16_dot', 'int8_dot'].map((limit) => [limit.replaceAll('_', ' '), 'best', rate(limit, roofline[limit]), DASH, DASH, DASH]);
  const points = roofline.points.map((point) => [(point.limit ?? DASH).replaceAll('_', ' '), formatCount(point.threads), rate(point.limit, point.per_second), point.instruction ?? DASH,
    point.pages ?? DASH, formatPercent(point.huge_page_fraction)]);
  return plainTable('Measured limits', ['limit', 'threads', '#rate', 'instruction', 'pages', '#in huge pages'], [...best, ...points]);
}

export function renderEnvironment({tool, machine, rows}, {labels}) {
  const profiled = rows.find(({centres}) => centres.length > 0);
  return [
    rows.length ? [
      element('h3', {}, 'Run it again'),
      element('p', {}, 'Beside the captures, with the model found by its digest (--model or REPRISE_MODELS). For example:'),
      command(replayCommand(rows[0])),
      profiled ? [element('p', {}, 'and where the time goes:'), command(profileCommand(profiled))] : null,
      element('h3', {}, 'Rows'), rowTable(rows, labels),
      element('h3', {}, 'Captures'), captureTable(rows),
    ] : null,
    element('h3', {}, 'Machine'), machineFacts(machine),
    element('h3', {}, 'Limits of the machine'), rooflineTable(machine.roofline),
    element('h3', {}, 'Build'), toolFacts(tool),
  ];
}
