"""Case-control pairs within households: pairing, differences and their regressions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data.schema import nearest
from cohabit.stats.alignment import align_values, fit_by_pattern, household_codes
from cohabit.stats.formula import model_matrix
from cohabit.stats.inference import add_notes, adjust_p, tidy_columns
from cohabit.stats.least_squares import fit_least_squares

PAIRED_COLUMNS = (*tidy_columns(), "formula")


@dataclass(frozen=True)
class Pairs:
    """Households of exactly one case and one control, and the households left out."""

    table: pd.DataFrame
    """Index: household; columns `case` and `control` with the IDs of the two."""

    left_out: pd.Series
    """Index: household; values: the reason why it forms no pair."""

    contrast: str
    """Name of the difference, for example ``MS - control``."""

    @property
    def note(self) -> str:
        """Number of households left out and the reasons, or an empty string.

        It is used in tables that are passed on, so it names nobody; `left_out` does.
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
    required: bool = True,
) -> Pairs:
    """Find the households with exactly one case and one control.

    Parameters
    ----------
    metadata : DataFrame, one row per person
    household, group, case, control : str
        Two columns, and two levels of `group`.
    required : bool
        Whether to refuse people among whom no household forms a pair.

    Raises
    ------
    ValueError
        When a column is not there, a level is strange, or no household forms a pair.
    """
    household_codes(metadata, household)
    if group not in metadata:
        raise ValueError(f"no column {group!r}; it distinguishes case and control of a pair")
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
    if required and not paired.any():
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
    """Return case minus control for each household with exactly one of each.

    Parameters
    ----------
    values, metadata, **names
        As in `fit_paired_model`; `find_pairs` says which households are left out.

    Returns
    -------
    DataFrame, shape (n_pairs, n_features), or Series
        Index household; NaN where either value is missing.
    """
    table, people = align_values(values, metadata)
    differences = subtract(table, find_pairs(people, **names))
    if isinstance(values, pd.Series):
        return differences.iloc[:, 0].rename(values.name)
    return differences


