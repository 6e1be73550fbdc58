// From the embedded text to something that a page can be made of, or to one clear sentence why not.
import {readHistory} from './history.js';
import {readReport} from './report.js';

const problem = (title, detail) => ({kind: 'problem', title, detail});

/** The placeholder that the writer of a report replaces: this page carries none yet. */
const isEmpty = (text) => text.trim() === '' || /^\/\*[A-Z]+\*\/$/.test(text.trim());

function notComplete(text, error) {
  const size = `The text has ${text.length.toLocaleString('en')} characters`;
  const end = /unexpected end|unterminated|end of (json|data)/i.test(error.message)
    ? `${size} and stops in the middle: the file was probably cut while it was written or copied.`
    : `${size}. The reader stopped at: ${error.message}.`;
  return problem('The report in this page is not complete JSON.', end);
}

function unknownSchema(schema) {
  if (typeof schema !== 'string') {
    return problem('This is not a Reprise report.', 'Its JSON has no field "schema" that names a format. This page reads reprise.report/1 and reprise.history/1.');
  }
  return problem(
    `This page cannot read "${schema}".`,
    'It reads reprise.report/1 and reprise.history/1. A report of another version opens with the page of the program that wrote it: reprise writes both into one file.',
  );
}

export function readDocument(text) {
  if (isEmpty(text)) return {kind: 'empty'};
  let document;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return notComplete(text, error);
  }
  if (document === null || typeof document !== 'object' || Array.isArray(document)) {
    return problem('This is not a Reprise report.', 'Its JSON is no object. A report begins with {"schema": "reprise.report/1", ...}.');
  }
  if (document.schema === 'reprise.history/1') {
    if (!Array.isArray(document.tracks)) return problem('This history has no tracks.', 'Its field "tracks" must be an array.');
    return {kind: 'history', history: readHistory(document)};
  }
  if (document.schema !== 'reprise.report/1') return unknownSchema(document.schema);
  if (!Array.isArray(document.rows)) {
    return problem('This report has no rows.', 'Its field "rows" must be an array, one entry for each capture at each placement.');
  }
  return {kind: 'report', report: readReport(document)};
}
