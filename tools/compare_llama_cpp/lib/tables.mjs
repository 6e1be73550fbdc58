/// Markdown tables of the rows. Pure functions.

/// Columns are padded, so that the table reads well unrendered too; text columns left, figures right.
export function markdownTable(columns, rows) {
  const widths = columns.map(({ title }, i) =>
    Math.max(3, title.length, ...rows.map((row) => row[i].length)),
  );
  const pad = (text, i) => (columns[i].text ? text.padEnd(widths[i]) : text.padStart(widths[i]));
  const line = (cells) => `| ${cells.map(pad).join(" | ")} |`;
  const rule = columns.map(({ text }, i) => (text ? "-".repeat(widths[i]) : `${"-".repeat(widths[i] - 1)}:`));
  return [line(columns.map(({ title }) => title)), line(rule), ...rows.map(line)]
    .map((text) => `${text}\n`)
    .join("");
}

/// Four significant digits, without exponents for the sizes of tokens/s.
function rate(value) {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(4);
}

function ratio({ ratio: medians, ratioMin, ratioMax }) {
  return `${medians.toFixed(2)} (${ratioMin.toFixed(2)} to ${ratioMax.toFixed(2)})`;
}

function divergence({ firstDivergence, margin }) {
  if (firstDivergence === null) {
    return "none";
  }
  return `token ${firstDivergence}${margin === null ? "" : ` (margin ${margin.toExponential(1)})`}`;
}

export function correctnessTable(rows) {
  const columns = [
    { title: "model", text: true },
    { title: "weights", text: true },
    { title: "prompt" },
    { title: "equal greedy ids" },
    { title: "first divergence" },
    { title: "worst log-probability difference" },
  ];
  return markdownTable(
    columns,
    rows.map((row) => [
      row.label,
      row.precision,
      `${row.nPrompt}`,
      `${row.nEqual} of ${row.nSteps}`,
      divergence(row),
      `${row.worstIsBound ? "at least " : ""}${row.worst.toExponential(1)}`,
    ]),
  );
}

export function speedTable(rows) {
  const columns = [
    { title: "model", text: true },
    { title: "weights", text: true },
    { title: "prompt + new" },
    { title: "flash", text: true },
    { title: "prefill: reprise" },
    { title: "llama.cpp" },
    { title: "ratio (spread)" },
    { title: "decode: reprise" },
    { title: "llama.cpp" },
    { title: "ratio (spread)" },
  ];
  return markdownTable(
    columns,
    rows.map((row) => [
      row.label,
      row.precision,
      `${row.nPrompt} + ${row.nNew}`,
      row.flashAttention ? "on" : "off",
      rate(row.prefill.reprise),
      rate(row.prefill.llamaCpp),
      ratio(row.prefill),
      rate(row.decode.reprise),
      rate(row.decode.llamaCpp),
      ratio(row.decode),
    ]),
  );
}
