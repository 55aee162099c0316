"""The frame of all pages, and the format of numbers and times."""

import math
import re
from datetime import datetime
from html import escape
from importlib.resources import files
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from cohabit.files.storage import write_atomically
from cohabit.judge.claims import NOT_ESTIMATED

TEMPLATE = files("cohabit.run.report").joinpath("template")
VERDICT_ORDER = ("agrees", "disagrees", "cannot tell", NOT_ESTIMATED)
VERDICT_CLASSES = {
    "agrees": "agrees",
    "disagrees": "disagrees",
    "cannot tell": "open",
    NOT_ESTIMATED: "none",
}


def write_page(folder: Path, name: str, **values: object) -> Path:
    """Write `report.html` from a template (``run.html`` or ``sweep.html``); return its path."""
    path = folder / "report.html"
    with write_atomically(path) as scratch:
        scratch.write_text(render_page(name, **values), encoding="utf-8")
    return path


def render_page(name: str, **values: object) -> str:
    """Return a page with embedded styles and scripts that loads nothing else."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    environment.globals |= {"number": number, "include_raw": lambda name: Markup(_read(name))}
    return environment.get_template(name).render(values)


def _read(name: str) -> str:
    return TEMPLATE.joinpath(name).read_text(encoding="utf-8")


def _breakable(name: str) -> Markup:
    """Return a long identifier with break points after dots and underscores."""
    return Markup(re.sub(r"([._])", r"\1<wbr>", escape(name)))


def flatten(values: dict) -> list[tuple[str, str]]:
    """Return nested settings as names and text, with a mapping on one line."""
    rows = []
    for name, value in (values or {}).items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {inner}" for key, inner in value.items())
        rows.append((str(name).replace("_", " "), str(value)))
    return rows


def number(value: object) -> str:
    """Return a number with three significant digits."""
    if not is_number(value):
        return "–"
    value = float(value)
    size = abs(value)
    if size >= 100 or value == int(value):
        text = f"{value:,.0f}"
    elif size < 1e-6:
        text = f"{value:.1e}"
    else:
        decimals = 2 - math.floor(math.log10(size))
        text = f"{value:.{min(decimals, 6)}f}".rstrip("0").rstrip(".")
    return text.replace("-", "−")


def moment(text: object) -> str | None:
    """Return an ISO time in a readable form; other text is unchanged."""
    try:
        return datetime.fromisoformat(str(text)).strftime("%-d %B %Y, %H:%M %Z").strip()
    except ValueError:
        return str(text) if text else None


def is_number(value: object) -> bool:
    """Return True when a cell of a table is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def plain_text(value: object) -> str:
    """Return a cell of a table as text, or an empty string if it is missing."""
    return "" if value is None or value is pd.NA or value != value else str(value)
