"""ECharts in an interpreter: an option goes in as JSON, an SVG comes out; no browser, no script.

The library (Apache-2.0, ``echarts/LICENSE``) runs in QuickJS, which ``dukpy`` carries: no file,
no network and no clock is within its reach, and every string of a stranger comes in as data.
"""

import json
import re
import threading
from functools import lru_cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from probe.report.charts.chart import Chart
from probe.report.text import visible

__all__ = ["draw"]

_LOCK = threading.Lock()
_BARE = "var self = this, globalThis = this;function setTimeout() {} function clearTimeout() {} 1;"
_SHORT = re.compile(r"(-?\d+\.\d)\d+")
_TAG = re.compile(r"<[^>]*>")
_NOISE = re.compile(
    r'<style ?>.*?</style>| class="[^"]*"| pointer-events="[^"]*"| xml:space="[^"]*"'
    r'| ecmeta_\w+="[^"]*"|<defs ?>.*?</defs>| clip-path="[^"]*"',
    re.DOTALL,
)
_OPEN = re.compile(r"<svg [^>]*>\s*<rect [^>]*></rect>\s*")
_STYLE = re.compile(r' style="([^"]*)"')
_PATHS = re.compile(r'(?:<path d="[^"]*"[^>]*/>\s*){2,}')
_FIXED = {
    "#000": "var(--ink)",
    "rgb(0,0,0)": "var(--ink)",
    "#fff": "var(--paper)",
    "#ccc": "var(--faint)",
}
"""Colours that ECharts gives to what no option names, as the page's own."""

_COLOUR = re.compile(r'((?:fill|stroke)=")(#000|rgb\(0,0,0\)|#fff|#ccc)"')
_NAMESPACES = re.compile(r' xmlns(?::xlink)?="[^"]*"')


@lru_cache(maxsize=1)
def _interpreter() -> Any:
    import dukpy

    folder = files("probe.report.charts") / "echarts"
    interpreter = dukpy.JSInterpreter()
    interpreter.evaljs(_BARE)
    for name in ("echarts.min.js", "draw.js"):
        interpreter.evaljs((folder / name).read_text(encoding="utf-8") + "\n;1")
    return interpreter


@lru_cache(maxsize=512)
def _drawn(asked: str) -> str:
    with _LOCK:
        return str(_interpreter().evaljs("draw(dukpy.text)", text=asked))


def draw(chart: Chart) -> Markup:
    """Return the chart as an SVG element that takes its colours from the page around it.

    It has no style, script, identifier or address in it: fills name the page's patterns
    (``url(#p-cut)``) and variables (``var(--ink)``); see ``probe.report.charts.files`` for files.
    """
    asked = {"width": chart.width, "height": chart.height, "option": _gated(chart.option)}
    inside = _OPEN.sub("", _NOISE.sub("", _drawn(json.dumps(asked))), count=1).strip()
    inside = inside.removesuffix("</svg>").strip()
    inside = _TAG.sub(_shortened, _STYLE.sub(_font, inside))
    inside = _NAMESPACES.sub("", inside).replace("></path>", "/>")
    inside = _COLOUR.sub(lambda found: f'{found[1]}{_FIXED[found[2]]}"', inside)
    inside = _PATHS.sub(_joined, inside)
    head = f'<svg viewBox="0 0 {chart.width} {chart.height}" role="img" direction="ltr"'
    named = f'{head} class="chart" aria-label="{_attribute(chart.title)}">{inside}</svg>'
    return Markup(named)  # noqa: S704 - ECharts escapes what it is given, a test tries it


def _shortened(tag: re.Match[str]) -> str:
    """Return a tag with places to a tenth of a pixel; what stands between tags is for readers."""
    return _SHORT.sub(r"\1", tag[0])


def _joined(match: re.Match[str]) -> str:
    """Return paths that follow each other and look the same as one path."""
    paths = re.findall(r'<path d="([^"]*)"([^>]*)/>', match[0])
    joined: list[list[str]] = []
    for drawn, look in paths:
        if joined and joined[-1][1] == look:
            joined[-1][0] += drawn
        else:
            joined.append([drawn, look])
    return "".join(f'<path d="{drawn}"{look}/>' for drawn, look in joined)


def _font(match: re.Match[str]) -> str:
    """Return what matters of an inline style as attributes: the page's policy forbids the style."""
    said = dict(part.split(":", 1) for part in match[1].split(";") if ":" in part)
    size = said.get("font-size", "").removesuffix("px")
    weight = said.get("font-weight", "")
    short = re.match(r"(\d+)? ?(\d+)px", said.get("font", ""))
    if short is not None:
        weight, size = short[1] or weight, short[2]
    return (f' font-size="{size}"' if size else "") + (f' font-weight="{weight}"' if weight else "")


def _attribute(text: str) -> str:
    from html import escape

    return escape(visible(text), quote=True)


def _gated(value: Any) -> Any:
    """Let no control or direction character into a drawing."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: _gated(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_gated(one) for one in value]
    return value
