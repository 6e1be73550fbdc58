/// Summaries of a few paired runs. Pure functions.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/// Two engines' rates, one of each in a round: {reprise, llamaCpp} medians, `ratio` of these medians (above
/// 1: reprise is faster), and the smallest and largest ratio within one round. A handful of rounds supports
/// no confidence interval: the extremes are what was seen, no more.
export function compareRates(reprise, llamaCpp) {
  const paired = reprise.map((rate, i) => rate / llamaCpp[i]);
  const medians = { reprise: median(reprise), llamaCpp: median(llamaCpp) };
  return {
    ...medians,
    ratio: medians.reprise / medians.llamaCpp,
    ratioMin: Math.min(...paired),
    ratioMax: Math.max(...paired),
  };
}

/// Whose turn is first in each round: A B, B A, B A, A B ... with a drift of the machine's speed cancelling
/// over each pair of rounds.
export function repriseFirst(round) {
  return round % 4 === 0 || round % 4 === 3;
}

/// `n` token ids below `nVocab`, the same on every machine (a 32-bit generator of Park and Miller's kind:
/// x -> 48271 x mod 2^31 - 1, CACM 36(7), 1993).
export function randomIds(n, nVocab, seed = 1) {
  let state = seed;
  return Array.from({ length: n }, () => {
    state = Number((BigInt(state) * 48271n) % 2147483647n);
    return Math.floor((state / 2147483647) * nVocab);
  });
}
