#!/usr/bin/env python3
"""Draws decode speed with intervals, one bar a row, from a report: report_svg.py REPORT.json > OUT.svg"""
import html
import json
import sys

ROW, LEFT, WIDTH, BAR = 30, 250, 460, 16
COLOURS = {"identical": "#2a7f62", "same_tokens": "#b07d2b", "within_tolerance": "#b07d2b"}
STYLE = """<style>text{font:13px ui-sans-serif,system-ui,sans-serif;fill:#1f2328}.m{fill:#57606a}
.i{stroke:#1f2328;stroke-width:1.5}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.m{fill:#9198a1}
.i{stroke:#e6edf3}}</style>"""


def label(row):
    p = row["placement"]
    return f'{p["backend"]} {p["isa"]}, {p["precision"]}, KV cache {"on" if p["kv_cache"] else "off"}'


def bar(row, y, scale):
    metric = row["metrics"]["decode_tokens_per_second"]
    width = metric["value"] * scale
    verdict = row["verification"]["verdict"]
    parts = [f'<text x="{LEFT - 10}" y="{y + 13}" text-anchor="end">{html.escape(label(row))}</text>',
             f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2" fill="{COLOURS[verdict]}"/>']
    end = LEFT + width
    if metric["ci"]:
        low, high = (LEFT + value * scale for value in metric["ci"])
        middle = y + BAR / 2
        parts.append(f'<path class="i" d="M{low:.1f} {middle}H{high:.1f}"/>')
        end = max(end, high)
    words = verdict.replace("_", " ")
    parts.append(f'<text x="{end + 8:.1f}" y="{y + 13}">{metric["value"]:,.0f}'
                 f'<tspan class="m" dx="8">{html.escape(words)}</tspan></text>')
    return "\n".join(parts)


def draw(report):
    rows = [row for row in report["rows"] if "decode_tokens_per_second" in row["metrics"]]
    scale = WIDTH / max(row["metrics"]["decode_tokens_per_second"]["value"] for row in rows)
    height = 62 + ROW * len(rows)
    capture = rows[0]["capture"]
    title = (f'Decode, tokens per second: {capture["model"]["name"]}, {capture["n_prompt"]} prompt tokens, '
             f'{capture["n_generated"]} generated')
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 190} {height}" role="img">',
             f"<title>{html.escape(title)}</title>", STYLE, f'<text x="10" y="24">{html.escape(title)}</text>']
    lines += [bar(row, 42 + ROW * i, scale) for i, row in enumerate(rows)]
    return "\n".join(lines + ["</svg>\n"])


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(draw(json.load(file)))
