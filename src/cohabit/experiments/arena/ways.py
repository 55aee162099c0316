"""Tests of taxa or communities with different ways to account for households.

Statistics are those of the library where it has them. This module adds those that it omits on
purpose: people treated as strangers, the pair as a fixed term, labels swapped within households,
and tests that ignore sex.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd
from scipy import stats

from cohabit.experiments.arena.trial import Trial
from cohabit.stats.abundance import compare_abundance
from cohabit.stats.abundance.methods import density_mode
from cohabit.stats.composition import arcsine_sqrt, clr, filter_features, relative_abundance
from cohabit.stats.diversity import aitchison, bray_curtis
from cohabit.stats.formula import ModelMatrix, model_matrix
from cohabit.stats.inference import two_sided_normal, two_sided_t
from cohabit.stats.least_squares import fit_least_squares, residuals
from cohabit.stats.mixed import fit_household_model
from cohabit.stats.paired import find_pairs, fit_paired_model
from cohabit.stats.permanova.analysis import analyse, innermost_row
from cohabit.stats.permanova.geometry import from_distances
from cohabit.stats.permanova.model import Options, prepare_model

GROUP = "group[MS]"
FITTED_SCALES = ("asin-sqrt", "CLR")
FITTED = ["estimate", "std_error", "low", "high", "df", "p_value"]


@dataclass(frozen=True)
class Prepared:
    """A study that has been filtered and transformed once for all analyses."""

    trial: Trial

    @classmethod
    def of(cls, trial: Trial) -> "Prepared":
        """Prepare a study, without people who have none of the kept taxa."""
        seen = filter_features(trial.counts).sum(axis=1) > 0
        return cls(replace(trial, counts=trial.counts[seen], people=trial.people[seen]))

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Counts of the taxa that pass the study's filter."""
        return filter_features(self.trial.counts)

    @property
    def people(self) -> pd.DataFrame:
        """One row per person, in the order of the counts."""
        return self.trial.people

    @cached_property
    def shares(self) -> pd.DataFrame:
        """asin-sqrt shares (of all counts) of the kept taxa."""
        return arcsine_sqrt(self.trial.counts)[self.counts.columns]

    @cached_property
    def values(self) -> pd.DataFrame:
        """Both scales side by side, people x (scale, taxon), for a single fit."""
        both = np.hstack([self.shares, clr(self.counts)])
        names = [f"{scale}|{taxon}" for scale, taxon in zip(*self.labels.values(), strict=True)]
        return pd.DataFrame(both, self.people.index, names)

    @cached_property
    def labels(self) -> dict[str, np.ndarray]:
        """Scale and taxon of each column of `values`."""
        taxa = self.counts.columns
        scales = np.repeat(np.array(FITTED_SCALES, dtype=object), len(taxa))
        return {"scale": scales, "feature": np.tile(taxa, len(FITTED_SCALES))}

    @cached_property
    def matrix(self) -> ModelMatrix:
        """Model matrix of group and covariates."""
        return model_matrix(self.formula, self.people)

    def make_shared(self) -> None:
        """Compute everything that all ways use, so that timings of single ways exclude it."""
        for name in ("values", "matrix", "positions"):
            getattr(self, name)

    @property
    def formula(self) -> str:
        """Formula of group and covariates."""
        return " + ".join(filter(None, ["group", self.trial.covariates]))

    @cached_property
    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of cases and of controls by pair."""
        pairs = find_pairs(self.people[["household_id", "group"]]).table
        index = self.people.index
        return index.get_indexer(pairs["case"]), index.get_indexer(pairs["control"])

    def subtract(self, values: np.ndarray) -> np.ndarray:
        """Return case minus control for each pair."""
        case, control = self.positions
        return values[case] - values[control]


@dataclass(frozen=True)
class Way:
    """A way to account for the household."""

    fit: Callable[[Prepared], pd.DataFrame]
    """Function that returns one row per feature and scale: feature, scale and `FITTED`."""

    adjusted: bool = True
    """True if sex, age, BMI and site are in the model."""

    slow: bool = False


def _fit_unpaired(prepared: Prepared) -> pd.DataFrame:
    return _fit_columns(prepared, prepared.matrix.values)


def _fit_pair_term(prepared: Prepared) -> pd.DataFrame:
    """Fit a constant per household, dropping terms that do not vary within households."""
    homes = pd.get_dummies(prepared.people["household_id"].astype(str), dtype=float)
    moving = prepared.matrix.values.drop(columns="Intercept")
    moving = moving.loc[:, _varies_at_home(prepared, moving)]
    design = pd.concat([homes, moving], axis=1)
    return _fit_columns(prepared, design)


def _fit_columns(prepared: Prepared, design: pd.DataFrame) -> pd.DataFrame:
    group = (design.columns == GROUP).astype(float)[None]
    return _name(prepared, _row(fit_least_squares(prepared.values.to_numpy(), design, group)))


def _varies_at_home(prepared: Prepared, columns: pd.DataFrame) -> np.ndarray:
    return (prepared.subtract(columns.to_numpy(float)) != 0).any(axis=0)


def _fit_strata(prepared: Prepared) -> pd.DataFrame:
    """Test by permutation within households, from the exact mean and variance of the estimate.

    Residuals of the covariates are permuted (Freedman-Lane). The coefficient is a sum over pairs of
    half the difference of residuals times half the difference of the group's own residual, each
    with a random sign, so p follows from a normal with its variance.
    """
    design = prepared.matrix.values
    others = design.drop(columns=GROUP).to_numpy(float)
    values = prepared.values.to_numpy()
    group = residuals(design[[GROUP]].to_numpy(float), others)
    rest = residuals(values, others)
    pairs = prepared.subtract(group) * prepared.subtract(rest) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = pairs.sum(axis=0) / np.sqrt((pairs**2).sum(axis=0))
    estimate = (group * rest).sum(axis=0) / (group**2).sum()
    return _name(prepared, {"estimate": estimate, "p_value": two_sided_normal(statistic)})


def _fit_random(prepared: Prepared) -> pd.DataFrame:
    table = fit_household_model(prepared.values, prepared.people, prepared.formula)
    return _name(prepared, table[table["coefficient"] == GROUP])


def _fit_paired(prepared: Prepared, *, adjusted: bool = True) -> pd.DataFrame:
    formula = prepared.trial.covariates or None if adjusted else None
    return _name(prepared, fit_paired_model(prepared.values, prepared.people, formula))


def _fit_signed_ranks(prepared: Prepared) -> pd.DataFrame:
    """Test asin-sqrt shares by signed ranks, without zeros, by normal approximation."""
    differences = prepared.subtract(prepared.shares.to_numpy())
    differences = np.where(differences == 0, np.nan, differences)
    ranks = stats.rankdata(np.abs(differences), axis=0, nan_policy="omit")
    signed = np.nan_to_num(ranks * np.sign(differences))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = signed.sum(axis=0) / np.sqrt((signed**2).sum(axis=0))
    return _ranked(prepared, statistic)


def _fit_rank_sum(prepared: Prepared) -> pd.DataFrame:
    """Test asin-sqrt shares by rank sums, ignoring households, with correction for ties."""
    ranks = stats.rankdata(prepared.shares.to_numpy(), axis=0)
    patient = (prepared.people["group"] == "MS").to_numpy()
    centred = ranks - ranks.mean(axis=0)
    n, m = len(ranks), int(patient.sum())
    variance = m * (n - m) / (n * (n - 1)) * (centred**2).sum(axis=0)
    return _ranked(prepared, centred[patient].sum(axis=0) / np.sqrt(variance))


def _ranked(prepared: Prepared, statistic: np.ndarray) -> pd.DataFrame:
    p_value = two_sided_normal(statistic)
    columns = {"feature": prepared.counts.columns, "scale": "ranks of shares"}
    table = pd.DataFrame({**columns, "estimate": statistic, "p_value": p_value})
    return table.reindex(columns=["feature", "scale", *FITTED])


def _fit_by_name(prepared: Prepared, method: str, scale: str) -> pd.DataFrame:
    """Fit a method of `compare_abundance` that estimates on its own scale."""
    counts, people = prepared.trial.counts, prepared.people
    table = compare_abundance(counts, people, "group", prepared.trial.covariates or None, method)
    tested = table[table["feature"].isin(prepared.counts.columns)]
    return tested.assign(scale=scale).reindex(columns=["feature", "scale", *FITTED])


WAYS = {
    "unpaired": Way(_fit_unpaired),
    "strata": Way(_fit_strata),
    "pair as term": Way(_fit_pair_term),
    "random intercept": Way(_fit_random),
    "paired difference": Way(_fit_paired),
    "paired, sex left out": Way(partial(_fit_paired, adjusted=False), adjusted=False),
    "signed ranks": Way(_fit_signed_ranks, adjusted=False),
    "rank sum": Way(_fit_rank_sum, adjusted=False),
    "ANCOM-BC": Way(
        partial(_fit_by_name, method="ancombc", scale="log counts, corrected"), slow=True
    ),
    "presence": Way(partial(_fit_by_name, method="presence_clogit", scale="presence"), slow=True),
    "negative binomial": Way(
        partial(_fit_by_name, method="nbinom", scale="log count per read"), slow=True
    ),
    "presence and amount": Way(
        partial(_fit_by_name, method="two_parts", scale="joint test"), slow=True
    ),
    "matched sets": Way(
        partial(_fit_by_name, method="matched_sets", scale="asin-sqrt, swaps"), slow=True
    ),
}
"""Name -> way (see docs/methods.md); slow ones run only on request."""

FAST = tuple(name for name, way in WAYS.items() if not way.slow)


def compare_taxa(prepared: Prepared, ways: tuple[str, ...] = FAST) -> pd.DataFrame:
    """Compare patients with partners in every requested way.

    Parameters
    ----------
    prepared : Prepared
    ways : tuple of str
        Names of `WAYS`.

    Returns
    -------
    DataFrame, one row per way, scale and taxon
        way, scale, feature, `FITTED`, and seconds (of the way: one fit serves its scales).
        Where a way fits CLR with a standard error, the scale "CLR, corrected" is this minus the
        mode of its coefficients.
    """
    prepared.make_shared()
    parts = []
    for name in ways:
        start = time.process_time()
        table = WAYS[name].fit(prepared)
        table = pd.concat([table, _correct(table)])
        parts.append(table.assign(way=name, seconds=time.process_time() - start))
    return pd.concat(parts, ignore_index=True)


def _correct(table: pd.DataFrame) -> pd.DataFrame:
    """Subtract the most frequent CLR coefficient from all with a standard error (Zhou 2022)."""
    chosen = (table["scale"] == "CLR") & table["std_error"].notna()
    moved = table[chosen].assign(scale="CLR, corrected")
    if moved.empty:
        return moved
    moved[["estimate", "low", "high"]] -= density_mode(moved["estimate"].to_numpy())
    statistic = moved["estimate"].abs() / moved["std_error"]
    return moved.assign(p_value=two_sided_t(statistic, moved["df"]))


def _row(fit: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: fit[name][0] for name in FITTED}


def _name(prepared: Prepared, found: Mapping[str, np.ndarray | pd.Series]) -> pd.DataFrame:
    """Add scale and taxon to numbers in the order of the columns of `values`."""
    missing = np.full(prepared.values.shape[1], np.nan)
    numbers = {name: np.asarray(found.get(name, missing)) for name in FITTED}
    return pd.DataFrame({**prepared.labels, **numbers})


@dataclass(frozen=True)
class CommunityWay:
    """A way to test group; the model is `before` + covariates (if adjusted) + group."""

    before: str = ""
    adjusted: bool = False
    scheme: str = "free"
    permute: str = "raw"


COMMUNITY_WAYS = {
    "free": CommunityWay(),
    "free, adjusted": CommunityWay(adjusted=True),
    "strata": CommunityWay(scheme="within"),
    "strata, adjusted": CommunityWay(adjusted=True, scheme="within"),
    "pair as term": CommunityWay(before="household_id"),
    "pair as term, adjusted": CommunityWay(before="household_id", adjusted=True),
    "strata, residuals, adjusted": CommunityWay(
        adjusted=True, scheme="within", permute="residuals"
    ),
    "error strata": CommunityWay(adjusted=True, scheme="auto", permute="residuals"),
}
"""Name -> way; the last one is the default of `permanova`."""


def compare_communities(trial: Trial, *, n_permutations: int = 199, seed: int = 1) -> pd.DataFrame:
    """Test group by PERMANOVA in every way and for two distances.

    Every way has the same permutations, by seed.

    Returns
    -------
    DataFrame, one row per way and distance
        way, distance, r2, p_value, rejected (0 or 1), seconds of processor time.
    """
    prepared = Prepared.of(trial)
    trial = prepared.trial
    distances = {
        "Bray-Curtis": bray_curtis(relative_abundance(trial.counts)),
        "Aitchison": aitchison(prepared.counts),
    }
    geometries = {name: from_distances(matrix)[0] for name, matrix in distances.items()}
    rows = []
    for way, how in COMMUNITY_WAYS.items():
        how_permuted = {"scheme": how.scheme, "permute": how.permute}
        options = Options(**how_permuted, n_permutations=n_permutations, only="group")
        model, planned = _timed(prepare_model, trial.people, _write_formula(trial, how), options)
        for name, geometry in geometries.items():
            table, spent = _timed(analyse, model, geometry, np.random.default_rng(seed))
            found = innermost_row(table, "group")[["r2", "p_value"]].to_dict()
            rows.append({"way": way, "distance": name, **found, "seconds": planned + spent})
    table = pd.DataFrame(rows)
    return table.assign(rejected=(table["p_value"] <= 0.05).astype(float))


def _timed(function: Callable, *arguments):
    """Return the result of a function and the processor time in seconds."""
    start = time.process_time()
    return function(*arguments), time.process_time() - start


def _write_formula(trial: Trial, how: CommunityWay) -> str:
    """Return the model formula, without site if the household is in the model."""
    names = trial.covariates.split(" + ") if how.adjusted else []
    names = [name for name in names if not (how.before and name == "site")]
    return " + ".join(filter(None, [how.before, *names, "group"]))
