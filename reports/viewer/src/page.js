// Lays a document out as sections that are drawn when they come near the window.
import {kernelColours} from './chart/colours.js';
import {element, notice, replace} from './dom/element.js';
import {drawSoon, whenNear} from './dom/lazy.js';
import {readDocument} from './read/document.js';
import {plainLabels, rowLabels} from './text/labels.js';
import {plural} from './text/format.js';
import {renderComparisons} from './sections/comparisons.js';
import {renderCostCentres} from './sections/cost_centres.js';
import {renderDistributions} from './sections/distributions.js';
import {renderEnvironment} from './sections/environment.js';
import {renderHistory} from './sections/history.js';
import {renderLatency} from './sections/latency.js';
import {renderMatrix} from './sections/matrix.js';
import {renderRoofline} from './sections/roofline.js';
import {renderSummary} from './sections/summary.js';

const main = () => document.getElementById('main');
const nav = () => document.getElementById('sections');

function addSection(id, title, render) {
  const body = element('div', {class: 'section-body'});
  const section = element('section', {id, 'aria-labelledby': `${id}-title`}, element('h2', {id: `${id}-title`}, title), body);
  const draw = () => {
    // One section that fails leaves the others standing.
    try {
      replace(body, render());
    } catch (error) {
      replace(body, notice('bad', `This section could not be drawn: ${error.message}`));
      console.error(error);
    }
    section.classList.add('drawn');
  };
  main().append(section);
  nav().append(element('a', {href: `#${id}`, onclick: () => drawSoon(section)}, title));
  whenNear(section, draw);
}

function heading(title, created) {
  document.title = `${title} – Reprise`;
  main().append(element('h1', {}, title), created ? element('p', {class: 'muted'}, `Made ${created}`) : '');
}

function problemList(problems) {
  if (problems.length === 0) return;
  main().append(element('details', {class: 'notice warn'},
    element('summary', {}, `${plural(problems.length, 'field')} of this document could not be read and ${problems.length === 1 ? 'counts' : 'count'} as absent.`),
    element('ul', {}, problems.slice(0, 50).map((text) => element('li', {}, text)),
      problems.length > 50 ? element('li', {}, `and ${problems.length - 50} more`) : null)));
}

function reportTitle({rows, comparisons}) {
  const names = [...new Set(rows.map(({capture}) => capture.name ?? 'unnamed'))];
  const what = names.length === 0 ? 'Report' : names.length <= 2 ? names.join(' and ') : `${names.length} captures`;
  return rows.length === 0 ? 'Report' : `${comparisons.length > 0 ? 'Comparison' : 'Replay'} of ${what}`;
}

function openReport(report) {
  const {rows, comparisons} = report;
  const context = {labels: rowLabels(rows), plain: plainLabels(rows), colours: kernelColours(rows.map(({centres}) => centres))};
  heading(reportTitle(report), report.created);
  problemList(report.problems);
  if (rows.length === 0) {
    main().append(notice('warn', 'This report has no rows: nothing was replayed, so there are no figures to show.'));
  } else {
    addSection('summary', 'Summary', () => renderSummary(report, context));
    // What a comparison was made for comes before the rows that it is made of.
    if (comparisons.length > 0) addSection('comparisons', 'Comparisons', () => renderComparisons(report, context));
    addSection('matrix', 'Placements', () => renderMatrix(report, context));
    addSection('distributions', 'Distributions', () => renderDistributions(report, context));
    addSection('latency', 'Latency', () => renderLatency(report, context));
    addSection('centres', 'Cost centres', () => renderCostCentres(report, context));
    addSection('roofline', 'Roofline', () => renderRoofline(report, context));
  }
  if (report.history) addSection('history', 'History', () => renderHistory(report.history));
  addSection('environment', 'Environment', () => renderEnvironment(report, context));
}

function openHistory(history) {
  heading('History', history.created);
  problemList(history.problems);
  if (history.tracks.length === 0) main().append(notice('warn', 'This history has no tracks: no report was added to it yet.'));
  else addSection('history', 'Tracks', () => renderHistory(history));
}

/** A way to look at a report on disk: read here, sent nowhere. */
function fileOpener() {
  const input = element('input', {type: 'file', accept: '.json,application/json', onchange: async () => {
    if (input.files.length > 0) openDocument(await input.files[0].text());
  }});
  return element('p', {}, element('label', {class: 'control'}, element('span', {}, 'Open a report’s JSON'), input));
}

export function openDocument(text) {
  main().replaceChildren();
  nav().replaceChildren();
  const opened = readDocument(text);
  if (opened.kind === 'report') openReport(opened.report);
  else if (opened.kind === 'history') openHistory(opened.history);
  else if (opened.kind === 'empty') {
    heading('No report yet', null);
    main().append(notice('warn', 'This page carries no report. reprise writes one into it with --html; a report’s JSON can also be opened here.'), fileOpener());
  } else {
    heading('This report cannot be shown', null);
    main().append(notice('bad', element('b', {}, opened.title), ' ', opened.detail), fileOpener());
  }
}
