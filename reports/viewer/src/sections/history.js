// Figures over commits: one picture for each track, its changes with the commits between which they happened.
import {changeClass, changeColour} from '../chart/colours.js';
import {TIP, chart} from '../chart/vega_chart.js';
import {choice, element, legend, replace} from '../dom/element.js';
import {extent, median} from '../stats/quantile.js';
import {searchRows} from '../table/table_model.js';
import {DASH, formatFigure, formatInterval, formatNumber, formatSignedPercent, plural, secondUnit} from '../text/format.js';
import {quoted} from '../text/command.js';
import {metricName} from '../text/labels.js';
import {MOST_POINTS, inOrderOfConcern, segments, shortCommit} from './history_data.js';

const MOST_TRACKS = 60;

const trackName = ({capture, placement, metric}) => `${capture ?? 'unnamed'}: ${metricName(metric)}${placement ? `, ${placement}` : ''}`;

function trackChart(track) {
  const from = Math.max(0, track.points.length - MOST_POINTS);
  const shown = track.points.map((point, i) => ({...point, i})).slice(from);
  const {unit, scale} = track.unit === 's' ? secondUnit(median(shown.map(({value}) => value))) : {unit: track.unit ?? '', scale: 1};
  const levels = segments(track).filter(({last}) => last >= from)
    .map(({first, last, level, low, high}) => ({x: Math.max(first, from) - 0.5, x2: last + 0.5, level: level * scale, low: low * scale, high: high * scale}));
  const rows = shown.map(({i, value, ci, commit, created, n}) => ({
    x: i, value: value * scale, low: (ci?.[0] ?? value) * scale, high: (ci?.[1] ?? value) * scale,
    tip: [[shortCommit(commit)], ['made', created ?? DASH], [metricName(track.metric), formatFigure(value, track.unit)], ['interval', formatInterval(ci, track.unit)], ['samples', n ? String(n) : DASH]],
  }));
  const cuts = track.changes.filter(({index}) => index > from).map(({index, kind}) => ({x: index - 0.5, colour: changeColour(kind)}));
  const range = extent([...rows.flatMap(({low, high}) => [low, high]), ...levels.flatMap(({low, high}) => [low, high])]);
  const room = (range[1] - range[0]) * 0.08 || Math.abs(range[0]) * 0.01 || 1;
  const x = {type: 'quantitative', title: 'report, oldest first', scale: {domain: [from - 0.5, track.points.length - 0.5], nice: false}, axis: {grid: false, tickMinStep: 1, format: 'd', tickCount: 6}};
  const y = {type: 'quantitative', title: unit, scale: {domain: [range[0] - room, range[1] + room], nice: false, zero: false}, axis: {tickCount: 5}};
  return chart(`${trackName(track)}: ${shown.length} figures, ${plural(track.changes.length, 'change')}.`, () => ({
    data: {rows, levels, cuts},
    height: 200,
    layer: [
      {data: {name: 'levels'}, mark: {type: 'rect'}, encoding: {x: {field: 'x', ...x}, x2: {field: 'x2'}, y: {field: 'low', ...y}, y2: {field: 'high'}, fill: {value: 'var(--band)'}}},
      {data: {name: 'levels'}, mark: {type: 'rule', strokeWidth: 1.5}, encoding: {x: {field: 'x', ...x}, x2: {field: 'x2'}, y: {field: 'level', ...y}, stroke: {value: 'var(--text)'}}},
      {data: {name: 'cuts'}, mark: {type: 'rule', strokeWidth: 2, strokeDash: [5, 3]}, encoding: {x: {field: 'x', ...x}, stroke: {field: 'colour', type: 'nominal', scale: null}}},
      {mark: {type: 'rule', opacity: 0.45}, encoding: {x: {field: 'x', ...x}, y: {field: 'low', ...y}, y2: {field: 'high'}, stroke: {value: 'var(--on)'}}},
      {mark: {type: 'point', filled: true, size: 30}, encoding: {x: {field: 'x', ...x}, y: {field: 'value', ...y}, fill: {value: 'var(--on)'}, tooltip: TIP}},
    ],
  }));
}

