// A table with sortable heads. It stands in a region of its own that scrolls sideways, so the page never does.
import {element, replace} from '../dom/element.js';
import {sortRows} from './table_model.js';

const NEXT = {none: 'ascending', ascending: 'descending', descending: 'none'};
const MARK = {none: '', ascending: ' ▲', descending: ' ▼'};

/**
 * columns: [{title, cell(row) => text or Node, value(row)?, number?, first?, hint?}]; a column with `value` can be sorted,
 * `first` names the direction that is tried first. onOrder(rows) is told each new order.
 */
export class TableView {
  constructor({caption, columns, rowClass = () => null, onOrder = () => {}}) {
    Object.assign(this, {columns, rowClass, onOrder, rows: [], sort: {column: null, direction: 'none'}});
    this.head = element('tr', {}, columns.map((column, i) => this.#headCell(column, i)));
    this.body = element('tbody');
    this.node = element('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption},
      element('table', {}, element('caption', {class: 'hidden'}, caption), element('thead', {}, this.head), this.body));
  }

  #headCell(column, i) {
    const properties = {scope: 'col', class: column.number ? 'number' : null, title: column.hint, 'aria-sort': column.value ? 'none' : null};
    if (!column.value) return element('th', properties, column.title);
    const button = element('button', {type: 'button', onclick: () => this.#toggle(i)}, column.title,
      element('span', {class: 'sort-mark', 'aria-hidden': 'true'}));
    return element('th', properties, button);
  }

  #toggle(i) {
    const first = this.columns[i].first ?? 'ascending';
    const second = NEXT[first] === 'none' ? 'ascending' : 'descending';
    const {column, direction} = this.sort;
    const next = column !== i || direction === 'none' ? first : direction === first ? second : 'none';
    this.sort = {column: i, direction: next};
    [...this.head.children].forEach((cell, at) => {
      if (!this.columns[at].value) return;
      const state = at === i ? next : 'none';
      cell.setAttribute('aria-sort', state);
      cell.querySelector('.sort-mark').textContent = MARK[state];
    });
    this.#draw();
  }

  setRows(rows) {
    this.rows = rows;
    this.#draw();
  }

  #draw() {
    const {column, direction} = this.sort;
    const order = direction === 'none' ? this.rows : sortRows(this.rows, this.columns[column].value, direction);
    replace(this.body, order.map((row) =>
      element('tr', {class: this.rowClass(row)}, this.columns.map((each, i) =>
        element(i === 0 ? 'th' : 'td', {scope: i === 0 ? 'row' : null, class: each.number ? 'number' : null}, each.cell(row))))));
    if (order.length === 0) {
      replace(this.body, element('tr', {}, element('td', {colspan: this.columns.length, class: 'none'}, 'No row fits the filter.')));
    }
    this.onOrder(order);
  }
}

/** A table that is not sorted or changed. rows: arrays of cells. */
export function plainTable(caption, heads, rows) {
  const isNumber = (i) => heads[i].startsWith('#');
  return element('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption}, element('table', {},
    element('caption', {class: 'hidden'}, caption),
    element('thead', {}, element('tr', {}, heads.map((head, i) =>
      element('th', {scope: 'col', class: isNumber(i) ? 'number' : null}, head.replace(/^#/, ''))))),
    element('tbody', {}, rows.map((cells) => element('tr', {}, cells.map((cell, i) =>
      element(i === 0 ? 'th' : 'td', {scope: i === 0 ? 'row' : null, class: isNumber(i) ? 'number' : null}, cell)))))));
}
