"""Writing of solved tables into the template that the package ships."""

from importlib.resources import files
from pathlib import Path

import pandas as pd


def write_template(
    name: str, table: pd.DataFrame, header: str, package: str = "cohabit.simulate.template"
) -> None:
    """Write a shipped table below the comment with its source."""
    text = table.to_csv(
        sep="\t", index=False, lineterminator="\n", float_format="%.6g", na_rep="NA"
    )
    (Path(str(files(package))) / f"{name}.tsv").write_text(header + text, encoding="utf-8")
