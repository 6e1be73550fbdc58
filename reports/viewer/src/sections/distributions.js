// Raw samples: how each row's runs are spread about their median, then one row in detail: strip and density, its
// outliers with what they met, and the runs in the order they were taken.
import {element, legend, replace} from '../dom/element.js';
import {plainTable} from '../table/table_view.js';
import {DASH, formatCount, formatSeconds, plural} from '../text/format.js';
import {causeText} from '../text/labels.js';
import {rowChoice} from './row_choice.js';
import {MOST_STRIPS, sequenceChart, spreadChart, stripChart} from './distribution_charts.js';

function outlierText({outliers, samples}) {
  if (!outliers) return 'This report does not say which runs are outliers.';
  const {runs, slow, fast, fences} = outliers;
  const range = fences ? ` (outside of ${formatSeconds(fences[0])} to ${formatSeconds(fences[1])})` : '';
  return `${formatCount(slow)} slow and ${formatCount(fast)} fast outliers among ${formatCount(runs ?? samples.total.length)} runs${range}. They stay in every figure.`;
}

function causes({outliers}) {
  if (!outliers || outliers.slow === 0) return null;
  if (outliers.causes.length === 0) {
    return element('p', {}, outliers.unexplained === null ? 'No causes are reported.' : `${plural(outliers.unexplained, 'slow outlier')} met nothing unusual that is watched.`);
  }
  return [
    plainTable('Causes of outliers', ['what slow outliers met', '#slow outliers', '#ordinary runs'],
      [...outliers.causes.map((cause) => [causeText(cause.cause), formatCount(cause.outliers), formatCount(cause.others)]),
        ['nothing unusual that is watched', formatCount(outliers.unexplained), DASH]]),
    element('p', {class: 'muted'}, 'A run may have met several. What ordinary runs meet as often explains nothing.'),
  ];
}

function detail(row, label) {
  if (row.samples.total.length === 0) {
    return [element('p', {class: 'muted'}, row.failed ? 'Outputs differ: this row has no samples.' : 'This row has no samples.')];
  }
  return [
    element('div', {class: 'split'},
      element('div', {}, element('h3', {}, 'Strip and density'), stripChart(row, label)),
      element('div', {}, element('h3', {}, 'In the order they ran'), sequenceChart(row, label))),
    legend([
      {text: 'run', swatch: 'swatch-on'}, {text: 'outlier', swatch: 'swatch-bad'},
      {text: 'dropped as warm-up, cut at the line', swatch: 'swatch-other'}, {text: 'median, with its interval', swatch: 'swatch-line'},
    ]),
    element('p', {}, outlierText(row)), causes(row),
  ];
}

export function renderDistributions({rows}, {labels}) {
  const timed = rows.filter(({samples}) => samples.total.length > 0);
  if (timed.length === 0) return element('p', {class: 'muted'}, 'No row of this report has samples.');
  const host = element('div');
  const show = (row) => replace(host, detail(row, labels[row.index]));
  show(timed[0]);
  return [
    element('p', {class: 'muted'}, 'Each row’s runs against their own median: a narrow bar is a quiet row. Rows without samples are left out.'),
    spreadChart(timed.slice(0, MOST_STRIPS), labels),
    timed.length > MOST_STRIPS ? element('p', {class: 'muted'}, `Drawn: the first ${MOST_STRIPS} of ${timed.length} rows.`) : null,
    element('h3', {}, 'One row in detail'),
    element('div', {class: 'controls'}, rowChoice('row', timed, labels, show)),
    host,
  ];
}
