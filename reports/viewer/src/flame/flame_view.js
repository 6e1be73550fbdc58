// The flame chart as a control: pointer, wheel and keys move a window over the frames; a line of text says what is
// selected, so that everything the pointer finds is there without one.
import {choice, element, replace} from '../dom/element.js';
import {onRepaint, whenNear} from '../dom/lazy.js';
import {hideTooltip, showTooltip} from '../dom/tooltip.js';
import {formatCount, formatPercent, formatSeconds} from '../text/format.js';
import {LEVEL_HEIGHT, paintFlame} from './flame_canvas.js';
import {firstEndingAfter, frameAt, framesFromCentres, framesInOrder, framesSummed} from './frames.js';

const KEYS = 'Arrow keys select a frame, Enter zooms to it, + and − zoom, Escape or 0 shows everything. With a pointer: click a frame to zoom, drag to move, Ctrl and wheel to zoom.';

class Flame {
  constructor(colours) {
    this.colours = colours;
    this.note = element('p', {class: 'flame-note', 'aria-live': 'polite'});
    this.canvas = element('canvas', {class: 'flame', tabindex: '0', role: 'img'});
    this.node = element('div', {},
      element('div', {class: 'controls'},
        ...[['Zoom in', () => this.zoom(0.5)], ['Zoom out', () => this.zoom(2)], ['Show all', () => this.reset()]].map(([text, onclick]) =>
          element('button', {type: 'button', class: 'plain', onclick}, text))),
      this.canvas, this.note);
    this.#listen();
    whenNear(this.canvas, () => {
      this.paint();
      new ResizeObserver(() => this.paint()).observe(this.canvas);
      onRepaint(this.canvas, () => this.paint());
    });
  }

  show(frames, description) {
    Object.assign(this, {frames, selected: null});
    this.canvas.setAttribute('aria-label', description);
    this.canvas.style.height = `${frames.levels.length * LEVEL_HEIGHT}px`;
    this.reset();
  }

  reset() {
    this.setWindow(0, this.frames.total);
    this.note.textContent = `${this.frames.names.join(' > ')}; all of ${formatSeconds(this.frames.total)}.`;
  }

  setWindow(from, to) {
    const {total} = this.frames;
    const span = Math.min(Math.max(to - from, total * 1e-7), total);
    const start = Math.min(Math.max(from, 0), total - span);
    this.window = {from: start, to: start + span};
    this.paint();
  }

  zoom(factor, around = (this.window.from + this.window.to) / 2) {
    const {from, to} = this.window;
    this.setWindow(around - (around - from) * factor, around + (to - around) * factor);
  }

  paint() {
    if (this.canvas.clientWidth > 0 && this.frames?.total > 0) paintFlame(this.canvas, this.frames, this.window, this.selected, this.colours);
  }

