import assert from 'node:assert/strict';
import {test} from 'node:test';
import {facetValues, filterRows, searchRows, sortRows} from '../../src/table/table_model.js';

const ROWS = [{name: 'b', n: 2}, {name: 'a10', n: null}, {name: 'a2', n: 1}, {name: 'c', n: 2}];
const names = (rows) => rows.map(({name}) => name).join(' ');

test('sorting is stable and puts absent values last in both directions', () => {
  assert.equal(names(sortRows(ROWS, ({n}) => n, 'ascending')), 'a2 b c a10');
  assert.equal(names(sortRows(ROWS, ({n}) => n, 'descending')), 'b c a2 a10');
});

test('texts sort as people count', () => assert.equal(names(sortRows(ROWS, ({name}) => name, 'ascending')), 'a2 a10 b c'));

test('sorting leaves the given rows alone', () => {
  const before = names(ROWS);
  sortRows(ROWS, ({n}) => n, 'descending');
  assert.equal(names(ROWS), before);
});

test('a search finds all of its words, in any order and case', () => {
  const rows = ['CPU bf16 off', 'cpu f32 off', 'hip bf16 on'];
  assert.deepEqual(searchRows(rows, 'OFF cpu', (row) => row), ['CPU bf16 off', 'cpu f32 off']);
  assert.deepEqual(searchRows(rows, '  ', (row) => row), rows);
  assert.deepEqual(searchRows(rows, '.*', (row) => row), []);
});

test('facets filter together and an empty choice lets all pass', () => {
  const facets = {n: ({n}) => n, name: ({name}) => name};
  assert.equal(names(filterRows(ROWS, facets, new Map([['n', '2'], ['name', '']]))), 'b c');
  assert.equal(names(filterRows(ROWS, facets, new Map([['n', '2'], ['name', 'c']]))), 'c');
  assert.deepEqual(facetValues(ROWS, ({name}) => name), ['a2', 'a10', 'b', 'c']);
});
