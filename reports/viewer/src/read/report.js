// A reprise.report/1 document with every field in its place: absent ones are null or empty, never undefined.
import {Fields} from './fields.js';
import {readHistory} from './history.js';
import {readTimeline} from './timeline.js';

const readTool = (tool) => ({
  name: tool.text('name'), version: tool.text('version'), git_commit: tool.text('git_commit'), dirty: tool.flag('dirty'),
  compiler: tool.text('compiler'), flags: tool.text('flags'), build_type: tool.text('build_type'),
});

const readPoint = (point) => ({
  limit: point.text('limit'), threads: point.number('threads'), per_second: point.number('per_second'),
  instruction: point.text('instruction'), pages: point.text('pages'), huge_page_fraction: point.number('huge_page_fraction'),
});

const readRoofline = (roofline) => ({
  read: roofline.number('read_bytes_per_second'), f32_fma: roofline.number('f32_flops_per_second'),
  bf16_dot: roofline.number('bf16_dot_flops_per_second'), int8_dot: roofline.number('int8_dot_ops_per_second'),
  points: roofline.objects('points').map(readPoint),
});

const readMachine = (machine) => ({
  cpu: machine.text('cpu'), isa: machine.text('isa'), cores: machine.number('cores'), memory_bytes: machine.number('memory_bytes'),
  os: machine.text('os'), virtualized: machine.flag('virtualized'), governor: machine.text('governor'), gpus: machine.has('gpus') ? machine.texts('gpus') : null,
  roofline: machine.has('roofline') ? readRoofline(machine.object('roofline')) : null,
});

const readCapture = (capture) => {
  const model = capture.object('model');
  return {
    id: capture.text('id'), name: capture.text('name'),
    model: {
      name: model.text('name'), sha256: model.text('sha256'), architecture: model.text('architecture'),
      parameters: model.number('parameters'), stored_precision: model.text('stored_precision'),
    },
    n_prompt: capture.number('n_prompt'), n_cached: capture.number('n_cached'), n_generated: capture.number('n_generated'),
  };
};

const readPlacement = (placement) => ({
  backend: placement.text('backend'), isa: placement.text('isa'), precision: placement.text('precision'),
  kv_cache: placement.flag('kv_cache'), kv_precision: placement.text('kv_precision'), threads: placement.number('threads'),
  numerics: placement.text('numerics'),
});

const readVerification = (verification) => ({
  mode: verification.text('mode'), verdict: verification.text('verdict'),
  first_divergence: verification.number('first_divergence'), max_abs_logit_error: verification.number('max_abs_logit_error'),
  mean_kl_divergence: verification.number('mean_kl_divergence'), logits_digest: verification.text('logits_digest'),
});

function readMetrics(metrics) {
  const read = new Map();
  for (const name of Object.keys(metrics.value)) {
    const metric = metrics.object(name);
    const value = metric.number('value');
    if (value === null) continue;
    read.set(name, {
      value, unit: metric.text('unit'), better: metric.text('better'), ci: metric.interval('ci'),
      confidence: metric.number('confidence'), n: metric.number('n'), lag1_autocorrelation: metric.number('lag1_autocorrelation'),
      n_effective: metric.number('n_effective'),
    });
  }
  return read;
}

const readSamples = (samples) => ({
  total: samples.numbers('total_seconds'),
  tokens: samples.list('token_seconds').map((run) => (Array.isArray(run) ? run.filter(Number.isFinite) : [])),
  warmup: samples.numbers('warmup_total_seconds'),
  runs_per_block: samples.number('runs_per_block'),
});

const readCentre = (centre) => ({
  phase: centre.text('phase'), name: centre.text('name'), calls: centre.number('calls'), seconds: centre.number('seconds'),
  fraction: centre.number('fraction'), bytes: centre.number('bytes'), flops: centre.number('flops'),
  bytes_per_second: centre.number('bytes_per_second'), flops_per_second: centre.number('flops_per_second'),
  roofline_fraction: centre.number('roofline_fraction'), roofline_limit: centre.text('roofline_limit'),
});