  #describe({frame, depth}) {
    const {total, names} = this.frames;
    return [[frame.name], [names[depth], [...(frame.path ?? [])].join(' > ') || 'all'], ['time', formatSeconds(frame.seconds)],
      ['of everything shown here', formatPercent(frame.seconds / total, 2)], ...(frame.calls === null ? [] : [['calls', formatCount(frame.calls)]])];
  }

  select(depth, frame, {isZoom = false} = {}) {
    if (!frame) return;
    this.selected = {depth, frame};
    const [[name], [level, path], [, time], [, share], calls] = this.#describe(this.selected);
    this.note.textContent = `${name} (${level}, in ${path}): ${time}, ${share}${calls ? `, ${calls[1]} calls` : ''}`;
    const {from, to} = this.window;
    const end = frame.start + frame.seconds;
    if (isZoom) this.setWindow(frame.start - frame.seconds * 0.02, end + frame.seconds * 0.02);
    else if (end < from || frame.start > to) this.setWindow(frame.start - (to - from) / 2, frame.start + (to - from) / 2);
    else this.paint();
  }

  #find(event) {
    const box = this.canvas.getBoundingClientRect();
    const depth = Math.floor((event.clientY - box.top) / LEVEL_HEIGHT);
    const level = this.frames.levels[depth];
    const time = this.window.from + ((event.clientX - box.left) / box.width) * (this.window.to - this.window.from);
    const frame = level ? frameAt(level, time) : null;
    return {time, depth, frame};
  }

  #move(key) {
    const {levels} = this.frames;
    const {depth, frame} = this.selected ?? {depth: 0, frame: null};
    if (!frame) return this.select(0, levels[0][firstEndingAfter(levels[0], this.window.from)]);
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      const next = depth + (key === 'ArrowDown' ? 1 : -1);
      const level = levels[next];
      return level && this.select(next, frameAt(level, frame.start + (key === 'ArrowUp' ? frame.seconds / 2 : 1e-12)) ?? level[firstEndingAfter(level, frame.start)]);
    }
    // Not by search: frames may overlap by a rounding.
    const at = levels[depth].indexOf(frame) + (key === 'ArrowRight' ? 1 : -1);
    return this.select(depth, levels[depth][at]);
  }

  #key(event) {
    const {key} = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key.startsWith('Arrow')) this.#move(key);
    else if (key === 'Enter' && this.selected) this.select(this.selected.depth, this.selected.frame, {isZoom: true});
    else if (key === '+' || key === '=') this.zoom(0.5);
    else if (key === '-') this.zoom(2);
    else if (key === '0' || key === 'Escape') this.reset();
    else return;
    event.preventDefault();
  }

  #listen() {
    const {canvas} = this;
    let drag = null;
    canvas.addEventListener('keydown', (event) => this.#key(event));
    canvas.addEventListener('wheel', (event) => {
      // A plain wheel scrolls the page, as everywhere.
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.#find(event).time);
    }, {passive: false});
    canvas.addEventListener('pointerdown', (event) => {
      drag = {x: event.clientX, window: this.window, moved: false};
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (drag && Math.abs(event.clientX - drag.x) > 3) {
        drag.moved = true;
        const shift = ((drag.x - event.clientX) / canvas.clientWidth) * (drag.window.to - drag.window.from);
        hideTooltip();
        return this.setWindow(drag.window.from + shift, drag.window.to + shift);
      }
      const found = this.#find(event);
      if (found.frame) showTooltip(this.#describe(found), event.clientX, event.clientY);
      else hideTooltip();
    });
    canvas.addEventListener('pointerup', (event) => {
      const found = this.#find(event);
      if (drag && !drag.moved && found.frame) this.select(found.depth, found.frame, {isZoom: true});
      drag = null;
    });
    canvas.addEventListener('pointercancel', () => {
      drag = null;
    });
    canvas.addEventListener('pointerleave', hideTooltip);
  }
}

function coverage(frames, timeline) {
  const rest = frames.total - frames.covered;
  return `One profiled run, ${formatCount(timeline.n)} events: from the first start to the last end ${formatSeconds(frames.total)}, of which ${formatSeconds(Math.max(rest, 0))} (${formatPercent(Math.max(rest, 0) / frames.total)}) unattributed, in no kernel.`;
}

export function flameView(row, label, colours) {
  const flame = new Flame(colours);
  const heading = element('h3', {}, 'Flame chart');
  const help = element('p', {class: 'muted'}, KEYS);
  if (!row.timeline) {
    flame.show(framesFromCentres(row), `Flame chart of ${label}: phase, then kernel. ${KEYS}`);
    return element('div', {}, heading, element('p', {class: 'muted'}, 'This report carries no timeline of this row, so layers and order are not known: phase, then kernel.'), flame.node, help);
  }
  const about = element('p', {class: 'muted'});
  const modes = {
    summed: () => {
      flame.show(framesSummed(row.timeline, row.unattributed), `Flame chart of ${label}: phase, layer, kernel, summed. ${KEYS}`);
      replace(about, 'All calls of a kernel in a layer together, most time first; the unattributed time is that of the cost centres.');
    },
    ordered: () => {
      const frames = framesInOrder(row.timeline);
      flame.show(frames, `Flame chart of ${label}: phase, token, layer, kernel over time. ${KEYS}`);
      replace(about, coverage(frames, row.timeline));
    },
  };
  modes.summed();
  return element('div', {}, heading,
    element('div', {class: 'controls'}, choice('flame chart', [{value: 'summed', text: 'summed: phase > layer > kernel'}, {value: 'ordered', text: 'in order: phase > token > layer > kernel'}], 'summed', (mode) => modes[mode]())),
    about, flame.node, help);
}
