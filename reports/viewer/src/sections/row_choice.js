// "Which row?" above a view that shows one of them at a time.
import {choice} from '../dom/element.js';

export function rowChoice(label, rows, labels, onchange) {
  return choice(label, rows.map((row) => ({value: String(row.index), text: labels[row.index]})), String(rows[0].index),
    (value) => onchange(rows.find(({index}) => String(index) === value)));
}
