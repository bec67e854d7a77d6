"""Charts as files: SVG that carries its own colours and patterns, and PNG drawn from it."""

import re
from functools import lru_cache
from importlib.resources import files

from probe.errors import InputError
from probe.report.charts.chart import Chart
from probe.report.charts.engine import draw

__all__ = ["png_file", "svg_file"]

_VARIABLE = re.compile(r"--([\w-]+): (#[0-9a-f]{3,8});")
_USE = re.compile(r"var\(--([\w-]+)\)")
_SCALE = 2


@lru_cache(maxsize=1)
def _palette() -> tuple[dict[str, str], dict[str, str], str]:
    """Return the colours of the page's style, light and dark, and the patterns of its marks."""
    folder = files("probe.report") / "templates"
    style = (folder / "style.css").read_text(encoding="utf-8")
    light, _, rest = style.partition("@media (prefers-color-scheme: dark)")
    dark = rest.partition("\n}\n")[0]
    marks = (folder / "marks.html.j2").read_text(encoding="utf-8")
    patterns = "".join(re.findall(r"<pattern.*?</pattern>", marks, re.DOTALL))
    day = dict(_VARIABLE.findall(light))
    return day, day | dict(_VARIABLE.findall(dark)), patterns


def _dressed(chart: Chart) -> tuple[str, str]:
    """Return the drawing's opening tag with namespaces, and what is inside of it, colours named."""
    _day, _night, patterns = _palette()
    head, _, inside = str(draw(chart)).partition(">")
    head = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    head = head.replace(' class="chart"', f' width="{chart.width}" height="{chart.height + 30}"')
    head = head.replace(
        f'viewBox="0 0 {chart.width} {chart.height}"',
        f'viewBox="0 -30 {chart.width} {chart.height + 30}"',
    )
    from html import escape

    from probe.report.text import visible

    ground = '<rect x="0" y="-30" width="100%" height="100%" fill="var(--paper)"/>'
    title = (
        f'<text x="8" y="-10" font-size="14" font-weight="600" fill="var(--ink)">'
        f"{escape(visible(chart.title))}</text>"
    )
    return head + ' font-family="Noto Sans, DejaVu Sans, sans-serif">', (
        f"<defs>{patterns}</defs>{ground}{title}{inside}"
    )


def svg_file(chart: Chart) -> str:
    """Return a file that stands alone: colours for light and dark, patterns, its title on it."""
    day, night, _patterns = _palette()
    head, inside = _dressed(chart)
    light = "".join(f"--{name}:{color};" for name, color in day.items())
    dark = "".join(f"--{name}:{color};" for name, color in night.items())
    style = f"svg{{{light}}}@media (prefers-color-scheme:dark){{svg{{{dark}}}}}"
    return f"{head}<style>{style}</style>{inside}\n"


def png_file(chart: Chart) -> bytes:
    """Return the chart as a picture at twice its natural size, in the light colours.

    Raises:
        InputError: what draws it is not installed.

    """
    try:
        import resvg_py
    except ImportError as exc:
        raise InputError(
            "PNG needs a package that is not installed",
            field="--charts",
            mend="pip install 'probe[png]', or take SVG",
        ) from exc
    day, _night, _patterns = _palette()
    head, inside = _dressed(chart)
    plain = _USE.sub(lambda use: day.get(use[1], "#000"), head + inside)
    drawn = resvg_py.svg_to_bytes(svg_string=plain, zoom=_SCALE)
    return bytes(drawn)
