"""Explorers of notebooks 02, 05 and 16: small simulated cohorts with dials."""

from functools import cache, lru_cache

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from cohabit.course.widgets import Choice, Slider, explore
from cohabit.experiments.planner import Costs, Scenario, approximate_power
from cohabit.experiments.planner.analysis import Measured, draw_measured
from cohabit.experiments.planner.cohorts import Recipe, TemplateArrays
from cohabit.figures.communities import draw_closeness, draw_partners, draw_permuted
from cohabit.figures.experiments import draw_power_curves
from cohabit.figures.style import GREY
from cohabit.stats.permanova.exchange import Shuffle
from cohabit.stats.permanova.geometry import FeatureGeometry
from cohabit.stats.permanova.pseudo_f import PermanovaFit
from cohabit.stats.permanova.terms import Term, model_basis, term_space

PAIRS_ON_MAP, N_PERMUTATIONS, SEED = 60, 199, 2
SIZES = np.unique(np.geomspace(15, 600, 26).astype(int))


def explore_partners(*, live: bool | None = None) -> Figure:
    """Explore how geography, shared homes and MS change the map of a cohort."""
    dials = {
        "geography": Slider("geography", 0.0, 3.0, 0.25, 1.0),
        "household_sharing": Slider("shared at home", 0.0, 3.0, 0.25, 1.0),
        "disease": Slider("effect of MS", 0.0, 3.0, 0.25, 1.0),
    }
    return explore(draw_partner_map, dials, live=live)


def explore_permutations(*, live: bool | None = None) -> Figure:
    """Explore R² when labels are permuted within, between and across households."""
    dials = {
        "term": Choice("term", {"status": "status", "site": "site"}),
        "pairs": Slider("pairs", 20, 200, 10, 80),
        "strength": Slider("effect", 0.0, 3.0, 0.25, 1.0),
        "household_sharing": Slider("shared at home", 0.0, 3.0, 0.25, 1.0),
    }
    return explore(draw_schemes, dials, figsize=(9.2, 3.2), live=live)


def explore_plan(*, live: bool | None = None) -> Figure:
    """Explore power by number of patients and by cost, for partners and for strangers."""
    dials = {
        "question": Choice("question", {"PERMANOVA of status": "community", "one taxon": "taxon"}),
        "household_sharing": Slider("shared at home", 0.0, 3.0, 0.25, 1.0),
        "spillover": Slider("spillover", 0.0, 0.6, 0.05, 0.0),
        "home": Slider("finding a home", 0, 500, 25, 100),
        "patients": Slider("patients", 20, 500, 10, 100),
    }
    return explore(draw_plan, dials, live=live)


def draw_partner_map(
    figure: Figure, geography: float, household_sharing: float, disease: float
) -> str:
    """Draw partners on two axes and mean distances by kind of pair."""
    dials = {"geography": geography, "household_sharing": household_sharing, "disease": disease}
    measured = _measure(Scenario(n=PAIRS_ON_MAP, sites=3, **dials))
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    points = _two_axes(measured)
    points *= np.sign((points * _usual_map()).sum(axis=0))
    draw_partners(points, measured.people.site, ax=left)
    near = _mean_distances(measured)
    draw_closeness(near, ax=right)
    partner, stranger, _ = near.values()
    closer = 100 * (1 - partner / stranger)
    where = "closer" if closer >= 0 else "further apart"
    return (
        f"Partners are {abs(closer):.0f}% {where} than strangers of one site; "
        f"status explains {100 * _status_r2(measured.values):.2f}% of the variation. "
        f"{PAIRS_ON_MAP} pairs of three sites, the same people whatever the dials say."
    )


def _measure(scenario: Scenario) -> Measured:
    return draw_measured(Recipe.of(_template(), scenario), np.random.default_rng(SEED))


@cache
def _template() -> TemplateArrays:
    return TemplateArrays.of()


def _two_axes(measured: Measured) -> np.ndarray:
    centred = measured.values - measured.values.mean(axis=0)
    size, axes = np.linalg.eigh(centred @ centred.T)  # of people: smaller than taxa
    return axes[:, :-3:-1] * np.sqrt(size[:-3:-1])


@cache
def _usual_map() -> np.ndarray:
    """Return the map with all dials at 1, which fixes the orientation of other maps."""
    return _two_axes(_measure(Scenario(n=PAIRS_ON_MAP, sites=3)))


def _status_r2(values: np.ndarray) -> float:
    """Return the R² of group for alternating rows of patients and controls."""
    shift = (values[0::2] - values[1::2]).mean(axis=0)
    return len(values) / 4 * (shift @ shift) / ((values - values.mean(axis=0)) ** 2).sum()


def _mean_distances(measured: Measured) -> dict[str, float]:
    gram = measured.values @ measured.values.T
    square = np.diag(gram)
    distance = np.sqrt(np.maximum(square[:, None] + square - 2 * gram, 0))
    home = measured.people.household[:, None] == measured.people.household
    site = measured.people.site[:, None] == measured.people.site
    different = ~np.eye(len(gram), dtype=bool)
    kinds = {"partners": home & different, "same site": site & ~home, "other site": ~site}
    return {name: float(distance[rows].mean()) for name, rows in kinds.items()}


