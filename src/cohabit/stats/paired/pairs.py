"""Which households form a pair of one case and one control, and what differs within them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.stats.alignment import align_values, household_codes
from cohabit.stats.inference import tidy_columns

COLUMNS = tidy_columns()


@dataclass(frozen=True)
class Pairs:
    """Households of exactly one case and one control, and those that are not."""

    table: pd.DataFrame
    """Index household; columns `case` and `control`: the IDs of the two."""

    left_out: pd.Series
    """Index household; the reason it forms no pair."""

    contrast: str
    """``MS - control``."""

    @property
    def note(self) -> str:
        """Say how many households are left out and why; empty when there are none.

        It goes into tables that are passed on, so it names nobody: `left_out` does.
        """
        if self.left_out.empty:
            return ""
        counts = self.left_out.value_counts()
        reasons = ", ".join(f"{count} {reason}" for reason, count in counts.items())
        return f"{len(self.left_out)} household(s) left out ({reasons})"


def find_pairs(
    metadata: pd.DataFrame,
    *,
    household: str = "household_id",
    group: str = "group",
    case: str = "MS",
    control: str = "control",
) -> Pairs:
    """Return the households of exactly one case and one control.

    Parameters
    ----------
    metadata : DataFrame, one row a person
    household, group : str
        Columns.
    case, control : str
        Levels of `group`.

    Raises
    ------
    ValueError
        When a column is not there, a level is strange, or no household forms a pair.
    """
    household_codes(metadata, household)
    if group not in metadata:
        raise ValueError(f"no column {group!r}; the pairs are told from case and control by it")
    strange = set(metadata[group].dropna()) - {case, control}
    if strange or metadata[group].isna().any():
        raise ValueError(
            f"column {group!r}: expected {case!r} or {control!r} in every row; got "
            f"{', '.join(map(repr, sorted(strange, key=str))) or 'missing values'}"
        )
    people = pd.DataFrame(
        {"household": metadata[household].to_numpy(), "id": metadata.index}
        | {"is_case": (metadata[group] == case).to_numpy()}
    )
    counts = people.groupby("household", sort=True)["is_case"].agg(["sum", "size"])
    paired = (counts["sum"] == 1) & (counts["size"] == 2)
    if not paired.any():
        raise ValueError(f"no household has exactly one {case} and one {control}")
    chosen = people[people["household"].isin(counts.index[paired])]
    table = pd.DataFrame(
        {
            name: chosen[chosen["is_case"] == flag].set_index("household")["id"]
            for name, flag in (("case", True), ("control", False))
        }
    )
    table = table.rename_axis(household)
    rest = counts[~paired].rename_axis(household)
    return Pairs(table, rest.apply(_why_no_pair, axis=1).astype(object), f"{case} - {control}")


def _why_no_pair(counts: pd.Series) -> str:
    cases, size = counts["sum"], counts["size"]
    if size == 1:
        return "with one member"
    if size > 2:
        return "with more than two members"
    return "with two cases" if cases == 2 else "with two controls"


def paired_differences(
    values: pd.DataFrame | pd.Series, metadata: pd.DataFrame, **names: str
) -> pd.DataFrame | pd.Series:
    """Return case minus control of every household that has exactly one of each.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features), or Series
    metadata : DataFrame
        `household_id` and `group`; index as `values`, in any order.
    **names
        `household`, `group`, `case`, `control` as in `find_pairs`, which also says which
        households were left out.

    Returns
    -------
    DataFrame, shape (n_pairs, n_features), or Series
        Index household; NaN where either value is missing.
    """
    table, people = align_values(values, metadata)
    differences = subtract(table, find_pairs(people, **names))
    return (
        differences.iloc[:, 0].rename(values.name) if isinstance(values, pd.Series) else differences
    )


def subtract(table: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """Return case minus control of an aligned table, rows pairs."""
    case, control = (table.loc[pairs.table[side]].to_numpy() for side in ("case", "control"))
    return pd.DataFrame(case - control, index=pairs.table.index, columns=table.columns)


def count_nonzero(table: pd.DataFrame, pairs: Pairs) -> np.ndarray:
    """Return for each feature how many people of complete pairs have a value above or below 0."""
    case, control = (table.loc[pairs.table[side]].to_numpy() for side in ("case", "control"))
    complete = ~np.isnan(case - control)
    return ((case != 0) & complete).sum(axis=0) + ((control != 0) & complete).sum(axis=0)
