// The look of all charts. Colours are the style's variables, so SVG follows the theme without being drawn again.

const FONT = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';
const text = {labelColor: 'var(--muted)', titleColor: 'var(--text)', labelFont: FONT, titleFont: FONT, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500};

export const chartConfig = {
  background: null,
  // The figure has one description; a label on each of a thousand marks helps nobody.
  aria: false,
  padding: {left: 2, right: 16, top: 4, bottom: 2},
  font: FONT,
  view: {stroke: null},
  axis: {...text, gridColor: 'var(--grid)', domainColor: 'var(--line)', tickColor: 'var(--line)', gridDash: [2, 3], tickSize: 4, labelLimit: 320, titlePadding: 8},
  header: text,
  legend: {disable: true},
  mark: {font: FONT, color: 'var(--k0)'},
  text: {font: FONT, fill: 'var(--text)', fontSize: 12},
  rule: {stroke: 'var(--text)'},
};

/** y axis of rows. A narrow chart writes a label in two lines, broken at its first comma, in under half of the width. */
export const rowAxis = ({width, isNarrow}, extra = {}) => ({
  title: null, labelLimit: isNarrow ? Math.floor(width * 0.46) : 340, labelPadding: 6, grid: false, ticks: false, domain: false,
  ...(isNarrow ? {labelExpr: "split(replace(datum.label, ', ', '\\n'), '\\n')", labelFontSize: 10.5, labelLineHeight: 12, labelBaseline: 'middle', labelOffset: -5} : {}),
  ...extra,
});

/** Height of a chart of n rows; a number, for the width is fitted to what labels leave. */
export const rowsHeight = (n, {isNarrow}, step = 24) => n * (isNarrow ? Math.max(step, 34) : step) + 8;