SCHEME_WORDS = {
    "within": "swapped in the home",
    "between": "whole homes exchanged",
    "free": "everybody exchanged",
}


def draw_schemes(
    figure: Figure, term: str, pairs: int, strength: float, household_sharing: float
) -> str:
    """Draw the observed R² of group or site and its permutations by three schemes."""
    dial = "disease" if term == "status" else "geography"
    chosen = {dial: strength, "household_sharing": household_sharing}
    measured = _measure(Scenario(n=pairs, sites=3, **chosen))
    observed, permuted = permute_r2(measured, term)
    axs = figure.subplots(1, 3, sharex=True)
    for ax, (scheme, words) in zip(axs, SCHEME_WORDS.items(), strict=True):
        draw_permuted(permuted[scheme], observed, ax=ax, title=words)
    axs[0].set_ylabel("Permutations")
    figure.legend(*axs[2].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    told = {SCHEME_WORDS[name]: r2 for name, r2 in permuted.items() if r2 is not None}
    p = {words: (1 + (r2 >= observed).sum()) / (1 + len(r2)) for words, r2 in told.items()}
    said = ", ".join(f"{words}: p = {value:.3f}" for words, value in p.items())
    return f"R² of {term} is {100 * observed:.2f}%. {said[:1].upper()}{said[1:]}."


def permute_r2(measured: Measured, term: str) -> tuple[float, dict[str, np.ndarray | None]]:
    """Return the R² of ``"status"`` or ``"site"`` and its permuted values by scheme."""
    people = measured.people
    codes = people.patient.astype(int) if term == "status" else people.site
    columns = np.eye(codes.max() + 1)[codes][:, 1:]
    columns -= columns.mean(axis=0)
    found = Term(term, columns / np.linalg.norm(columns, axis=0))
    basis = model_basis([found], len(codes))
    geometry = FeatureGeometry(measured.values - measured.values.mean(axis=0))
    fit = PermanovaFit(geometry, basis, "residuals")
    space = term_space(found, [], basis)
    permuted = {}
    for scheme in SCHEME_WORDS:
        draws = _draw_positions(scheme, people.household, np.random.default_rng(SEED))
        moves = (codes[draws] != codes).any()
        f = fit.permuted_f([space], draws)[:, 0] if moves else None
        permuted[scheme] = None if f is None else f * space.df / (f * space.df + fit.df_residual)
    return fit.row(space)[2], permuted


def _draw_positions(scheme: str, household: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return permutations of people who sit pair by pair, (`N_PERMUTATIONS`, n_people)."""
    if scheme == "between":
        homes = Shuffle(np.zeros(len(household) // 2, dtype=int)).draw(N_PERMUTATIONS, rng)
        return (2 * homes[:, :, None] + np.arange(2)).reshape(N_PERMUTATIONS, -1)
    cells = household if scheme == "within" else np.zeros_like(household)
    return Shuffle(cells).draw(N_PERMUTATIONS, rng)


def draw_plan(
    figure: Figure,
    question: str,
    household_sharing: float,
    spillover: float,
    home: float,
    patients: int,
) -> str:
    """Draw power by number of patients and by cost, for cohabitants and strangers."""
    costs, parts, at = Costs(household=home), [], {}
    for controls in ("household", "site"):
        paired = controls == "household"
        dials = (household_sharing, spillover) if paired else (1.0, 0.0)
        scenario = Scenario(controls=controls, n=patients)
        table = _approximate(controls, *dials).rename(columns={question: "power"})
        table = table.assign(controls=controls)
        table["cost"] = [costs.of(scenario.replace(n=int(n))) / 1000 for n in table["n"]]
        parts.append(table)
        money = costs.of(Scenario(n=patients)) / 1000
        at[controls] = np.interp(money, table["cost"], table["power"])
    _draw_two_curves(figure, parts, patients, money)
    return (
        f"{patients} pairs cost {1000 * money:,.0f}. For that money cohabitants give a power of "
        f"{at['household']:.2f}, strangers of the same site {at['site']:.2f}."
    )


@lru_cache(maxsize=256)
def _approximate(controls: str, household_sharing: float, spillover: float):
    scenario = Scenario(controls=controls, household_sharing=household_sharing, spillover=spillover)
    return approximate_power(scenario, SIZES)


def _draw_two_curves(figure: Figure, parts, patients: int, money: float) -> None:
    lines = pd.concat(parts)
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, x, mark in ((left, "n", patients), (right, "cost", money)):
        draw_power_curves(None, lines, ax=ax, x=x)
        ax.axvline(mark, color=GREY, linewidth=1)
    right.set(xlabel="Cost of the study (thousands)", ylabel="", xlim=(0, 300))
    left.set(xlim=(0, 520))
    right.get_legend().remove()
