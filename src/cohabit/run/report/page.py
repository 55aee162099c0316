"""What the page says of each claim, method and notebook, as plain values for the template."""

import math
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from cohabit.files import privacy
from cohabit.judge.claims import NOT_ESTIMATED
from cohabit.run.report.collect import RunResults
from cohabit.run.report.headline import METHOD_NAMES
from cohabit.run.report.intervals import draw_interval

VERDICT_ORDER = ("agrees", "disagrees", "cannot tell", NOT_ESTIMATED)
VERDICT_CLASSES = {
    "agrees": "agrees",
    "disagrees": "disagrees",
    "cannot tell": "open",
    NOT_ESTIMATED: "none",
}
SCALE_WORDS = {
    "latent": "log",
    "carried": "log, among carriers",
    "clr": "log-ratio",
    "asin": "asin-sqrt share",
    "prevalence": "share of carriers",
}
"""What a scale of the truth is called where the estimate has another unit."""


@dataclass(frozen=True)
class ClaimRow:
    """One claim as it stands in the table."""

    claim_id: str
    notebook: str
    statement: str
    quantity: str
    unit: str
    published: str
    source: str
    planted: str
    found: str
    interval: str
    n: str
    verdict: str
    css: str
    fit: str
    """``right``, ``wrong``, or empty where nobody knows or nothing was decided."""

    truth: str
    note: str
    drawing: str
    """An inline picture of the interval; empty when there is none."""


def describe_claims(claims: pd.DataFrame) -> list[ClaimRow]:
    """Return the claims as text, in their own order."""
    return [_describe_claim(row) for row in claims.to_dict("records")]


def _describe_claim(row: dict) -> ClaimRow:
    found = interval = ""
    if _known(row.get("estimate")):
        found = number(row["estimate"])
        interval = f"[{number(row.get('low'))}, {number(row.get('high'))}]"
    true_here, right = _yes_no(row.get("true_here")), _yes_no(row.get("right"))
    planted = number(row["planted"]) if _known(row.get("planted")) else ""
    scale = "" if _same_unit(row) else SCALE_WORDS.get(_text(row.get("planted_scale")), "")
    return ClaimRow(
        claim_id=_text(row.get("claim_id")),
        notebook=_text(row.get("notebook")) or _text(row.get("claim_id")).split(".")[0],
        statement=_text(row.get("statement")) or _text(row.get("claim")),
        quantity=_text(row.get("quantity")),
        unit=_text(row.get("unit")),
        published=_text(row.get("published")),
        source=_text(row.get("source")),
        planted=f"{planted} ({scale})" if planted and scale else planted,
        found=found,
        interval=interval,
        n=_describe_n(row),
        verdict=_text(row.get("verdict")),
        css=VERDICT_CLASSES.get(_text(row.get("verdict")), "none"),
        fit={True: "right", False: "wrong", None: ""}[right],
        truth={True: "true here", False: "untrue here", None: ""}[true_here],
        note=_text(row.get("note")),
        drawing=_draw(row),
    )


def _describe_n(row: dict) -> str:
    """Return how many people, marked where they are real and few."""
    if not _known(row.get("n")):
        return ""
    few = f" ({privacy.MARK})" if _text(row.get(privacy.FEW_COLUMN)) else ""
    return f"{number(row['n'])}{few}"


def _draw(row: dict) -> str:
    names = ("estimate", "low", "high", "region_low", "region_high")
    if not all(_known(row.get(name)) for name in names):
        return ""
    planted = row["planted"] if _known(row.get("planted")) and _same_unit(row) else None
    estimate, low, high, *region = (row[name] for name in names)
    return draw_interval(estimate, low, high, tuple(region), planted)


def _same_unit(row: dict) -> bool:
    """Whether planted and found can stand on one axis."""
    unit, scale = _text(row.get("unit")).replace("-", ""), _text(row.get("planted_scale"))
    return bool(scale) and unit.startswith(scale)


def count_verdicts(rows: list[ClaimRow]) -> list[dict]:
    """Return, per verdict, its count and how many of them are right or wrong."""
    cards = []
    for verdict in VERDICT_ORDER:
        of_it = [row for row in rows if row.verdict == verdict]
        fits = {fit: sum(row.fit == fit for row in of_it) for fit in ("right", "wrong")}
        cards.append(
            {"verdict": verdict, "css": VERDICT_CLASSES[verdict], "count": len(of_it), **fits}
        )
    return cards


def group_claims(rows: list[ClaimRow], titles: dict[str, str]) -> list[dict]:
    """Return the claims of each notebook together, under its title."""
    numbers = dict.fromkeys(row.notebook for row in rows)
    return [
        {
            "notebook": number,
            "title": titles.get(number, ""),
            "rows": [row for row in rows if row.notebook == number],
        }
        for number in numbers
    ]


def describe_methods(recovery: pd.DataFrame) -> list[dict]:
    """Return one row a method and contrast, as text."""
    return [_describe_method(row) for row in recovery.to_dict("records")]


def _describe_method(row: dict) -> dict:
    method = _text(row.get("method"))
    return {
        "method": method,
        "name": METHOD_NAMES.get(method, method),
        "contrast": _text(row.get("contrast")).replace(" - ", " − "),
        "planted": number(row.get("n_planted")),
        "called": number(row.get("n_called")),
        "sensitivity": _share(row, "sensitivity"),
        "false_discovery": _share(row, "false_discovery"),
        "sign_errors": number(row.get("sign_errors")),
        "bias": number(row.get("bias")),
        "coverage": f"{row['coverage']:.0%}" if _known(row.get("coverage")) else "–",
    }


def _share(row: dict, name: str) -> str:
    if not _known(row.get(name)):
        return "–"
    text = f"{row[name]:.0%}"
    if _known(row.get(f"{name}_low")):
        text += f" [{row[f'{name}_low']:.0%}, {row[f'{name}_high']:.0%}]"
    return text


def describe_run(results: RunResults) -> list[tuple[str, str]]:
    """Return the facts of a run: name and value, those that are known."""
    summary = results.summary
    design = summary.get("design") or {}
    facts = {
        "Profile": summary.get("profile"),
        "Preset": summary.get("preset"),
        "Cohort": summary.get("cohort"),
        "Seed": summary.get("seed"),
        "Finished": moment(summary.get("finished")),
        "Time": f"{summary['seconds']:.0f} s" if _known(summary.get("seconds")) else None,
        "Pairs": sum(design["pairs_per_site"].values()) if "pairs_per_site" in design else None,
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def flatten(values: dict) -> list[tuple[str, str]]:
    """Return nested settings as name and text; a mapping becomes one line."""
    rows = []
    for name, value in (values or {}).items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {inner}" for key, inner in value.items())
        rows.append((str(name).replace("_", " "), str(value)))
    return rows


def number(value: object) -> str:
    """Return a number in the fewest digits that still tell: three significant ones."""
    if not _known(value):
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
    """Return an ISO time as a reader would write it; other text as it is."""
    try:
        return datetime.fromisoformat(str(text)).strftime("%-d %B %Y, %H:%M %Z").strip()
    except ValueError:
        return str(text) if text else None


def _known(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _text(value: object) -> str:
    return "" if value is None or value is pd.NA or value != value else str(value)


def _yes_no(value: object) -> bool | None:
    return {"true": True, "false": False}.get(_text(value).lower())
