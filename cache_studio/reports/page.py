"""A snapshot as one HTML file: figures, namespaces and plots as inline SVG. No script, nothing from outside."""

from collections.abc import Mapping, Sequence
from html import escape
from string import Template
from typing import Any

from cache_studio.model.units import NOT_RECORDED, format_size
from cache_studio.model.visible import visible
from cache_studio.reports.snapshots import FIGURES, ORIGINS, Figures, shown

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 180, 64, 24
_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>$target</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body{font:14px/1.5 Inter,system-ui,sans-serif;color:#1A2330;background:#F3F5F8;margin:32px auto;max-width:960px}
h1{font-size:18px;overflow-wrap:anywhere}h2{font-size:13px;margin:0 0 8px}p{color:#536071}
section{background:#fff;border:1px solid #DDE2E9;border-radius:8px;padding:16px;margin:16px 0}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #DDE2E9;padding:4px 8px;text-align:left;overflow-wrap:anywhere}
td+td,th+th{text-align:right;font-variant-numeric:tabular-nums}svg{width:100%}svg text{font-size:11px;fill:#536071}
@media(prefers-color-scheme:dark){body{color:#E4E9F0;background:#13171D}section{background:#1B2028;border-color:#2D3541}
td,th{border-color:#2D3541}p,svg text{color:#9DA9B8;fill:#9DA9B8}}
</style></head><body><h1>$target</h1><p>$format, $at</p>
<section><h2>Figures</h2><table>$figures</table></section>
$plots<section><h2>Namespaces</h2><table><tr><th>namespace</th><th>entries</th><th>size</th><th>stale</th></tr>$namespaces</table></section>
</body></html>
""")
PLOTS = (
    ("Hit rate per interval", "hit_rate", "#2160C4", "%"),
    ("Volume", "volume", "#2160C4", "B"),
    ("Entries", "entries", "#2E9E73", ""),
    ("Stale entries", "stale", "#9A5FB3", ""),
)
"""Title, series, colour and unit of each plot."""


def as_html(figures: Figures) -> str:
    """The page; `figures["series"]` (lists of times and values, None for a gap) gives the plots where it is there."""
    series: Mapping[str, Sequence[float | None]] = figures.get("series") or {}
    plots = [
        f"<section><h2>{title}</h2>{_plot(series['times'], series[name], colour, unit, figures)}</section>"
        for title, name, colour, unit in PLOTS
        if series.get("times") and name in series
    ]
    return _PAGE.substitute(
        target=_text(figures["target"]),
        format=_text(figures["format"]),
        at=_text(figures["at"]),
        figures="".join(
            [_row(name, shown(name, figures.get(name))) for name in FIGURES]
            + [_row(name, figures.get(name) or NOT_RECORDED) for name in ORIGINS]
        ),
        plots="".join(plots),
        namespaces="".join(map(_namespace, figures["namespaces"])),
    )


def _row(name: str, value: object) -> str:
    return f"<tr><td>{name.replace('_', ' ')}</td><td>{_text(value)}</td></tr>"


def _namespace(group: Mapping[str, Any]) -> str:
    cells = (
        _text(group["name"] or "(none)"),
        f"{group['entries']:,}",
        format_size(group["size"]),
        f"{group['stale']:,}",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _text(value: object) -> str:
    """Hostile text for HTML: it means nothing and shows what it hides."""
    return escape(visible(str(value)))


def _plot(times: Sequence[Any], values: Sequence[float | None], colour: str, unit: str, figures: Figures) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return f"<p>{NOT_RECORDED}</p>"
    top = 1.0 if unit == "%" else max(known) or 1.0
    span = (times[-1] - times[0]) or 1.0

    def place(time: float, value: float) -> str:
        x = LEFT + (time - times[0]) / span * (WIDTH - LEFT)
        return f"{x:.1f},{(HEIGHT - BOTTOM) * (1 - value / top) + 4:.1f}"

    lines: list[list[str]] = [[]]
    for time, value in zip(times, values, strict=True):
        if value is None:
            lines.append([])
        else:
            lines[-1].append(place(time, value))
    drawn = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{" ".join(line)}"/>'
        for line in lines
        if line
    )
    if unit == "%":
        target = figures["target_hit_rate"]
        ends = place(times[0], target), place(times[-1], target)
        drawn += f'<polyline fill="none" stroke="#BF7C0E" stroke-dasharray="6 4" points="{ends[0]} {ends[1]}"/>'
    labels = f'<text x="0" y="14">{_label(top, unit)}</text><text x="0" y="{HEIGHT - BOTTOM + 4}">0</text>'
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{drawn}{labels}</svg>'


def _label(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value * 100:.0f} %"
    return format_size(value) if unit == "B" else f"{value:,.0f}"
