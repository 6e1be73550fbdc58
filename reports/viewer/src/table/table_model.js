// Sorting and filtering of table rows: pure functions, so that the order on the page is a tested one.

const collator = new Intl.Collator('en', {numeric: true, sensitivity: 'base'});

const isAbsent = (value) => value === null || value === undefined || Number.isNaN(value);

function compared(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return collator.compare(String(a), String(b));
}

/** Stable; rows without a value come last in both directions, because absent is neither small nor large. */
export function sortRows(rows, value, direction) {
  const sign = direction === 'descending' ? -1 : 1;
  return rows
    .map((row, at) => ({row, at, key: value(row)}))
    .sort((a, b) => {
      if (isAbsent(a.key) || isAbsent(b.key)) return Number(isAbsent(a.key)) - Number(isAbsent(b.key)) || a.at - b.at;
      return sign * compared(a.key, b.key) || a.at - b.at;
    })
    .map(({row}) => row);
}

/** Rows that contain every word of the query, in any order and case. text(row) is what is searched. */
export function searchRows(rows, query, text) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const haystack = text(row).toLowerCase();
    return words.every((word) => haystack.includes(word));
  });
}

/** chosen: a Map from a facet's name to the chosen value; facets: {name: row => value}. */
export function filterRows(rows, facets, chosen) {
  return rows.filter((row) => [...chosen].every(([name, value]) => value === '' || String(facets[name](row)) === value));
}

/** The values of a facet in natural order; a facet with one value needs no filter. */
export function facetValues(rows, value) {
  return [...new Set(rows.map((row) => String(value(row))))].sort(collator.compare);
}
