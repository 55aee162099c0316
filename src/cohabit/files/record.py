"""The record of a cohort's folder, `cohort.json`: where it comes from and its checksums."""

import json
from pathlib import Path

from cohabit.data.shapes import check_shape
from cohabit.files import paths

MANIFEST = "cohort.json"
MODEL_SHAPE = {"covariates": [str], "contrasts": [str], "reference": {str: str}}
MANIFEST_SHAPE = {
    "simulated": bool,
    "case": str,
    "model": MODEL_SHAPE,
    "design": dict,
    "sha256": {str: str},
}


def read_record(folder: Path) -> dict:
    """Read `cohort.json` and check that a cohort could have been written with it.

    Returns
    -------
    dict
        With ``simulated`` False and no ``sha256`` when the folder has no record.

    Raises
    ------
    ValueError
        When the file is damaged, has another shape or names a file outside its folder.
    """
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        check_shape(found, MANIFEST_SHAPE, path.name)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: not the record of a cohort ({error}); write the cohort again"
        ) from None
    record = {"simulated": False, "sha256": {}} | found
    for name in record["sha256"]:
        paths.inside(folder, name)
    return record
