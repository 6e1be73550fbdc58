// Cost centres as pieces that add up to the wall time: pure functions of a row.
import {OTHER_KERNELS, UNATTRIBUTED} from '../chart/colours.js';
import {sum} from '../stats/quantile.js';

/** Wall time of the profiled run: all centres and what no centre has. Null where the report has not the latter. */
export const wallSeconds = ({centres, unattributed}) =>
  unattributed === null ? null : sum(centres.map(({seconds}) => seconds)) + unattributed;

/** Pieces of one row's bar, prefill first: {phase, name, seconds, start}. Kernels past the tenth share one piece a phase. */
export function barPieces(row, colours) {
  const phases = [...new Set(['prefill', 'decode', ...row.centres.map(({phase}) => phase)])];
  const pieces = [];
  let start = 0;
  const add = (phase, name, seconds) => {
    if (!(seconds > 0)) return;
    pieces.push({phase, name, seconds, start});
    start += seconds;
  };
  for (const phase of phases) {
    const centres = row.centres.filter((centre) => centre.phase === phase);
    const own = centres.filter(({name}) => !colours.isOther(name)).sort((a, b) => colours.ranked.indexOf(a.name) - colours.ranked.indexOf(b.name));
    own.forEach(({name, seconds}) => add(phase, name, seconds));
    add(phase, OTHER_KERNELS, sum(centres.filter(({name}) => colours.isOther(name)).map(({seconds}) => seconds)));
  }
  add(null, UNATTRIBUTED, row.unattributed ?? 0);
  return pieces;
}
