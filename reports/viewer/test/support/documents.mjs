// Documents for tests: small valid ones to bend, and a big one. All figures come from a fixed generator.

export function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const KERNELS = ['linear', 'attention', 'swiglu', 'rms_norm', 'rope', 'store_kv', 'embed', 'softmax', 'add', 'argmax', 'copy', 'dequantize'];

const metric = (value, unit, better) => ({unit, better, value, ci: [value * 0.99, value * 1.012], confidence: 0.95, n: 60, lag1_autocorrelation: 0.1, n_effective: 48.5});

export function makeTimeline(events, random = generator(5), layers = 28) {
  const columns = {kernel: [], token: [], layer: [], start_seconds: [], seconds: []};
  let at = 12.5;
  for (let i = 0; i < events; i += 1) {
    const place = i / events;
    columns.kernel.push(i % KERNELS.length);
    columns.token.push(place < 0.15 ? 0 : Math.floor(((place - 0.15) / 0.85) * 63) + 1);
    columns.layer.push(i % 97 === 0 ? null : Math.floor(i / KERNELS.length) % layers);
    const seconds = 1e-6 * (1 + 9 * random());
    columns.start_seconds.push(at);
    columns.seconds.push(seconds);
    at += seconds * (1 + 0.1 * random());
  }
  return {kernels: KERNELS, events: columns};
}

export function makeCentres(wall, names = KERNELS) {
  let rest = wall * 0.94;
  return ['decode', 'prefill'].flatMap((phase) => names.map((name) => {
    const seconds = rest * 0.3;
    rest -= seconds;
    return {phase, name, calls: 100, seconds, fraction: seconds / wall, bytes: Math.round(seconds * 2e10), flops: Math.round(seconds * 4e10), bytes_per_second: 2e10,
      flops_per_second: 4e10, roofline_fraction: 0.5, roofline_limit: 'read'};
  }));
}

export function makeRow({index = 0, runs = 40, tokens = 16, kv = true, precision = 'f32', backend = 'cpu', verdict = 'identical', threads = 2, name = 'call'} = {}) {
  const random = generator(index + 1);
  const step = (kv ? 0.001 : 0.004) * (1 + 0.05 * index);
  const runOf = () => Array.from({length: tokens}, (_, i) => (i === 0 ? step * 8 : step + (kv ? 1e-6 : 2e-5) * i) * (1 + 0.02 * random() + (random() > 0.97 ? 0.4 : 0)));
  const tokenSeconds = Array.from({length: runs}, runOf);
  const total = tokenSeconds.map((run) => run.reduce((sum, value) => sum + value, 0));
  const middle = [...total].sort((a, b) => a - b)[Math.floor(runs / 2)] ?? 0.02;
  const wall = middle * 1.02;
  const centres = makeCentres(wall);
  const failed = verdict === 'differs';
  return {
    capture: {id: `id-${name}`, name, model: {name: 'tiny', sha256: 'ab'.repeat(32), architecture: 'qwen3', parameters: 3803904, stored_precision: 'f32'}, n_prompt: 50, n_cached: 10, n_generated: tokens},
    placement: {backend, isa: backend === 'reference' ? 'scalar' : 'avx512', precision, kv_cache: kv, kv_precision: 'f32', threads, numerics: 'exact'},
    verification: {mode: verdict === 'identical' ? 'free' : 'forced', verdict, first_divergence: verdict === 'identical' ? null : 3, max_abs_logit_error: verdict === 'identical' ? 0 : 0.05,
      mean_kl_divergence: verdict === 'identical' ? 0 : 1e-4, logits_digest: verdict === 'identical' ? 'digest0' : `digest-${precision}`},
    metrics: failed ? {} : {
      total_seconds: metric(middle, 's', 'lower'), time_to_first_token_seconds: metric(step * 8, 's', 'lower'), decode_tokens_per_second: metric(1 / step, 'tokens/s', 'higher'),
      prefill_tokens_per_second: metric(40 / (step * 8), 'tokens/s', 'higher'), inter_token_latency_p50_seconds: metric(step, 's', 'lower'), inter_token_latency_p99_seconds: metric(step * 1.4, 's', 'lower'),
    },
    samples: failed ? {total_seconds: [], token_seconds: [], warmup_total_seconds: []} : {total_seconds: total, token_seconds: tokenSeconds, warmup_total_seconds: [middle * 1.6, middle * 1.2], runs_per_block: null},
    cold: failed ? null : {total_seconds: middle * 1.6, time_to_first_token_seconds: step * 12},
    stop: failed ? {reason: 'failed', converged: false} : index % 7 === 6 ? {reason: 'budget', converged: false} : {reason: 'converged', converged: true},
    cost_centres: failed ? [] : centres, unattributed_seconds: failed ? null : wall - centres.reduce((sum, {seconds}) => sum + seconds, 0),
    memory: {weights_bytes: 15215616, kv_bytes: 311296, activation_bytes: 1049248, peak_rss_bytes: 1115611136},
    outliers: failed ? null : {fences: [middle * 0.98, middle * 1.03], runs, slow: total.filter((value) => value > middle * 1.03).length, fast: 0, causes: [{cause: 'steal', outliers: 2, others: 1}], unexplained: 1},
    timeline: null,
  };
}

