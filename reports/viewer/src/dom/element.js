// Elements from text. Everything of a report goes through here as text nodes and attributes, never as markup,
// so a name such as <script> is shown as it is written.

function append(parent, child) {
  if (child === null || child === undefined || child === false) return;
  if (Array.isArray(child)) child.forEach((each) => append(parent, each));
  else parent.append(child instanceof Node ? child : document.createTextNode(String(child)));
}

/** element('a', {class: 'x', href: '#y', onclick: f}, 'text', node, [more]). */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : String(value));
  }
  append(made, children);
  return made;
}

export const replace = (parent, ...children) => {
  parent.replaceChildren();
  append(parent, children);
  return parent;
};

export const notice = (kind, ...children) => element('p', {class: `notice ${kind}`}, ...children);

/** A labelled choice. options: [{value, text}]. */
export function choice(label, options, value, onchange) {
  const select = element('select', {onchange: () => onchange(select.value)},
    options.map((option) => element('option', {value: option.value, selected: option.value === value}, option.text)));
  return element('label', {class: 'control'}, element('span', {}, label), select);
}

/** What the colours and shapes of a chart mean, in HTML: it wraps on a phone and can be read aloud. */
export function legend(entries) {
  return element('ul', {class: 'legend'}, entries.map(({text, swatch}) =>
    element('li', {}, element('span', {class: `swatch ${swatch}`, 'aria-hidden': 'true'}), text)));
}

export const definitions = (pairs) =>
  element('dl', {class: 'facts'}, pairs.map(([term, ...values]) =>
    element('div', {}, element('dt', {}, term), element('dd', {}, ...values))));
