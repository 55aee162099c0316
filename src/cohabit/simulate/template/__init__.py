"""Calibration tables shipped with the package: one loader, one folder.

Each table is tab-separated; lines that start with ``#`` name its source.
"""

from functools import cache
from importlib import resources
from io import StringIO

import pandas as pd


def read_template(name: str) -> pd.DataFrame:
    """Return a copy of the table ``template/<name>.tsv``.

    Raises
    ------
    FileNotFoundError
        When the package ships no such table.
    """
    return _read_once(name).copy()


def forget_templates() -> None:
    """Read every table afresh from now on: for whoever has just written one."""
    _read_once.cache_clear()


@cache
def _read_once(name: str) -> pd.DataFrame:
    path = resources.files(__name__) / f"{name}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    table = StringIO("".join(line for line in lines if not line.startswith("#")))
    return pd.read_csv(table, sep="\t", keep_default_na=False, na_values=["NA"])