def subtract(table: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """Return case minus control of an aligned table, with one row per pair."""
    case, control = (table.loc[pairs.table[side]].to_numpy() for side in ("case", "control"))
    return pd.DataFrame(case - control, index=pairs.table.index, columns=table.columns)


def count_nonzero(table: pd.DataFrame, pairs: Pairs) -> np.ndarray:
    """Return for each feature the number of people in pairs with a non-zero value."""
    case, control = (table.loc[pairs.table[side]].to_numpy() for side in ("case", "control"))
    complete = ~np.isnan(case - control)
    return ((case != 0) & complete).sum(axis=0) + ((control != 0) & complete).sum(axis=0)


def count_informative(present: pd.DataFrame, column: pd.Series, households: pd.Series) -> pd.Series:
    """Return for each feature in how many households a column differs between the people present.

    `present` is bool, people x features; `column` and `households` have its rows. For `group`
    these are the households that hold a case and a control: others say nothing of the contrast.
    """
    codes = pd.Series(pd.factorize(column)[0], present.index)
    values = present.astype(float).where(present).mul(codes, axis=0)
    spans = values.groupby(households.to_numpy()).agg(["min", "max"]).swaplevel(axis=1)
    return (spans["min"] < spans["max"]).sum()


def fit_paired_model(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    covariates: str | None = "sex + age + bmi",
    **names: str,
) -> pd.DataFrame:
    """Regress pair differences on covariate differences and test the intercept.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features), or Series
        Transformed values, for example CLR. A missing value drops the pair for that
        feature only.
    metadata : DataFrame
        `household_id`, `group` and the covariates; index as `values`, in any order.
    covariates : str, optional
        Formula; None compares the pairs unadjusted (a paired t-test). Where most pairs are
        of opposite sex, leave sex in: without it this finds sex, not disease.
    **names
        `household`, `group`, `case`, `control` as in `find_pairs`.

    Returns
    -------
    DataFrame, one row per feature
        Columns `PAIRED_COLUMNS`, `formula` as fitted; `estimate` is the difference between a
        case and a control of equal covariates, with t test and 95% interval; `q_value` over
        all features;
        `n_nonzero` counts people of the pairs used whose value is not zero. Households
        left out are counted in `note`.

    Raises
    ------
    ValueError
        When no household forms a pair, IDs do not match or a covariate is missing.
    """
    table, people = align_values(values, metadata)
    pairs = find_pairs(people, **names)
    x, alike = _covariate_differences(people, pairs, covariates)
    x.insert(0, "Intercept", 1.0)
    intercept = pd.DataFrame([x.columns == "Intercept"], [pairs.contrast], dtype=float)
    fitted = f"difference ~ {f'difference({covariates})' if covariates else '1'}"
    return _regress(table, pairs, x, intercept, alike).assign(
        method="paired_difference", formula=fitted
    )


def _covariate_differences(
    people: pd.DataFrame, pairs: Pairs, covariates: str | None
) -> tuple[pd.DataFrame, str]:
    """Return the covariate differences that vary and a note on the others."""
    if not covariates:
        return pd.DataFrame(index=pairs.table.index), ""
    members = people.loc[pairs.table[["case", "control"]].to_numpy().ravel()]
    matrix = model_matrix(covariates, members)
    return differ_within(matrix.values.drop(columns="Intercept"), pairs)


def differ_within(table: pd.DataFrame, pairs: Pairs) -> tuple[pd.DataFrame, str]:
    """Return case minus control of the columns that vary within pairs, and a note on others."""
    x = subtract(table, pairs)
    alike = x.columns[(x == 0).all()]
    note = f"the same in both people of every pair: {', '.join(alike)}" if len(alike) else ""
    return x.drop(columns=alike), note


def fit_step_by_step(
    values: pd.Series, metadata: pd.DataFrame, held: Iterable[Sequence[str]]
) -> pd.DataFrame:
    """Fit `fit_paired_model` with one set of covariates after another held fixed.

    Returns its rows, `feature` naming what was held, as in ``"sex, age"`` or ``"nothing"``; none
    where no household forms a pair.
    """
    _, people = align_values(values, metadata)
    if find_pairs(people, required=False).table.empty:
        return pd.DataFrame(columns=list(PAIRED_COLUMNS))
    steps = [
        fit_paired_model(values, metadata, " + ".join(names) or None).assign(
            feature=", ".join(names) or "nothing"
        )
        for names in held
    ]
    return pd.concat(steps, ignore_index=True)


def compare_pair_differences(
    values: pd.DataFrame | pd.Series,
    metadata: pd.DataFrame,
    contrast: str = "treated",
    covariates: str | None = "site + course + age + sex",
    *,
    reference: str | None = None,
    differences: str | None = None,
    **names: str,
) -> pd.DataFrame:
    """Test which covariates change the case-control difference between pairs.

    For example treated against untreated pairs: a difference in differences, in which the
    cohabitant represents the household without the disease.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features), or Series
    metadata : DataFrame
        `contrast` and `covariates` are read from the case's row alone.
    contrast : str
        Column whose levels are compared with one; a number gives a slope.
    covariates : str, optional
        Formula over the case's row: pairs of equal covariates are compared.
    reference : str, optional
        The level to compare with; by default the first: ``untreated`` of `treatment`, the
        first by name of a text column without an order.
    differences : str, optional
        Formula of covariates whose difference within the pair is held fixed too.
    **names
        `household`, `group`, `case`, `control` as in `find_pairs`.

    Returns
    -------
    DataFrame, one row per feature and level
        Columns `PAIRED_COLUMNS`; `q_value` over the features of one contrast.

    Raises
    ------
    ValueError
        When no household forms a pair, or a value of the formula is missing for a case.
    """
    table, people = align_values(values, metadata)
    pairs = find_pairs(people, **names)
    cases = people.loc[pairs.table["case"]]
    if reference is not None:
        cases = cases.assign(**{contrast: _first(cases[contrast], reference)})
    matrix = model_matrix(" + ".join(filter(None, [contrast, covariates])), cases)
    between = matrix.values.set_axis(pairs.table.index)
    within, alike = _covariate_differences(people, pairs, differences)
    x = pd.concat([between, within.add_prefix("difference of ")], axis=1)
    asked = matrix.terms.get(contrast, [])
    if not asked:
        raise ValueError(f"column {contrast!r}: expected at least two levels among the cases")
    labels = [matrix.contrasts[name] for name in asked]
    weights = pd.DataFrame([x.columns == name for name in asked], labels, dtype=float)
    fixed = [contrast, covariates, f"difference({differences})" if differences else None]
    return _regress(table, pairs, x, weights, alike).assign(
        method="difference_in_differences",
        formula=f"difference ~ {' + '.join(filter(None, fixed))}",
    )


def _first(column: pd.Series, reference: str) -> pd.Series:
    """Return a categorical column whose first category is `reference`."""
    levels = [str(level) for level in pd.unique(column.dropna())]
    if reference not in levels:
        raise ValueError(f"reference: no case has {reference!r}; {nearest(reference, levels)}")
    order = [reference, *sorted(level for level in levels if level != reference)]
    return column.astype("str").where(column.notna()).astype(pd.CategoricalDtype(order))


def _regress(
    table: pd.DataFrame, pairs: Pairs, x: pd.DataFrame, weights: pd.DataFrame, alike: str
) -> pd.DataFrame:
    """Regress pair differences on x, with one row per feature and row of `weights`."""

    def fit(y: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        found = fit_least_squares(y, x[rows], weights.to_numpy(), why_unfit=_why_unfit)
        return found | {"n_pairs": np.full((len(weights), y.shape[1]), len(y))}

    found = fit_by_pattern(subtract(table, pairs).to_numpy(), fit)
    rows = pd.DataFrame({name: numbers.T.ravel() for name, numbers in found.items()}).assign(
        feature=np.repeat(table.columns.to_numpy(), len(weights)),
        contrast=np.tile(weights.index.to_numpy(), table.shape[1]),
        n_nonzero=np.repeat(count_nonzero(table, pairs), len(weights)),
    )
    rows["note"] = add_notes(rows["note"], pairs.note, alike)
    rows["converged"] = rows["estimate"].notna()
    rows["q_value"] = rows.groupby("contrast")["p_value"].transform(adjust_p)
    return rows.reindex(columns=list(PAIRED_COLUMNS))


def _why_unfit(y: np.ndarray, squares: np.ndarray, rank: int) -> np.ndarray:
    """Return the reason why each feature cannot be tested, or an empty string."""
    notes = np.full(y.shape[1], "", dtype=object)
    notes[squares <= 1e-20 * np.square(y).sum(axis=0)] = "the model fits every difference exactly"
    notes[(y == 0).all(axis=0)] = "constant: every pair difference is zero"
    if len(y) <= rank:
        notes[:] = f"{len(y)} pairs for {rank} coefficients: too few"
    return notes
