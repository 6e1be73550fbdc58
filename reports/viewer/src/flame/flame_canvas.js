// Paints the visible part of a flame chart. Colours are read from the style at each painting, so themes work.
import {visibleFrames} from './frames.js';

export const LEVEL_HEIGHT = 26;

const LABEL = '12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

/** As much of a text as fits, by an estimate: measuring each label would cost more than painting it. */
function fitted(text, width) {
  const characters = Math.floor((width - 6) / 6.6);
  if (text.length <= characters) return text;
  // Of "layer 12" the number says all, and half a word says nothing.
  const number = /^(?:layer|token) (\d+)$/.exec(text)?.[1];
  if (number) return number.length <= characters ? number : '';
  return characters < 5 ? '' : `${text.slice(0, characters - 1)}…`;
}

export function paintFlame(canvas, {levels}, {from, to}, selected, colours) {
  const width = canvas.clientWidth;
  const height = levels.length * LEVEL_HEIGHT;
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const style = getComputedStyle(canvas);
  const read = (name) => style.getPropertyValue(name).trim();
  const kernelColour = new Map();
  const fillOf = ({kernel}) => {
    if (kernel === null) return read('--none-soft');
    if (!kernelColour.has(kernel)) kernelColour.set(kernel, read(colours.variable(kernel)));
    return kernelColour.get(kernel);
  };
  const [panel, text, onColour, accent] = ['--panel', '--text', '--on-colour', '--accent'].map(read);
  const context = canvas.getContext('2d');
  context.scale(ratio, ratio);
  context.font = LABEL;
  context.textBaseline = 'middle';
  context.fillStyle = panel;
  context.fillRect(0, 0, width, height);
  levels.forEach((level, depth) => {
    const y = depth * LEVEL_HEIGHT;
    for (const {frame, x, width: wide} of visibleFrames(level, from, to, width)) {
      context.fillStyle = fillOf(frame);
      context.fillRect(x, y + 1, Math.max(wide - (wide > 3 ? 1 : 0), 0.7), LEVEL_HEIGHT - 2);
      const label = wide > 14 ? fitted(frame.name, wide) : '';
      if (label) {
        context.fillStyle = frame.kernel === null || colours.variable(frame.kernel) === '--gap' ? text : onColour;
        context.fillText(label, x + 4, y + LEVEL_HEIGHT / 2);
      }
    }
  });
  if (selected) {
    const scale = width / (to - from);
    context.strokeStyle = accent;
    context.lineWidth = 2;
    context.strokeRect((selected.frame.start - from) * scale, selected.depth * LEVEL_HEIGHT + 1, Math.max(selected.frame.seconds * scale, 2), LEVEL_HEIGHT - 2);
  }
}
