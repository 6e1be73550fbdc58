// How many times as fast a row is as a reference, and whether the two did the same work. Faster with other bits is
// never a plain win: everything that colours a speed asks here.

const captureKey = ({capture}) => capture.id ?? capture.name;

/** row => its reference: the first row of its capture, or the chosen row where that is of the same capture. */
export function referenceFor(rows, choice) {
  const first = new Map();
  for (const row of rows) if (!first.has(captureKey(row))) first.set(captureKey(row), row);
  if (choice === 'first') return (row) => first.get(captureKey(row));
  const chosen = rows[Number(choice)];
  return (row) => (captureKey(row) === captureKey(chosen) ? chosen : null);
}

/** {ratio, isEqualWork, note}; null where either has no figures. Equal work means the captured bits on both sides. */
export function speedOf(row, reference) {
  const own = row.metrics.get('total_seconds');
  const base = reference?.metrics.get('total_seconds');
  if (!own || !base || !(own.value > 0)) return null;
  const isExact = row.verification.verdict === 'identical';
  const isEqualWork = isExact && reference.verification.verdict === 'identical';
  const note = !isExact ? 'other bits' : !isEqualWork ? 'reference has other bits' : 'same bits';
  return {ratio: base.value / own.value, isEqualWork, note};
}

/** Whether two rows computed the same bits: both the captured ones, or the same digest of logits. */
export function sameBits(a, b) {
  if (a.failed || b.failed) return false;
  if (a.verification.verdict === 'identical' && b.verification.verdict === 'identical') return true;
  const digest = a.verification.logits_digest;
  return digest !== null && digest === b.verification.logits_digest;
}

/** What a comparison may be called: {verdict, text, tone}. */
export function judged({verdict, a, b}, rows) {
  if (rows[a].failed || rows[b].failed) return {verdict, text: `${verdict ?? 'no verdict'}, outputs differ`, tone: 'bad'};
  if (verdict === 'improvement' && !sameBits(rows[a], rows[b])) return {verdict, text: 'improvement, other bits', tone: 'warn'};
  const tones = {regression: 'bad', improvement: 'good', equivalent: 'none', inconclusive: 'warn'};
  return {verdict, text: verdict ?? 'no verdict', tone: verdict !== null && Object.hasOwn(tones, verdict) ? tones[verdict] : 'none'};
}