const readOutliers = (outliers) => ({
  fences: outliers.interval('fences'), runs: outliers.number('runs'), slow: outliers.number('slow'), fast: outliers.number('fast'),
  causes: outliers.objects('causes').map((cause) => ({
    cause: cause.text('cause'), outliers: cause.number('outliers'), others: cause.number('others'),
  })),
  unexplained: outliers.number('unexplained'),
});

function readRow(row, index) {
  row.require('capture', 'placement', 'verification', 'metrics', 'samples', 'stop');
  const verification = readVerification(row.object('verification'));
  const stop = {reason: row.object('stop').text('reason'), converged: row.object('stop').flag('converged')};
  // A row that did not do the captured work has no figures, whatever a document may carry.
  const failed = verification.verdict === 'differs' || stop.reason === 'failed';
  const cold = row.object('cold');
  const memory = row.object('memory');
  return {
    index, failed, verification, stop,
    capture: readCapture(row.object('capture')),
    placement: readPlacement(row.object('placement')),
    metrics: failed ? new Map() : readMetrics(row.object('metrics')),
    samples: failed ? {total: [], tokens: [], warmup: [], runs_per_block: null} : readSamples(row.object('samples')),
    cold: row.has('cold') && !failed
      ? {total_seconds: cold.number('total_seconds'), time_to_first_token_seconds: cold.number('time_to_first_token_seconds')} : null,
    centres: failed ? [] : row.objects('cost_centres').map(readCentre).filter(({seconds}) => seconds !== null),
    unattributed: failed ? null : row.number('unattributed_seconds'),
    memory: row.has('memory')
      ? {weights_bytes: memory.number('weights_bytes'), kv_bytes: memory.number('kv_bytes'),
        activation_bytes: memory.number('activation_bytes'), peak_rss_bytes: memory.number('peak_rss_bytes')} : null,
    outliers: row.has('outliers') && !failed ? readOutliers(row.object('outliers')) : null,
    timeline: row.has('timeline') && !failed ? readTimeline(row.object('timeline')) : null,
  };
}

const readChange = (change) => ({seconds: change.number('seconds'), ci: change.interval('ci')});

function readTokens(tokens) {
  return {
    prefill: readChange(tokens.object('prefill')), per_token: readChange(tokens.object('per_token')),
    per_position: readChange(tokens.object('per_position')), n_later_tokens: tokens.number('n_later_tokens'),
  };
}

const readComparison = (comparison, index) => ({
  index,
  a: comparison.number('a'), b: comparison.number('b'), metric: comparison.text('metric'),
  median_ratio: comparison.number('median_ratio'), ci: comparison.interval('ci'), verdict: comparison.text('verdict'),
  pairs: comparison.number('pairs'), minimum_detectable_effect: comparison.number('minimum_detectable_effect'),
  confidence: comparison.number('confidence'), band: comparison.number('band'), processes: comparison.number('processes'),
  confirmed: comparison.flag('confirmed'), paired: comparison.flag('paired'),
  tokens: comparison.has('tokens') ? readTokens(comparison.object('tokens')) : null,
  centres: comparison.objects('centres').map((centre) => ({
    phase: centre.text('phase'), name: centre.text('name'), a_seconds: centre.number('a_seconds'),
    b_seconds: centre.number('b_seconds'), fraction: centre.number('fraction'), p_value: centre.number('p_value'),
  })),
});

export function readReport(document) {
  const problems = [];
  const report = new Fields(document, 'report', problems);
  report.require('created', 'tool', 'machine', 'comparisons');
  const rows = report.objects('rows').map(readRow);
  const comparisons = report.objects('comparisons').map(readComparison);
  for (const {index, a, b} of comparisons) {
    if (!rows[a] || !rows[b]) problems.push(`report.comparisons[${index}]: names a row that is not there`);
  }
  return {
    created: report.text('created'), tool: readTool(report.object('tool')), machine: readMachine(report.object('machine')),
    rows, comparisons: comparisons.filter(({a, b}) => rows[a] && rows[b]),
    history: report.has('history') ? readHistory(document.history, 'report.history', problems) : null,
    problems,
  };
}
