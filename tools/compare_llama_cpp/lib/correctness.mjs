/// Do both engines compute the same function? Greedy ids and log-probabilities, step by step.
///
/// reprise generates freely; llama.cpp is then fed the same prompt and the ids that reprise chose, and says
/// at each step what it would have chosen. Up to the first step where the choices differ, that is what its
/// own greedy generation would have done; after it, both still have the same context, so log-probabilities
/// stay comparable.

/// One row's figures from both engines' answers.
///   reprise.ids [n_steps], reprise.top [n_steps][K] of [id, logprob], best first;
///   llama [n_steps] of {id, top [K] of [id, logprob], watched [K]: its logprobs of reprise.top's ids}.
/// `worst` is the largest |difference| over all steps and the union of both engines' K likeliest ids. For an
/// id that only llama.cpp has among its K, reprise's value is at most its K-th one, and the distance to that
/// counts: a lower bound, marked by `worstIsBound`.
export function compareSteps(reprise, llama) {
  const row = {
    nSteps: reprise.ids.length,
    nEqual: 0,
    firstDivergence: null,
    margin: null,
    worst: 0,
    worstStep: 0,
    worstIsBound: false,
  };
  for (const [step, theirs] of llama.entries()) {
    const ours = reprise.top[step];
    if (theirs.id === reprise.ids[step]) {
      ++row.nEqual;
    } else if (row.firstDivergence === null) {
      row.firstDivergence = step;
      row.margin = marginOf(theirs, ours, reprise.ids[step]);
    }
    const consider = (difference, isBound) => {
      // A NaN from either engine is the worst of all, and stays.
      if (Number.isNaN(difference) || difference > row.worst) {
        Object.assign(row, { worst: difference, worstStep: step, worstIsBound: isBound });
      }
    };
    ours.forEach(([, logprob], i) => consider(Math.abs(logprob - theirs.watched[i]), false));
    const known = new Set(ours.map(([id]) => id));
    const least = ours.at(-1)[1];
    for (const [id, logprob] of theirs.top) {
      if (!known.has(id)) {
        consider(Math.max(0, logprob - least), true);
      }
    }
  }
  return row;
}

/// By how much llama.cpp prefers its own choice over reprise's: a small one is a tie that rounding broke.
function marginOf(theirs, ours, id) {
  const at = ours.findIndex(([other]) => other === id);
  return at < 0 ? null : theirs.top[0][1] - theirs.watched[at];
}

/// Runs both engines on one file. `settings`: {promptIds, nNew, top, flashAttention}.
export async function measureCorrectness({ reprise, llama, file, settings }) {
  const { promptIds, nNew, top, flashAttention } = settings;
  const ours = await reprise.generate({ file, promptIds, nNew, top });
  const watch = ours.top.map((entries) => entries.map(([id]) => id));
  const theirs = await llama.score({ file, promptIds, forcedIds: ours.ids, watch, top, flashAttention });
  return compareSteps(ours, theirs);
}
