"""The report of a sweep: one offline HTML page with each claim's verdict by setting."""

import base64
import io
from pathlib import Path

import pandas as pd

from cohabit.files.storage import write_atomically, write_table
from cohabit.run.report.collect import read_claims, read_summary, strip_number
from cohabit.run.report.page import VERDICT_CLASSES, VERDICT_ORDER, moment, plain_text, write_page
from cohabit.run.sweeps import SEED_AXIS

UNFINISHED = ("failed", "blocked", "missing", "outdated")
ONE_GROUP = "all settings"
CLAIM_TABLE = ("claim_id", "statement", "planted", "estimate", "low", "high", "p_value", "n")


def build_sweep_report(folder: Path) -> Path:
    """Write `settings.tsv`, `claims.tsv` and `report.html` of a sweep; return the page's path.

    The folder holds `sweep.json` and one folder per setting.
    """
    summary = read_summary(folder / "sweep.json")
    settings, claims = describe_settings(summary), collect_claims(folder, summary)
    axes = [axis for axis in summary["axes"] if axis in claims] if len(claims) else []
    tables = {"settings": settings}
    if len(claims):
        tables["claims"] = claims[["setting", *axes, *CLAIM_TABLE, "verdict", "true_here"]]
    for name, table in tables.items():
        with write_atomically(folder / f"{name}.tsv") as scratch:
            write_table(table, scratch, index=False)
    return write_page(folder, "sweep.html", **describe_sweep(summary, settings, claims))


def describe_settings(summary: dict) -> pd.DataFrame:
    """Return one row per setting and notebook: axis values, status, seconds, memory."""
    rows = [
        {
            "setting": setting["name"],
            **setting["values"],
            "notebook": notebook["number"],
            "status": notebook["status"],
            "reused": notebook["reused"],
            "seconds": notebook["seconds"],
            "memory_mb": notebook["memory_mb"],
            "reason": notebook["reason"],
        }
        for setting in summary["settings"]
        for notebook in setting["notebooks"]
    ]
    return pd.DataFrame(rows)


def collect_claims(folder: Path, summary: dict) -> pd.DataFrame:
    """Return the claims with an estimate of all settings in one table.

    Columns of the scorecard, `setting`, one column per axis, and `group`: the values of all axes
    except seeds, so that settings of one group differ only by chance.
    """
    parts = []
    for setting in summary["settings"]:
        claims = read_claims(folder / setting["name"])
        if len(claims):
            known = claims[claims["estimate"].notna()]
            about = {"setting": setting["name"], **setting["values"]}
            parts.append(known.assign(group=name_group(setting["values"]), **about))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def name_group(values: dict) -> str:
    """Return the name of a setting's group: the values of all axes except seeds."""
    kept = {key: value for key, value in values.items() if key.rpartition(".")[2] != SEED_AXIS}
    if len(kept) == 1:
        return str(next(iter(kept.values())))
    return (
        ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in kept.items()) or ONE_GROUP
    )


def describe_sweep(summary: dict, settings: pd.DataFrame, claims: pd.DataFrame) -> dict:
    """Return the content of the page of a sweep."""
    groups = list(dict.fromkeys(name_group(setting["values"]) for setting in summary["settings"]))
    rows = compare_claims(claims, groups)
    return {
        "sweep": summary,
        "axis": name_axis(summary["axes"]),
        "simulated": all(setting["simulated"] for setting in summary["settings"]),
        "finished": moment(summary["finished"]),
        "headline": find_headline(rows, groups),
        "groups": groups,
        "runs_per_group": len(summary["settings"]) / len(groups),
        "claims": rows,
        "failures": list_failures(summary),
        "n_failed": settings.loc[settings["status"].isin(UNFINISHED), "setting"].nunique(),
        "costs": describe_costs(settings),
        "settings": settings.to_dict("records"),
        "columns": [name for name in settings if name not in ("reason", "reused")],
    }


def name_axis(axes: dict[str, str]) -> str:
    """Return the axes that distinguish the groups, with their meaning."""
    told = {axis: words for axis, words in axes.items() if axis.rpartition(".")[2] != SEED_AXIS}
    return " and ".join(f"{axis} ({words})" for axis, words in told.items()) or "one group"


