// What the report says, in sentences: what ran, whether outputs agree, what is fastest and by how much.
// Every figure is the report's own or the ratio of two of them, and the sentence says which.
import {formatCount, formatFigure, formatInterval, formatNumber, formatRatio, formatSignedPercent, listed, plural} from './format.js';
import {metricName, verdictText} from './labels.js';
import {judged, sameBits} from '../stats/equal_work.js';

const captureKey = ({capture}) => capture.id ?? capture.name;

/** Rows of one captured call are comparable; rows of two are not. */
export function rowsByCapture(rows) {
  const groups = new Map();
  for (const row of rows) {
    const key = captureKey(row);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return [...groups.values()];
}

function callText({name, model, n_prompt: prompt, n_cached: cached, n_generated: generated}) {
  const tokens = [
    prompt === null ? null : plural(prompt, 'token') + ' of context' + (cached ? `, ${formatCount(cached)} of them cached` : ''),
    generated === null ? null : `${formatCount(generated)} generated`,
  ].filter(Boolean);
  return `“${name ?? 'unnamed'}”${model.name ? ` of ${model.name}` : ''}${tokens.length ? ` (${tokens.join('; ')})` : ''}`;
}

export function whatRan({rows, machine}) {
  const calls = rowsByCapture(rows).map(([first]) => callText(first.capture));
  const shown = calls.length > 3 ? [...calls.slice(0, 2), `${calls.length - 2} more`] : calls;
  const where = machine.cpu ? ` on ${machine.cpu}${machine.gpus?.length ? ` with ${listed(machine.gpus)}` : ''}` : '';
  return `${calls.length === 1 ? 'The captured call' : `${calls.length} captured calls,`} ${listed(shown)}${calls.length > 1 ? ',' : ''} ` +
    `${calls.length === 1 ? 'was' : 'were'} replayed in ${plural(rows.length, 'row')}${where}.`;
}

const count = (rows, verdict) => rows.filter(({verification}) => verification.verdict === verdict).length;
const VERDICTS = ['identical', 'same_tokens', 'within_tolerance'];
const present = (values) => values.filter((value) => value !== null);

/** {state: good | warn | bad, text, short}. */
export function agreement(rows, labels) {
  const identical = count(rows, 'identical');
  const failed = rows.filter(({failed: has}) => has);
  const loose = rows.filter(({verification}) => ['same_tokens', 'within_tolerance'].includes(verification.verdict));
  const sentences = [];
  if (identical === rows.length) {
    sentences.push(rows.length === 1 ? 'It gave the captured tokens and the captured bits of every logit.'
      : `All ${rows.length} rows gave the captured tokens and the captured bits of every logit.`);
  } else if (identical > 0) {
    sentences.push(`${identical} of ${plural(rows.length, 'row')} gave the captured tokens and bits.`);
  }
  if (loose.length > 0) {
    const errors = present(loose.map(({verification}) => verification.max_abs_logit_error));
    const divergences = present(loose.map(({verification}) => verification.first_divergence));
    const details = [
      errors.length ? `largest logit error ${formatNumber(Math.max(...errors), 3)}` : null,
      divergences.length ? `earliest token drawn otherwise: ${formatCount(Math.min(...divergences))}` : null,
    ].filter(Boolean);
    sentences.push(`${loose.length} of ${rows.length} gave other bits within the tolerance${details.length ? ` (${details.join('; ')})` : ''}.`);
  }
  if (failed.length > 0) {
    const names = failed.slice(0, 3).map((row) => labels[row.index] +
      (row.verification.first_divergence === null ? '' : ` from token ${row.verification.first_divergence} on`));
    if (failed.length > 3) names.push(`${failed.length - 3} more`);
    sentences.push(`${plural(failed.length, 'row')} did not give the captured outputs and ${failed.length === 1 ? 'has' : 'have'} no figures: ${listed(names)}.`);
  }
  const state = failed.length > 0 ? 'bad' : loose.length > 0 || identical < rows.length ? 'warn' : 'good';
  const short = failed.length > 0 ? `${formatCount(failed.length)} of ${rows.length} differ`
    : identical === rows.length ? 'all identical'
      : VERDICTS.map((verdict) => [count(rows, verdict), verdict]).filter(([many]) => many > 0)
        .map(([many, verdict]) => `${many} ${verdictText(verdict)}`).join(', ') || 'not verified';
  return {state, text: sentences.join(' ') || 'No row says whether its outputs were verified.', short};
}

const total = (row) => row.metrics.get('total_seconds');
const overlap = (a, b) => Boolean(a.ci && b.ci && a.ci[1] >= b.ci[0] && b.ci[1] >= a.ci[0]);

/** The fastest row of a captured call, the fastest with the captured bits, and the slowest; null without figures. */
export function extremes(rows) {
  const timed = rows.filter(total).sort((a, b) => total(a).value - total(b).value || a.index - b.index);
  if (timed.length === 0) return null;
  return {
    fastest: timed[0],
    next: timed[1] ?? null,
    exact: timed.find(({verification}) => verification.verdict === 'identical') ?? null,
    slowest: timed[timed.length - 1],
    timed: timed.length,
  };
}

const caveat = (row) => (row.stop.converged === false ? ` (not converged: ${(row.stop.reason ?? 'unknown').replaceAll('_', ' ')})` : '');

/** Of a profile alone: kernels were timed in a run of their own, and there are no samples to have a median. */
export const isProfiledOnly = (row) => !row.failed && !total(row) && row.centres.length > 0;

export function speedText(rows, labels) {
  const found = extremes(rows);
  if (!found && rows.some(isProfiledOnly)) return 'Kernels were timed, in a run of their own; to time whole calls, use replay or bench.';
  if (!found) return 'No row has figures.';
  const {fastest, next, exact, slowest} = found;
  const name = (row) => labels[row.index];
  const timeOf = (row) => formatFigure(total(row).value, total(row).unit);
  if (!next) return `${name(fastest)} took ${timeOf(fastest)}${caveat(fastest)}.`;
  const parts = [];
  const isExact = fastest.verification.verdict === 'identical';
  parts.push(`Fastest: ${name(fastest)}, ${timeOf(fastest)}${caveat(fastest)}${isExact ? '' : ', with other bits than the captured ones'}` +
    `${overlap(total(fastest), total(next)) ? `; its interval overlaps that of ${name(next)}, so the order of the two is not certain` : ''}.`);
  if (!isExact && exact) {
    parts.push(`Fastest with the captured bits: ${name(exact)}, ${timeOf(exact)}${caveat(exact)}, ${formatRatio(total(exact).value / total(fastest).value)} as long.`);
  }
  if (slowest !== exact || isExact) {
    parts.push(`Slowest: ${name(slowest)}, ${timeOf(slowest)}${caveat(slowest)}, ${formatRatio(total(slowest).value / total(fastest).value)} as long as the fastest (ratio of medians).`);
  }
  return parts.join(' ');
}

/** What comparisons say, the worst first: [{text, tone, count}]. Improvements with other bits are counted apart. */
export function verdictCounts(comparisons, rows) {
  const counts = new Map();
  for (const comparison of comparisons) {
    const {text, tone} = judged(comparison, rows);
    const entry = counts.get(text) ?? {text, tone, count: 0};
    entry.count += 1;
    counts.set(text, entry);
  }
  const rank = {bad: 0, warn: 1, good: 2, none: 3};
  return [...counts.values()].sort((a, b) => rank[a.tone] - rank[b.tone]);
}

/** Whether a row's work is that of the capture bit by bit decides whether its speed may be called a win. */
export function comparisonText(comparison, rows, labels) {
  const {a, b, metric, median_ratio: ratio, ci, verdict} = comparison;
  const interval = ci ? `, interval ${formatInterval(ci, '')}` : ', without an interval';
  const differ = [rows[a], rows[b]].some(({failed}) => failed) ? ' Outputs differ: this is no comparison of equal work.'
    : verdict === 'improvement' && !sameBits(rows[a], rows[b]) ? ' The two have other bits: not a plain win.' : '';
  const confirmed = comparison.confirmed === true ? ', seen again in fresh processes' : comparison.confirmed === false ? ', not seen again' : '';
  const who = labels[a] === labels[b] ? '' : `${labels[b]} against ${labels[a]}, `;
  return `${who}${metricName(metric)}: ${verdict ?? 'no verdict'}${confirmed}; ratio b over a ${formatNumber(ratio)} (${formatSignedPercent(ratio === null ? null : ratio - 1)}${interval}).${differ}`;
}

/** What a careful reader should know before believing a figure. */
export function cautions({tool, machine, rows, comparisons}) {
  const notes = [];
  const open = rows.filter((row) => !row.failed && !isProfiledOnly(row) && row.stop.converged === false).length;
  if (open > 0) notes.push(`${plural(open, 'row')} did not converge: the median may still move, see “stopped” in the table.`);
  if (tool.dirty) notes.push('The program was built with uncommitted changes.');
  if (tool.build_type && !/^(release|relwithdebinfo|minsizerel)$/i.test(tool.build_type)) notes.push(`The build type is ${tool.build_type}.`);
  if (machine.virtualized) notes.push('The machine is virtual: neighbours may have taken part of its time.');
  if (machine.governor && !['performance', 'unknown'].includes(machine.governor)) notes.push(`The frequency governor is ${machine.governor}.`);
  if (rows.some(({placement}) => placement.backend === 'hip-emulated')) notes.push('hip-emulated rows run GPU kernels on the processor: their speed says nothing about a GPU.');
  if (rows.some(({placement}) => placement.numerics === 'fast')) notes.push('Rows with numerics fast promise equal bits only on this machine and build.');
  if (comparisons.some(({paired}) => paired === false)) notes.push('Some comparisons are of reports measured at different times: their runs did not take turns.');
  return notes;
}
