// Frames of a flame chart, level by level: pure functions from events or cost centres to columns of
// {name, start, seconds}. Levels are arrays sorted by start, so that drawing can search in them.
import {UNATTRIBUTED} from '../chart/colours.js';
import {sum} from '../stats/quantile.js';

const PHASES = ['prefill', 'decode'];
export const phaseName = (phase) => PHASES[phase] ?? `phase ${phase}`;
export const layerName = (layer) => (layer < 0 ? 'outside of layers' : `layer ${layer}`);

const frame = (name, start, seconds, extra = {}) => ({name, start, seconds, calls: null, kernel: null, ...extra});

/** Phase > kernel, one after the other by time: all that cost centres tell. */
export function framesFromCentres(row) {
  const levels = [[], []];
  let at = 0;
  for (const phase of new Set([...PHASES, ...row.centres.map(({phase: name}) => name)])) {
    const centres = row.centres.filter((centre) => centre.phase === phase && centre.seconds > 0).sort((a, b) => b.seconds - a.seconds);
    if (centres.length === 0) continue;
    levels[0].push(frame(phase ?? 'no phase', at, sum(centres.map(({seconds}) => seconds))));
    for (const {name, seconds, calls} of centres) {
      levels[1].push(frame(name, at, seconds, {calls, kernel: name, path: [phase]}));
      at += seconds;
    }
  }
  if (row.unattributed > 0) {
    levels[0].push(frame(UNATTRIBUTED, at, row.unattributed, {kernel: UNATTRIBUTED}));
    at += row.unattributed;
  }
  return {levels, total: at, names: ['phase', 'kernel']};
}

/** Adds up events by a key at each level, in one pass. */
function summedTree(timeline) {
  const root = new Map();
  for (let i = 0; i < timeline.n; i += 1) {
    const keys = [timeline.phase[i], timeline.layer[i], timeline.kernel[i]];
    let level = root;
    for (const key of keys) {
      let node = level.get(key);
      if (!node) {
        node = {key, seconds: 0, calls: 0, children: new Map()};
        level.set(key, node);
      }
      node.seconds += timeline.seconds[i];
      node.calls += 1;
      level = node.children;
    }
  }
  return root;
}

/** Phase > layer > kernel, all calls of a kernel in a layer together; unattributed as the report has it. */
export function framesSummed(timeline, unattributed) {
  const levels = [[], [], []];
  const names = [phaseName, layerName, (kernel) => timeline.kernels[kernel]];
  const place = (nodes, depth, start, path) => {
    let at = start;
    const byTime = (a, b) => b.seconds - a.seconds;
    const byKey = (a, b) => a.key - b.key;
    for (const node of [...nodes.values()].sort(depth === 2 ? byTime : byKey)) {
      const name = names[depth](node.key);
      levels[depth].push(frame(name, at, node.seconds, {calls: node.calls, kernel: depth === 2 ? name : null, path}));
      place(node.children, depth + 1, at, [...path, name]);
      at += node.seconds;
    }
    return at;
  };
  let total = place(summedTree(timeline), 0, 0, []);
  if (unattributed > 0) {
    levels[0].push(frame(UNATTRIBUTED, total, unattributed, {kernel: UNATTRIBUTED}));
    total += unattributed;
  }
  return {levels, total, names: ['phase', 'layer', 'kernel']};
}

/** Neighbours with equal keys become one frame, from the first one's start to the last one's end. */
function merged(timeline, order, key, name) {
  const frames = [];
  let open = null;
  let openKey = null;
  for (const i of order) {
    const own = key(i);
    const end = timeline.start[i] + timeline.seconds[i];
    if (open && own === openKey) {
      open.seconds = Math.max(open.seconds, end - open.start);
      open.calls += 1;
    } else {
      open = frame(name(i), timeline.start[i], timeline.seconds[i], {calls: 1});
      openKey = own;
      frames.push(open);
    }
  }
  return frames;
}

/** The run as it went: phase > token > layer > kernel. Gaps are time in no kernel. */
export function framesInOrder(timeline) {
  const order = Uint32Array.from({length: timeline.n}, (_, i) => i).sort((a, b) => timeline.start[a] - timeline.start[b]);
  const {phase, token, layer} = timeline;
  const inPhase = merged(timeline, order, (i) => phase[i], (i) => phaseName(phase[i]));
  const inToken = merged(timeline, order, (i) => `${phase[i]} ${token[i]}`, (i) => `token ${token[i]}`);
  const inLayer = merged(timeline, order, (i) => `${phase[i]} ${token[i]} ${layer[i]}`, (i) => layerName(layer[i]));
  const kernels = Array.from(order, (i) => {
    const name = timeline.kernels[timeline.kernel[i]];
    return frame(name, timeline.start[i], timeline.seconds[i], {kernel: name, path: [phaseName(phase[i]), `token ${token[i]}`, layerName(layer[i])]});
  });
  const first = kernels[0].start;
  const levels = [inPhase, inToken, inLayer, kernels];
  // Times count from the first event: where the clock began means nothing.
  levels.forEach((level) => level.forEach((each) => {
    each.start -= first;
  }));
  const total = kernels.reduce((most, {start, seconds}) => Math.max(most, start + seconds), 0);
  return {levels, total, names: ['phase', 'token', 'layer', 'kernel'], covered: sum(timeline.seconds)};
}

/** Index of the first frame that ends after `time`; frames are in order and hardly overlap. */
export function firstEndingAfter(level, time) {
  let low = 0;
  let high = level.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (level[middle].start + level[middle].seconds <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The frame of a level that holds `time`, or null in a gap. */
export function frameAt(level, time) {
  const found = level[firstEndingAfter(level, time)];
  return found && found.start <= time ? found : null;
}

/**
 * What to paint of a level in [from, to] on `width` pixels: {frame, x, width}. Frames thinner than a pixel share it,
 * and the first of them colours it, so 100,000 events cost no more than the pixels they cover.
 */
export function visibleFrames(level, from, to, width) {
  const scale = width / (to - from);
  const shown = [];
  let painted = -1;
  for (let i = firstEndingAfter(level, from); i < level.length && level[i].start < to; i += 1) {
    const left = Math.max(0, (level[i].start - from) * scale);
    const right = Math.min(width, (level[i].start + level[i].seconds - from) * scale);
    if (Math.floor(right) <= painted && right - left < 1) continue;
    painted = Math.floor(right);
    shown.push({frame: level[i], x: left, width: Math.max(right - left, 0.7)});
  }
  return shown;
}
