// The kernel events of one profiled run, in columns. 100,000 events stay in typed arrays: an object each would
// take ten times the memory and a noticeable pause.

/** Null when the columns do not fit together, which is said among the problems. */
export function readTimeline(timeline) {
  const kernels = timeline.list('kernels').map((name) => (typeof name === 'string' ? name : '?'));
  const events = timeline.object('events');
  const columns = ['kernel', 'token', 'layer', 'start_seconds', 'seconds'].map((name) => events.list(name));
  const n = columns[0].length;
  if (columns.some((column) => column.length !== n)) {
    timeline.problems.push(`${timeline.path}.events: columns of different lengths`);
    return null;
  }
  const isIndex = (value) => value === null || (Number.isInteger(value) && value >= 0 && value < 2 ** 31);
  if (columns.slice(0, 3).some((column) => !column.every(isIndex))) {
    timeline.problems.push(`${timeline.path}.events: an entry that is no index`);
    return null;
  }
  const [kernel, token, layer] = columns.slice(0, 3).map((column) => Int32Array.from(column, (value) => value ?? -1));
  const [start, seconds] = columns.slice(3).map((column) => Float64Array.from(column));
  const phase = Int32Array.from(token, (each) => (each === 0 ? 0 : 1));
  const sound = (i) => kernel[i] >= 0 && kernel[i] < kernels.length && start[i] >= 0 && seconds[i] >= 0;
  for (let i = 0; i < n; i += 1) {
    if (!sound(i)) {
      timeline.problems.push(`${timeline.path}.events: entry ${i} is no event`);
      return null;
    }
  }
  return n === 0 ? null : {kernels, kernel, phase, token, layer, start, seconds, n};
}
