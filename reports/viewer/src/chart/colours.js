// Colours by meaning, as the style's variables: a chart in SVG follows the theme, and paper, without being drawn again.

const VERDICT_COLOUR = {
  identical: 'var(--good)',
  same_tokens: 'var(--warn)',
  within_tolerance: 'var(--warn)',
  differs: 'var(--bad)',
};

/** Shapes say the same as colours, for those who do not tell colours apart and for grey paper. */
const VERDICT_SHAPE = {
  identical: 'circle',
  same_tokens: 'diamond',
  within_tolerance: 'diamond',
  differs: 'cross',
};

const CHANGE_COLOUR = {
  regression: 'var(--bad)',
  improvement: 'var(--good)',
  equivalent: 'var(--muted)',
  inconclusive: 'var(--warn)',
  spread: 'var(--warn)',
};

// A document may carry any word, "constructor" among them: only own entries count.
const entry = (table, key, otherwise) => (key !== null && Object.hasOwn(table, key) ? table[key] : otherwise);

export const verdictColour = (verdict) => entry(VERDICT_COLOUR, verdict, 'var(--muted)');
export const verdictShape = (verdict) => entry(VERDICT_SHAPE, verdict, 'square');
export const verdictClass = (verdict) => entry({identical: 'good', same_tokens: 'warn', within_tolerance: 'warn', differs: 'bad'}, verdict, 'none');
export const toneColour = (tone) => entry({good: 'var(--good)', warn: 'var(--warn)', bad: 'var(--bad)'}, tone, 'var(--muted)');
export const changeColour = (kind) => entry(CHANGE_COLOUR, kind, 'var(--muted)');
export const changeClass = (kind) => entry({regression: 'bad', improvement: 'good', equivalent: 'none', inconclusive: 'warn', spread: 'warn'}, kind, 'none');

const SERIES = 10;
export const OTHER_KERNELS = 'other kernels';
export const UNATTRIBUTED = 'unattributed';

/**
 * One colour for each kernel in every chart of the page, those with most time first; beyond ten, kernels share the
 * colour of "other kernels". The colours are variables of the style, so each theme has its own.
 */
export function kernelColours(centreLists) {
  const seconds = new Map();
  for (const {name, seconds: time} of centreLists.flat()) seconds.set(name, (seconds.get(name) ?? 0) + time);
  const ranked = [...seconds].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name);
  const rank = new Map(ranked.map((name, i) => [name, i]));
  const key = (name) => {
    if (name === UNATTRIBUTED) return 'gap';
    const at = rank.get(name);
    return at === undefined || at >= SERIES ? 'other' : `k${at}`;
  };
  return {
    ranked,
    isOther: (name) => key(name) === 'other',
    swatch: (name) => `swatch-${key(name)}`,
    variable: (name) => `--${key(name)}`,
    colour: (name) => `var(--${key(name)})`,
  };
}
