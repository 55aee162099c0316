"""Analysis of one cohort as in the notebooks, on plain arrays.

The household mixed model and PERMANOVA are those of `mixed` and `permanova`, called below their
tables; a test checks that results equal those of the public functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

from cohabit.experiments.planner.cohorts import (
    PERSON_COVARIATES,
    People,
    Recipe,
    draw_latent,
    draw_reads,
    recruit,
)
from cohabit.experiments.planner.scenario import Scenario
from cohabit.stats.composition import centre_logs
from cohabit.stats.inference import two_sided_t
from cohabit.stats.least_squares import fit_least_squares
from cohabit.stats.mixed.reml import decompose, fit_households
from cohabit.stats.permanova.exchange import draw_blocks
from cohabit.stats.permanova.geometry import FeatureGeometry, Geometry, GramGeometry
from cohabit.stats.permanova.pseudo_f import PermanovaFit
from cohabit.stats.permanova.strata import Design, Level, error_strata
from cohabit.stats.permanova.terms import Term, model_basis, term_space

ADJUST = ("site", *PERSON_COVARIATES)
"""Terms that the analysis can adjust for."""

DISTANCES = {"aitchison": "CLR of the taxa kept", "bray-curtis": "shares of all taxa followed"}
"""Distances for PERMANOVA and the values they are based on."""

LEAST_PREVALENCE, LEAST_TOTAL = 0.05, 10
"""Thresholds of the study's filter, as in `composition.filter_features`."""

PSEUDOCOUNT = 0.5


@dataclass(frozen=True)
class Measured:
    """The part of a cohort that an analysis receives."""

    people: People
    values: np.ndarray
    """CLR of the kept taxa, averaged over visits, shape (n_people, n_kept)."""

    kept: np.ndarray
    """Positions of the kept taxa, shape (n_kept,)."""

    counts: tuple[np.ndarray, ...] = ()
    """Counts of each visit, shape (n_people, n_taxa); empty if nothing was sequenced."""


def draw_measured(recipe: Recipe, rng: np.random.Generator) -> Measured:
    """Recruit, sample, sequence, filter and transform one cohort."""
    everyone = recruit(recipe.scenario, rng)
    visits, liability = draw_latent(recipe, everyone, rng)
    here = who_comes(everyone, recipe.scenario, rng)
    if not recipe.scenario.sequenced:
        values = np.mean(list(visits), axis=0)
        return Measured(everyone.take(here), values[here], np.arange(values.shape[1]))
    carried = liability > 0
    counts = [draw_reads(recipe, everyone, latent, carried, rng)[here] for latent in visits]
    kept = _filter(sum(counts))
    values = np.mean([_clr(c[:, kept]) for c in counts], axis=0)
    return Measured(everyone.take(here), values, kept, tuple(counts))


def who_comes(people: People, scenario: Scenario, rng: np.random.Generator) -> np.ndarray:
    """Return True for people who give a sample."""
    return people.patient | (rng.random(len(people.patient)) >= scenario.missing_partners)


def _filter(counts: np.ndarray) -> np.ndarray:
    """Return the positions of taxa that pass the study's filter."""
    often = (counts > 0).mean(axis=0) >= LEAST_PREVALENCE
    return np.flatnonzero(often & (counts.sum(axis=0) > LEAST_TOTAL))


def _clr(counts: np.ndarray) -> np.ndarray:
    return centre_logs(np.log(counts + PSEUDOCOUNT))


def model_columns(people: People, adjust: Sequence[str] = ADJUST) -> np.ndarray:
    """Return the terms besides group, with indicators of all sites but one; (n_people, k)."""
    sites = np.eye(people.site.max() + 1)[people.site][:, 1:]
    parts = {
        "site": sites,
        **dict(zip(PERSON_COVARIATES, people.covariates.T[:, :, None], strict=True)),
    }
    columns = np.column_stack([np.empty((len(sites), 0)), *(parts[name] for name in adjust)])
    return columns[:, np.ptp(columns, axis=0) > 0]


def taxa_p_values(measured: Measured, adjust: Sequence[str] = ADJUST) -> np.ndarray:
    """Return the p-value of group for each kept taxon.

    Uses the household mixed model, or ordinary least squares if nobody shares a household.
    """
    people, values = measured.people, measured.values
    status = people.patient.astype(float)
    x = np.column_stack([status, np.ones(len(status)), model_columns(people, adjust)])
    first = np.eye(x.shape[1])[:1]
    if np.bincount(people.household).max() == 1:
        return fit_least_squares(values, pd.DataFrame(x), first)["p_value"][0]
    _, households = np.unique(people.household, return_inverse=True)
    found = fit_households(*decompose(x, households, values), first)
    estimate = np.where(found.converged, found.estimate[0], np.nan)
    return two_sided_t(estimate / found.std_error[0], found.df[0])


def community_p_value(
    measured: Measured,
    n_permutations: int,
    rng: np.random.Generator,
    adjust: Sequence[str] = ADJUST,
    distance: str = "aitchison",
) -> float:
    """Return the PERMANOVA p-value of group for a distance of `DISTANCES`.

    Marginal test adjusted for the other terms, by permutation of residuals: partners are swapped
    within households, where status varies, and strangers change places within sites.
    """
    people = measured.people
    terms = model_columns(people, adjust), people.patient[:, None].astype(float)
    stratum = error_strata(_nest(people))[-1]
    others, status = (stratum.part_of_term(Term("", _unit(columns))) for columns in terms)
    basis = model_basis([others, status], stratum.n_rows)
    space = term_space(status, [others], basis)
    part = stratum.part_of(_place(measured, distance))
    fit = PermanovaFit(part, basis, "residuals", df_total=stratum.df)
    draws = draw_blocks(stratum.placed or stratum.exchange, n_permutations, fit.block, rng)
    return (1 + int(fit.count_beyond([space], draws)[0])) / (1 + n_permutations)


def _nest(people: People) -> Design:
    names, homes = np.unique(people.household, return_inverse=True)
    each = np.arange(len(homes))
    shared = [Level("households", homes, names)] if len(names) < len(homes) else []
    return Design((*shared, Level("samples", each, each)), people.site, "household", "site")


def _place(measured: Measured, distance: str) -> Geometry:
    """Return inner products of people, or their features if there are fewer of these."""
    if distance == "bray-curtis":
        shares = np.mean([c / c.sum(axis=1, keepdims=True) for c in measured.counts], axis=0)
        gram = -0.5 * squareform(pdist(shares, "braycurtis")) ** 2
        means = gram.mean(axis=0)
        return GramGeometry(gram - means - means[:, None] + means.mean())
    values = measured.values - measured.values.mean(axis=0)
    few = len(values) < values.shape[1]
    return GramGeometry(values @ values.T) if few else FeatureGeometry(values)


def _unit(columns: np.ndarray) -> np.ndarray:
    centred = columns - columns.mean(axis=0)
    return centred / np.linalg.norm(centred, axis=0)
