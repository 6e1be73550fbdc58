// Light, dark or as the system says; paper is always light.
import {element} from './element.js';
import {drawAll, repaintAll} from './lazy.js';

const ORDER = ['auto', 'light', 'dark'];
const KEY = 'reprise-theme';

/** Storage may be refused for files; then the choice lasts as long as the page. */
function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // nothing to do: the page works without
  }
}

function apply(theme) {
  document.documentElement.dataset.theme = theme;
  repaintAll();
}

export function themeButton() {
  let theme = ORDER.includes(stored()) ? stored() : 'auto';
  const button = element('button', {type: 'button', class: 'theme'});
  const show = () => {
    button.textContent = `Theme: ${theme}`;
    apply(theme);
  };
  button.addEventListener('click', () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
    store(theme);
    show();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaintAll);
  window.addEventListener('beforeprint', () => {
    apply('light');
    drawAll();
    repaintAll();
  });
  window.addEventListener('afterprint', show);
  show();
  return button;
}
