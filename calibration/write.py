"""Write solved tables into the template that the package ships."""

from importlib.resources import files
from pathlib import Path

import pandas as pd


def write_template(name: str, table: pd.DataFrame, header: str) -> None:
    """Write one table of the template below the comment that says where it comes from."""
    text = table.to_csv(
        sep="\t", index=False, lineterminator="\n", float_format="%.6g", na_rep="NA"
    )
    folder = Path(str(files("cohabit.simulate"))) / "template"
    (folder / f"{name}.tsv").write_text(header + text, encoding="utf-8")