export const MACHINE = {
  cpu: 'AMD EPYC', isa: 'avx512', cores: 2, memory_bytes: 25276518400, os: 'Debian GNU/Linux 12', virtualized: true, governor: 'unknown', gpus: [],
  roofline: {read_bytes_per_second: 4.06e10, f32_flops_per_second: 5.45e11, bf16_dot_flops_per_second: 9e11, int8_dot_ops_per_second: 2e12,
    points: [{limit: 'read', threads: 1, per_second: 2.1e10, instruction: 'avx512', pages: 'huge', huge_page_fraction: 0.98}, {limit: 'f32_fma', threads: 1, per_second: 2.7e11, instruction: 'avx512', pages: null, huge_page_fraction: null}]},
};

export const TOOL = {name: 'reprise', version: '0.1.0', git_commit: '0a6340a000dca892990b800375bff69ee4fcdcac', dirty: false, compiler: 'GNU 12.2.0', flags: '-O2', build_type: 'Release'};

export const makeReport = (rows, comparisons = []) => ({schema: 'reprise.report/1', created: '2026-11-21T14:06:38Z', tool: TOOL, machine: MACHINE, rows, comparisons});

export function makeComparison(a, b, verdict, ratio, metricName = 'total_seconds') {
  const names = [['decode', 'linear', 0.6], ['decode', 'attention', 0.3], ['prefill', 'linear', 0.15], ['decode', 'rope', -0.1], ['', 'unattributed', 0.05]];
  const change = 0.02 * (ratio - 1);
  return {a, b, metric: metricName, median_ratio: ratio, ci: [ratio * 0.995, ratio * 1.005], verdict, pairs: 64, minimum_detectable_effect: 0.008, confidence: 0.99, band: 0.01, processes: 1,
    confirmed: verdict === 'regression' ? true : null, paired: true,
    tokens: {prefill: {seconds: change * 0.2, ci: [change * 0.1, change * 0.3]}, per_token: {seconds: change * 0.05, ci: null}, per_position: {seconds: 1e-9, ci: [-1e-9, 3e-9]}, n_later_tokens: 15},
    centres: names.map(([phase, name, fraction], i) => ({phase, name, a_seconds: 0.005, b_seconds: 0.005 + change * fraction, fraction, p_value: i === 3 ? 0.4 : 0.001}))};
}

export function comparisonReport() {
  const rows = [makeRow({index: 0}), makeRow({index: 0}), makeRow({index: 1, precision: 'bf16', verdict: 'within_tolerance'})];
  return makeReport(rows, [makeComparison(0, 1, 'regression', 1.034), makeComparison(0, 1, 'equivalent', 1.001, 'time_to_first_token_seconds'), makeComparison(0, 2, 'improvement', 0.8), makeComparison(0, 2, 'inconclusive', 1.009, 'time_to_first_token_seconds')]);
}

/** 100 rows, 10,000 samples, 100,000 kernel events. */
export function bigReport() {
  const rows = [];
  const precisions = ['f32', 'f16', 'bf16', 'int8', 'int4'];
  for (let index = 0; index < 100; index += 1) {
    const precision = precisions[index % 5];
    rows.push(makeRow({index, runs: 100, tokens: 24, kv: index % 10 < 5, precision, backend: index % 3 ? 'cpu' : 'reference', threads: 1 + Math.floor(index / 10),
      verdict: precision === 'f32' ? 'identical' : index % 31 === 30 ? 'differs' : 'within_tolerance', name: index < 50 ? 'first' : 'second'}));
  }
  rows[0].timeline = makeTimeline(100_000);
  return makeReport(rows);
}

export function historyDocument() {
  const random = generator(9);
  const commit = (i) => (i + 0x1000).toString(16).repeat(10);
  const point = (i, level) => ({commit: commit(i), created: `2026-0${1 + (i % 9)}-11T10:00:00Z`, value: level * (1 + 0.01 * random()), ci: [level * 0.995, level * 1.015], n: 60, tool: 'reprise 0.1.0', report_sha256: 'cd'.repeat(32)});
  const track = (id, name, jump) => {
    const points = Array.from({length: 60}, (_, i) => point(i, 0.0043 * (i >= 40 && jump ? jump : 1)));
    const place = (i) => ({commit: commit(i), created: points[i].created});
    return {id, capture: {id: 'x', name}, model: {name: 'tiny', sha256: 'ab'}, placement: {backend: 'cpu', isa: 'avx512', precision: 'f32', kv_cache: true, kv_precision: 'f32', threads: 2, numerics: 'exact'},
      metric: 'total_seconds', unit: 's', better: 'lower', machine: {fingerprint: 'f1', description: 'AMD EPYC, 2 cores'}, branch: 'main', n_points: 60, newest: points[59], points, newest_is_regression: jump > 1,
      changes: jump ? [{kind: jump > 1 ? 'regression' : 'improvement', index: 40, last_good: place(39), first_changed: place(40), before: 0.00432, after: 0.00432 * jump, relative_change: jump - 1, p: 0.001}] : []};
  };
  return {schema: 'reprise.history/1', created: '2026-11-21T14:06:38Z', tracks: [track(1, 'steady', 0), track(2, 'slower', 1.06), track(3, 'faster', 0.9)]};
}