function changeItem(change, unit) {
  const {kind, last_good: good, first_changed: bad, before, after, relative_change: relative, p} = change;
  const range = good.commit !== null && bad.commit !== null ? `git log ${quoted(`${good.commit}..${bad.commit}`)}` : null;
  return element('li', {class: `mark ${changeClass(kind)} ${changeClass(kind) === 'none' ? '' : kind}`},
    element('span', {class: `badge ${changeClass(kind)}`}, kind ?? DASH), ` ${formatSignedPercent(relative)}: from ${formatFigure(before, unit)} to ${formatFigure(after, unit)}, after `,
    element('code', {}, shortCommit(good.commit)), ' and not after ', element('code', {}, shortCommit(bad.commit)),
    `${bad.created ? ` (${bad.created})` : ''}; p = ${formatNumber(p, 2)}. `, range ? element('code', {}, range) : null);
}

function trackView(track) {
  const {newest, unit} = track;
  return element('article', {class: 'track'},
    element('h3', {}, trackName(track)),
    element('p', {class: 'muted'}, [track.model, track.machine, track.branch ? `branch ${track.branch}` : null, plural(track.n_points ?? track.points.length, 'point')].filter(Boolean).join(' · ')),
    element('p', {}, newest ? `Newest: ${formatFigure(newest.value, unit)} (${formatInterval(newest.ci, unit)}) at ` : '', newest ? element('code', {}, shortCommit(newest.commit)) : null,
      track.newest_is_regression ? [' ', element('span', {class: 'badge bad'}, 'worse than before')] : null),
    track.points.length > 0 ? trackChart(track) : element('p', {class: 'muted'}, 'This document has no points of the track, only what was found in them.'),
    track.points.length > MOST_POINTS ? element('p', {class: 'muted'}, `Drawn: the newest ${MOST_POINTS}.`) : null,
    track.changes.length ? element('ul', {class: 'sentences'}, track.changes.map((change) => changeItem(change, unit)))
      : element('p', {class: 'muted'}, track.has_changes ? 'No change for good was found.' : 'Nobody looked for changes.'));
}

export function renderHistory({tracks}) {
  const order = inOrderOfConcern(tracks);
  const worse = order.filter(({newest_is_regression: is}) => is).length;
  const changed = order.filter(({changes}) => changes.length > 0).length;
  const state = {query: '', only: 'all'};
  const host = element('div', {class: 'split'});
  const count = element('p', {class: 'count', 'aria-live': 'polite'});
  const update = () => {
    const fitting = order.filter((track) => state.only === 'all' || (state.only === 'changed' ? track.changes.length > 0 : track.newest_is_regression));
    const found = searchRows(fitting, state.query, (track) => `${trackName(track)} ${track.branch} ${track.machine} ${track.model}`);
    count.textContent = `${found.length} of ${order.length} tracks${found.length > MOST_TRACKS ? `; shown: the first ${MOST_TRACKS}` : ''}`;
    replace(host, found.slice(0, MOST_TRACKS).map(trackView));
  };
  update();
  return [
    element('p', {class: 'lead'}, `${plural(order.length, 'track')}: ${worse === 0 ? 'none is' : plural(worse, 'is', 'are')} worse now than before, ${changed} changed at some time.`),
    element('div', {class: 'controls'},
      choice('show', [{value: 'all', text: 'all tracks'}, {value: 'changed', text: 'with changes'}, {value: 'worse', text: 'worse now'}], 'all', (value) => {
        state.only = value;
        update();
      }),
      element('label', {class: 'control'}, element('span', {}, 'search'), element('input', {type: 'search', oninput: ({target}) => {
        state.query = target.value;
        update();
      }}))),
    count,
    legend([{text: 'figure, with its interval', swatch: 'swatch-on'}, {text: 'level between changes', swatch: 'swatch-line'}, {text: 'noise band: the middle nine tenths of the figures there', swatch: 'swatch-band'}, {text: 'regression', swatch: 'swatch-bad'}, {text: 'improvement', swatch: 'swatch-good'}]),
    host,
  ];
}
