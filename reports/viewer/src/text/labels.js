// Names of rows for people: what tells the rows of this report apart, and no more.

const PART = {
  backend: ({backend, isa}) => [backend, isa].filter(Boolean).join(' ') || null,
  precision: ({precision}) => precision,
  kv_cache: ({kv_cache: on}) => (typeof on === 'boolean' ? `KV ${on ? 'on' : 'off'}` : null),
  kv_precision: ({kv_precision: precision}) => (precision ? `${precision} KV` : null),
  threads: ({threads}) => (typeof threads === 'number' ? `${threads} thread${threads === 1 ? '' : 's'}` : null),
  numerics: ({numerics}) => numerics,
};

const ALWAYS = new Set(['backend', 'precision', 'kv_cache']);

const join = (parts) => parts.filter((part) => part !== null && part !== undefined).join(', ');

/** The whole placement in words. */
export const placementText = (placement) => join(Object.values(PART).map((part) => part(placement)));

function varies(rows, part) {
  return new Set(rows.map(({placement}) => part(placement))).size > 1;
}

/** What tells each row apart; rows at one placement, as of two builds, have the same. */
export function plainLabels(rows) {
  const parts = Object.entries(PART).filter(([name, part]) => ALWAYS.has(name) || varies(rows, part)).map(([, part]) => part);
  const captures = new Set(rows.map(({capture}) => capture.id ?? capture.name));
  return rows.map(({capture, placement}) =>
    join([captures.size > 1 ? capture.name ?? capture.id : null, ...parts.map((part) => part(placement))]));
}

/** One label for each row: equal ones get their number, so that every label names one row. */
export const rowLabels = (rows) => numbered(plainLabels(rows));

export function numbered(labels) {
  const seen = new Map();
  for (const label of labels) seen.set(label, (seen.get(label) ?? 0) + 1);
  return labels.map((label, i) => (seen.get(label) > 1 || label === '' ? `${label} #${i + 1}`.trim() : label));
}

const METRIC_NAMES = {
  total_seconds: 'total time',
  time_to_first_token_seconds: 'time to first token',
  prefill_tokens_per_second: 'prefill speed',
  decode_tokens_per_second: 'decode speed',
  inter_token_latency_p50_seconds: 'inter-token latency, p50',
  inter_token_latency_p90_seconds: 'inter-token latency, p90',
  inter_token_latency_p95_seconds: 'inter-token latency, p95',
  inter_token_latency_p99_seconds: 'inter-token latency, p99',
};

/** The entry of a table, or the key in words. A key such as "constructor" is no entry. */
const named = (table, key) => (Object.hasOwn(table, key) ? table[key] : key.replaceAll('_', ' '));

export const metricName = (name) => (name === null ? 'unnamed metric' : named(METRIC_NAMES, name));

export const STANDARD_METRICS = Object.keys(METRIC_NAMES);

const VERDICT_TEXT = {
  identical: 'identical',
  same_tokens: 'same tokens',
  within_tolerance: 'in tolerance',
  differs: 'differs',
};

export const verdictText = (verdict) => (verdict === null ? 'not verified' : named(VERDICT_TEXT, verdict));

const CAUSE_TEXT = {
  major_page_faults: 'major page faults',
  minor_page_faults: 'more minor page faults',
  involuntary_switches: 'involuntary context switches',
  voluntary_switches: 'voluntary context switches',
  steal: 'time taken by the hypervisor',
  lower_clock: 'a lower clock frequency',
};

export const causeText = (cause) => (cause === null ? 'unknown' : named(CAUSE_TEXT, cause));
