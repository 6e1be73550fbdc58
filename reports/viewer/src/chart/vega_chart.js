// One Vega-Lite chart in a figure: compiled here, evaluated by the interpreter (the page's policy forbids eval),
// drawn as SVG in the width there is, and drawn again when the width changes.
import {compile} from 'vega-lite';
import {expressionInterpreter} from 'vega-interpreter';
import {View, parse} from './vega.js';
import {element} from '../dom/element.js';
import {whenNear} from '../dom/lazy.js';
import {hideTooltip, showTooltip} from '../dom/tooltip.js';
import {chartConfig} from './config.js';

/** Marks that answer the pointer carry `tip` in their datum: lines of text, prepared with the page's own figures. */
export const TIP = {value: 'tip'};

/** Vega calls with an empty value when the pointer leaves the mark. */
function tooltip(handler, event, item, value) {
  const lines = value && item?.datum?.tip;
  if (lines) showTooltip(lines, event.clientX, event.clientY);
  else hideTooltip();
}

function draw(host, makeSpec) {
  const width = Math.floor(host.clientWidth);
  if (width <= 0) return null;
  const {data, ...spec} = makeSpec({width, isNarrow: width < 520});
  const full = {
    ...spec,
    width,
    autosize: {type: 'fit-x', contains: 'padding'},
    data: {name: 'rows'},
    // The title of a short axis ends with it: centred, it would run out of a narrow picture.
    config: width < 520 ? {...chartConfig, axisX: {titleAnchor: 'end'}} : chartConfig,
  };
  const runtime = parse(compile(full).spec, undefined, {ast: true});
  const view = new View(runtime, {expr: expressionInterpreter, renderer: 'svg', container: host, hover: false});
  for (const [name, rows] of Object.entries(data)) view.data(name, rows);
  view.tooltip(tooltip);
  view.run();
  // The figure has a description; the marks' own roles without names would only be noise.
  host.querySelector('svg')?.setAttribute('aria-hidden', 'true');
  return {view, width};
}

/**
 * makeSpec({width, isNarrow}) => a Vega-Lite specification with `data: {name: rows}`; layers name their data, the
 * others take "rows". The description is what a reader hears instead of the picture.
 */
export function chart(description, makeSpec) {
  const host = element('div', {class: 'chart', role: 'img', 'aria-label': description});
  let drawn = null;
  const redraw = () => {
    drawn?.view.finalize();
    host.replaceChildren();
    drawn = draw(host, makeSpec);
  };
  let timer = 0;
  const resized = new ResizeObserver(() => {
    // A pixel more or less is a scroll bar that came or went.
    if (!host.isConnected || Math.abs(host.clientWidth - (drawn?.width ?? 0)) < 12) return;
    clearTimeout(timer);
    timer = setTimeout(redraw, 120);
  });
  whenNear(host, () => {
    redraw();
    resized.observe(host);
  });
  return element('figure', {}, host);
}
