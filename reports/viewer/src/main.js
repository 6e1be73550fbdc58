// Opens the document that the page carries, or says why it cannot.
import {repaintAll} from './dom/lazy.js';
import {themeButton} from './dom/theme.js';
import {hideTooltip} from './dom/tooltip.js';
import {notice} from './dom/element.js';
import {openDocument} from './page.js';

function start() {
  document.getElementById('tools').append(themeButton());
  openDocument(document.getElementById('report')?.textContent ?? '');
  window.addEventListener('scroll', hideTooltip, {passive: true});
  window.addEventListener('keydown', (event) => event.key === 'Escape' && hideTooltip());
  repaintAll();
}

try {
  start();
} catch (error) {
  // Whatever goes wrong, the reader gets a sentence and not an empty page.
  document.getElementById('main').append(notice('bad', `This page failed: ${error.message}. The report itself is in the file, as JSON.`));
  throw error;
}