def compare_claims(claims: pd.DataFrame, groups: list[str]) -> list[dict]:
    """Return one entry per claim, starting with those that depend most on the setting."""
    if not len(claims):
        return []
    rows = [_compare_claim(runs, groups) for _, runs in claims.groupby("claim_id", sort=False)]
    return sorted(rows, key=lambda row: -row["unrest"])


def _compare_claim(runs: pd.DataFrame, groups: list[str]) -> dict:
    first = runs.iloc[0]
    counts = pd.crosstab(runs["group"], runs["verdict"]).reindex(groups, fill_value=0)
    counts = counts.reindex(columns=list(VERDICT_ORDER[:3]), fill_value=0)
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    agreed = ", ".join(f"{group}: {_in_words(counts.loc[group])}" for group in groups)
    return {
        "claim_id": first["claim_id"],
        "statement": first["statement"],
        "quantity": first["quantity"],
        "unit": plain_text(first["unit"]),
        "published": first["published"],
        "cells": [_describe_cell(counts.loc[group]) for group in groups],
        "changes": int((runs["verdict"].value_counts() > 0).sum() > 1),
        "unrest": 1 - counts.sum().max() / max(1, counts.to_numpy().sum()),
        "between": float(shares.max().sub(shares.min()).max()),
        "figure": draw(runs, groups),
        "alt": f"{first['statement']}: {agreed}.",
    }


def _describe_cell(counts: pd.Series) -> list[dict]:
    """Return the verdicts of one group."""
    total = counts.sum()
    return [
        {
            "verdict": verdict,
            "css": VERDICT_CLASSES[verdict],
            "count": count,
            "share": count / total,
        }
        for verdict, count in counts.items()
        if count
    ]


def _in_words(counts: pd.Series) -> str:
    return ", ".join(f"{n} {verdict}" for verdict, n in counts.items() if n) or "no estimate"


def draw(runs: pd.DataFrame, groups: list[str]) -> str:
    """Return the figure of one claim as a data URI."""
    import matplotlib.pyplot as plt

    from cohabit.figures.judgement import draw_claim_by_group
    from cohabit.figures.style import use_style

    with plt.rc_context():
        use_style()
        figure, ax = plt.subplots(figsize=(3.3, 2.2))
        draw_claim_by_group(runs, groups, ax=ax)
        stream = io.BytesIO()
        figure.savefig(stream, dpi=130, metadata={"Software": None})
        plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def find_headline(rows: list[dict], groups: list[str]) -> dict[str, str]:
    """Return the number of claims that change their verdict, with its sentence."""
    if not rows:
        return {"number": "0", "sentence": "claims have an estimate", "promise": ""}
    count = sum(row["changes"] for row in rows)
    most = max(rows, key=lambda row: (row["between"], row["unrest"]))
    why = "the setting" if len(groups) > 1 else "the luck of one sample"
    return {
        "number": f"{count} of {len(rows)}",
        "sentence": f"claims change their verdict with {why}",
        "promise": f"The most: {most['statement']}.",
    }


def list_failures(summary: dict) -> list[dict]:
    """Return unfinished notebooks: setting, notebook, reason and failing cell."""
    return [
        {
            "setting": setting["name"],
            **notebook,
            "title": strip_number(notebook["title"]),
            "source": notebook["error"].get("source", ""),
        }
        for setting in summary["settings"]
        for notebook in setting["notebooks"]
        if notebook["status"] in UNFINISHED
    ]


def describe_costs(settings: pd.DataFrame) -> list[dict]:
    """Return seconds and peak memory of each notebook over all settings."""
    ran = settings[settings["seconds"] > 0].groupby("notebook")
    table = pd.DataFrame(
        {
            "runs": ran.size(),
            "seconds": ran["seconds"].median(),
            "longest": ran["seconds"].max(),
            "memory_mb": ran["memory_mb"].max(),
            "minutes": ran["seconds"].sum() / 60,
        }
    )
    return table.reset_index().to_dict("records")
