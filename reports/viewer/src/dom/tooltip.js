// One box beside the pointer, filled with text only.
import {element, replace} from './element.js';

const box = () => document.getElementById('tooltip');

/** lines: [[name, value], ...]; a first line of one entry is the heading. */
export function showTooltip(lines, clientX, clientY) {
  const tip = box();
  replace(tip, lines.map(([name, value]) =>
    value === undefined
      ? element('div', {class: 'tooltip-title'}, name)
      : element('div', {class: 'tooltip-line'}, element('span', {}, name), element('b', {}, value))));
  tip.hidden = false;
  // Kept inside the window: right of the pointer where there is room, else left of it.
  const {width, height} = tip.getBoundingClientRect();
  const left = clientX + 14 + width < innerWidth ? clientX + 14 : Math.max(4, clientX - width - 14);
  const top = Math.min(clientY + 14, Math.max(4, innerHeight - height - 4));
  tip.style.left = `${left}px`;
  tip.style.top = `${top}px`;
}

export function hideTooltip() {
  box().hidden = true;
}
