"""Measurements brought to the scale in which a cohort keeps them; each change is told."""

import numpy as np
import pandas as pd

from cohabit.data.schema import ACIDS, BRANCHED_ACIDS
from cohabit.files.importers.log import ImportLog
from cohabit.files.importers.mapping import TableMapping

NEEDED_OF_DIET = ("hei_total", "vitamin_c")
LARGEST_LOG = 50.0
"""A concentration of exp(50) is above 10^21 of whatever it is counted in."""

REST = ("UNMAPPED", "UNINTEGRATED")
"""Rows of HUMAnN that are no pathway but count towards the whole."""


def finish_diet(table: pd.DataFrame, own: TableMapping, log: ImportLog) -> pd.DataFrame:
    """Check intakes: none is negative, and the index lies between 0 and 100."""
    _refuse_negative(table, "diet", "an intake cannot be: give it before any transformation", log)
    absent = [name for name in NEEDED_OF_DIET if name not in table]
    if absent:
        remedy = "name the column under [diet.columns]"
        log.warn("diet", f"no {' and no '.join(absent)}: notebook 10 is skipped", (), remedy)
    if "hei_total" in table and (table["hei_total"] > 100).any():
        who = table.index[table["hei_total"] > 100]
        log.error("diet, hei_total", "outside 0 to 100 points", who, "give HEI-2015 points")
    return _drop_empty(table, "diet", log)


def finish_blood(table: pd.DataFrame, own: TableMapping, log: ImportLog) -> pd.DataFrame:
    """Check that no count of cells is negative."""
    _refuse_negative(table, "blood", "give counts or shares of cells", log)
    return _drop_empty(table, "blood", log)


def finish_pathways(table: pd.DataFrame, own: TableMapping, log: ImportLog) -> pd.DataFrame:
    """Return each pathway's share of everything a person's reads gave, 0 to 1."""
    _refuse_negative(table, "pathways", "give abundances, before any transformation", log)
    by_species = [name for name in table if "|" in name]
    if by_species:
        table = table.drop(columns=by_species)
        log.change("pathways", f"{len(by_species)} row(s) of single species left out", by_species)
    empty = ~np.isfinite(table).all(axis=1)
    if empty.any():
        log.error(
            "pathways",
            "empty or infinite cells",
            table.index[empty],
            "write 0 where nothing was seen",
        )
    if (table > 1).any(axis=None):
        table = table.div(table.sum(axis=1), axis=0)
        log.change("pathways", "divided by each person's sum, so that values are shares")
        if not set(REST) & set(table):
            words = "shares are of pathways only: the published ones count what is unmapped too"
            log.warn("pathways", words, (), f"give the table with its row {REST[0]}")
    rest = [name for name in REST if name in table]
    if rest:
        log.change("pathways", f"{' and '.join(rest)} left out: no pathway")
    return _cut_names(table.drop(columns=rest), log)


def _cut_names(table: pd.DataFrame, log: ImportLog) -> pd.DataFrame:
    """Return pathways under their MetaCyc ids: HUMAnN writes a colon and a name behind."""
    ids = [name.partition(":")[0].strip() for name in table]
    if ids != list(table):
        log.change("pathways", "names behind the ids left out")
    if len(set(ids)) < len(ids):
        log.error("pathways", "ids repeat", [i for i in ids if ids.count(i) > 1], "keep one each")
    return table.set_axis(pd.Index(ids, dtype=object), axis=1)


def finish_metabolites(table: pd.DataFrame, own: TableMapping, log: ImportLog) -> pd.DataFrame:
    """Return fatty acids as concentrations, all others as natural logs; named matrix:name."""
    names = [name if ":" in name else f"{own.matrix}:{name}" for name in table]
    if own.matrix is None and any(":" not in name for name in table):
        remedy = "write --metabolites stool=FILE, or name the columns stool:..., serum:..."
        log.error("metabolites", "which sample they were measured in is not said", (), remedy)
        return table.iloc[:0]
    table = table.set_axis(pd.Index(names, dtype=object), axis=1)
    acids = [name for name in table if name.partition(":")[2] in ACIDS + BRANCHED_ACIDS]
    others = table.columns.difference(acids, sort=False)
    if own.scale == "log":
        if _refuse_too_large(table, log):
            return table.iloc[:0]
        log.change("metabolites", f"{len(acids)} fatty acid(s) became concentrations")
        return table.assign(**{name: np.exp(table[name]) for name in acids})
    remedy = 'if they are natural logs, write scale = "log" under [metabolites]'
    if _refuse_negative(table, "metabolites", remedy, log):
        return table.iloc[:0]
    zeros = int((table == 0).to_numpy().sum())
    if zeros:
        log.change("metabolites", f"{zeros} value(s) of 0 became missing: below detection")
    log.change("metabolites", f"natural logs of {len(others)} metabolite(s) were taken")
    table = table.where(table != 0)
    return table.assign(**{name: np.log(table[name]) for name in others})


def _refuse_too_large(table: pd.DataFrame, log: ImportLog) -> bool:
    """Refuse what cannot be a natural logarithm of a concentration, in any unit."""
    large = table > LARGEST_LOG
    remedy = 'give one scale throughout: if these are concentrations, write scale = "concentration"'
    for column in table.columns[large.any()]:
        rows = table.index[large[column]]
        words = f"{len(rows)} value(s) over {LARGEST_LOG:g}, too large for natural logs"
        log.error(f"metabolites, {column}", words, rows, remedy)
    return bool(large.any(axis=None))


def _refuse_negative(table: pd.DataFrame, kind: str, remedy: str, log: ImportLog) -> bool:
    negative = table < 0
    for column in table.columns[negative.any()]:
        rows = table.index[negative[column]]
        log.error(f"{kind}, {column}", f"{len(rows)} negative value(s)", rows, remedy)
    return bool(negative.any(axis=None))


def _drop_empty(table: pd.DataFrame, kind: str, log: ImportLog) -> pd.DataFrame:
    """Leave out people of whom nothing was measured."""
    empty = table.isna().all(axis=1)
    if empty.any():
        log.change(kind, f"{empty.sum()} row(s) without a value left out", table.index[empty])
    return table[~empty]


FINISH = {
    "diet": finish_diet,
    "pathways": finish_pathways,
    "metabolites": finish_metabolites,
    "blood": finish_blood,
}
"""What is done to each table after its numbers are read."""
