"""Count models with random households: glmmTMB, a marginal likelihood on a grid, named failures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cohabit.stats.abundance import compare_abundance
from cohabit.stats.abundance.densities import Bernoulli, NegativeBinomial, ZeroInflated
from cohabit.stats.abundance.random_intercept import HomeLayout, HomeLikelihood
from cohabit.stats.mixed import fit_household_model

ORACLES = Path(__file__).parent / "oracles"
DATA = pd.read_csv(ORACLES / "glmmtmb_data.tsv", sep="\t", index_col="sample_id")
EXPECTED = pd.read_csv(ORACLES / "glmmtmb_expected.tsv", sep=r"\t\s*", engine="python")
DENSITIES = {False: NegativeBinomial(), True: ZeroInflated()}


def people_of(design: str) -> pd.DataFrame:
    people = DATA[DATA["design"] == design]
    return people.assign(decades=(people["age"] - 48) / 10)


def matrix_of(people: pd.DataFrame) -> np.ndarray:
    case, female = people["group"] == "MS", people["sex"] == "female"
    return np.column_stack([np.ones(len(people)), case, female, people["decades"]]).astype(float)


def homes_of(people: pd.DataFrame) -> HomeLayout:
    codes = pd.factorize(people["household_id"])[0]
    return HomeLayout.of(matrix_of(people), np.log(people["depth"].to_numpy()), codes)


def parameters_of(row: pd.Series, coefficients) -> np.ndarray:
    shapes = [np.log(row["theta"])]
    if row["inflated"]:
        shapes.append(np.log(row["extra"] / (1 - row["extra"])))
    return np.array([[*coefficients, row["sd"], *shapes]])


@pytest.mark.parametrize("place", EXPECTED.index[EXPECTED["program"] == "glmmTMB"])
def test_likelihood__with_one_node_is_glmmtmbs(place):
    row = EXPECTED.loc[place]
    people = people_of(row["design"])
    homes = homes_of(people)
    likelihood = HomeLikelihood(DENSITIES[row["inflated"]], homes, n_nodes=1)
    coefficients = [float(part) for part in row["coefficients"].split()]
    y = people[[row["feature"]]].to_numpy(float)
    ours = likelihood.log_likelihood(y, parameters_of(row, coefficients))
    assert ours[0] == pytest.approx(row["likelihood"], abs=1e-4)


@pytest.mark.parametrize("place", EXPECTED.index[EXPECTED["program"] == "trapezoid"])
def test_fit__is_the_maximum_of_the_likelihood_on_a_grid(place):
    row = EXPECTED.loc[place]
    people = people_of(row["design"])
    fits = HomeLikelihood(DENSITIES[row["inflated"]], homes_of(people)).fit(
        people[[row["feature"]]].to_numpy(float)
    )
    assert fits.converged.all()
    assert fits.likelihood[0] == pytest.approx(row["likelihood"], abs=1e-3)
    assert fits.coefficients[0, 1] == pytest.approx(row["estimate"], abs=2e-4)
    assert np.sqrt(fits.covariance[0, 1, 1]) == pytest.approx(row["std_error"], rel=2e-3)
    assert fits.deviation[0] == pytest.approx(row["sd"], abs=2e-3)
    assert np.exp(fits.shapes[0, 0]) == pytest.approx(row["theta"], rel=2e-3)


@pytest.mark.parametrize("density", [*DENSITIES.values(), Bernoulli(0.02)])
def test_information__is_the_curvature_of_the_likelihood_and_the_slope_is_none(density):
    people = people_of("uneven")
    y = people[["common", "holes"]].to_numpy(float)
    y = np.minimum(y, 1) if isinstance(density, Bernoulli) else y
    likelihood = HomeLikelihood(density, homes_of(people))
    fits = likelihood.fit(y)
    at = np.column_stack([fits.coefficients, fits.deviation, fits.shapes])
    moves = 1e-3 * np.eye(at.shape[1])
    free = (at > -7.9).all(axis=0)  # not at a bound

    def value(move):
        return likelihood.log_likelihood(y, at + move)

    for one in np.flatnonzero(free):
        slope = (value(moves[one]) - value(-moves[one])) / 2e-3
        np.testing.assert_allclose(slope, 0, atol=2e-3)
        for other in np.flatnonzero(free):
            both, apart = moves[one] + moves[other], moves[one] - moves[other]
            bend = (value(both) + value(-both) - value(apart) - value(-apart)) / 4e-6
            np.testing.assert_allclose(fits.information[:, one, other], -bend, atol=0.05, rtol=0.01)


def alone() -> pd.DataFrame:
    """One person a home, every other one a control."""
    people = people_of("uneven").drop_duplicates("household_id")
    return people.assign(group=np.resize(["MS", "control"], len(people)))


def test_fit__without_shared_homes_is_statsmodels_negative_binomial():
    from statsmodels.discrete.discrete_model import NegativeBinomial as Independent

    people = alone()
    x, y = matrix_of(people), people["common"].to_numpy(float)
    offset = np.log(people["depth"].to_numpy())
    ours = HomeLikelihood(NegativeBinomial(), HomeLayout.of(x, offset, np.arange(len(x)))).fit(
        y[:, None]
    )
    theirs = Independent(y, x, offset=offset).fit(disp=0, start_params=[-4, 0, 0, 0, 0.5])
    np.testing.assert_allclose(ours.coefficients[0], theirs.params[:-1], atol=1e-4)
    assert np.exp(-ours.shapes[0, 0]) == pytest.approx(theirs.params[-1], rel=1e-3)
    assert ours.likelihood[0] == pytest.approx(theirs.llf, abs=1e-6)


def compare(people: pd.DataFrame, counts: pd.DataFrame, method: str, formula: str = "sex + age"):
    return compare_abundance(counts, people, "group", formula, method, min_prevalence=0)


def test_nbinom__has_the_likelihood_root_of_two_fits():
    people = people_of("pairs")
    counts = people[["common", "rare", "shared", "apart"]]
    table = compare(people, counts, "nbinom").set_index("feature")
    codes, total = pd.factorize(people["household_id"])[0], np.log(counts.sum(axis=1).to_numpy())
    x, y = matrix_of(people), counts.to_numpy(float)
    full = HomeLikelihood(NegativeBinomial(), HomeLayout.of(x, total, codes)).fit(y)
    less = HomeLikelihood(NegativeBinomial(), HomeLayout.of(np.delete(x, 1, 1), total, codes)).fit(
        y
    )
    np.testing.assert_allclose(table["estimate"], full.coefficients[:, 1], atol=1e-5)
    np.testing.assert_allclose(table["household_sd"], full.deviation, atol=1e-4)
    np.testing.assert_allclose(np.log(table["theta"]), full.shapes[:, 0], atol=1e-4)
    excess = np.maximum(full.excess * 60 / (60 - 4), 1)
    root = np.sqrt(2 * (full.likelihood - less.likelihood) / excess * (len(y) - 4) / len(y))
    np.testing.assert_allclose(table["statistic"].abs(), root, atol=1e-4)
    p_values = 2 * stats.t.sf(root, table["df"])
    np.testing.assert_allclose(table["p_value"], p_values, rtol=1e-3)


@pytest.mark.parametrize("method", ["nbinom", "zinb"])
def test_count_models__name_a_level_without_counts(method):
    people = people_of("pairs")
    counts = people[["common", "shared"]].assign(
        only=np.where(people["group"] == "MS", people["common"] + 1, 0)
    )
    row = compare(people, counts, method).set_index("feature").loc["only"]
    assert row["note"].startswith("separated")
    assert row[["estimate", "std_error", "low", "high"]].isna().all()
    assert row["p_value"] < 1e-6


def test_count_models__without_shared_homes_say_so():
    people = alone()
    table = compare(people, people[["common", "shared"]], "nbinom")
    assert set(table["note"]) == {"nobody shares a household: ordinary regression"}


def test_count_models__too_few_homes_have_no_number():
    people = people_of("pairs").iloc[:8]
    table = compare(people, people[["common", "shared"]], "nbinom")
    few = {"4 households are too few for 4 coefficients", "present in 7 people, fewer than 8"}
    assert set(table["note"]) == few
    assert table["p_value"].isna().all()


def test_presence_logit__is_finite_where_a_level_lacks_the_feature():
    people = people_of("pairs")
    counts = people[["common"]].assign(only=np.where(people["group"] == "MS", 5, 0))
    row = compare(people, counts, "presence_logit").set_index("feature").loc["only"]
    assert np.isfinite(row["estimate"])
    assert row["p_value"] < 1e-6


def test_two_parts__joins_its_parts():
    people = people_of("pairs")
    counts = people[["common", "rare", "sparse", "holes"]]
    table = compare(people, counts, "two_parts")
    for part, method in (("presence", "presence_logit"), ("amount", "nonzero_log")):
        alone = compare(people, counts, method)
        for name in ("estimate", "low", "high", "p_value"):
            np.testing.assert_array_equal(table[f"{part}_{name}"], alone[name])
    both = table[["presence_p_value", "amount_p_value"]]
    whole = both.notna().all(axis=1)
    assert whole.sum() >= 3
    least = stats.beta(1, 2).cdf(both[whole].min(axis=1))  # the smaller of two uniform numbers
    np.testing.assert_allclose(table["p_value"][whole], least)


def test_nonzero_log__is_the_household_model_of_those_who_have_it():
    people = people_of("pairs")
    counts = people[["common", "sparse"]]
    row = compare(people, counts, "nonzero_log").set_index("feature").loc["sparse"]
    has = counts["sparse"] > 0
    share = np.log((counts["sparse"] / counts.sum(axis=1))[has])
    alone = fit_household_model(share, people[has], "group + sex + age")
    alone = alone.set_index("coefficient").loc["group[MS]"]
    for name in ("estimate", "std_error", "df", "p_value"):
        assert row[name] == pytest.approx(alone[name], rel=1e-9)


def test_count_models__few_carriers_have_no_number():
    people = people_of("pairs")
    counts = people[["common"]].assign(lone=np.where(np.arange(len(people)) < 7, 20, 0))
    row = compare(people, counts, "nbinom").set_index("feature").loc["lone"]
    assert row["note"] == "present in 7 people, fewer than 8"
    assert np.isnan(row["p_value"])
