"""Household models of people seen more than once: against lme4 and lmerTest, and in null worlds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cohabit.stats.mixed import fit_household_model, fit_repeated_model

ORACLES = Path(__file__).parent / "oracles"
FORMULA = "drug + sex + age + site + visit"


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    return pd.read_csv(ORACLES / "lmer_repeated_data.tsv", sep="\t", index_col="sample_id")


@pytest.fixture(scope="module")
def fitted(data) -> pd.DataFrame:
    table = fit_repeated_model(data.iloc[:, 7:], data, FORMULA)
    return table.set_index(["feature", "coefficient"])


def test_fit_repeated_model__equals_lmertest(fitted):
    expected = pd.read_csv(ORACLES / "lmer_repeated_expected.tsv", sep="\t")
    expected = expected.set_index(["feature", "coefficient"])
    assert set(expected.index) == set(fitted.index)
    found = fitted.loc[expected.index]
    for column, tolerance in {"estimate": 5e-5, "std_error": 5e-5, "df": 5e-4}.items():
        scale = expected["std_error"] if column == "estimate" else expected[column]
        assert (np.abs(found[column] - expected[column]) / scale).max() < tolerance, column
    total = expected.filter(like="variance").sum(axis=1)
    for column in expected.filter(like="variance"):
        assert (np.abs(found[column] - expected[column]) / total).max() < 5e-5, column


def test_fit_repeated_model__says_which_variance_is_zero(fitted):
    first = fitted.groupby("feature").first()
    assert first.loc[["both", "home_alone", "neither"], "boundary"].all()
    assert not first.loc[["person_alone", "tiny", "large"], "boundary"].any()
    assert first["converged"].all()
    assert (first["n_samples"] == 254 - 25 * (first.index == "gaps")).all()


def test_fit_repeated_model__without_households_is_the_model_of_people(data):
    """With a household variance of zero it is the household model whose households are people."""
    found = fit_repeated_model(data["both"], data, FORMULA).set_index("coefficient")
    alone = fit_household_model(data["both"], data, FORMULA, household="participant_id")
    alone = alone.set_index("coefficient")
    for column in ("estimate", "std_error", "df", "p_value"):
        np.testing.assert_allclose(found[column], alone[column], rtol=1e-6)


def test_fit_repeated_model__of_many_features_is_that_of_each(data, fitted):
    alone = fit_repeated_model(data["large"], data, FORMULA).set_index("coefficient")
    both = fitted.loc["large"]
    np.testing.assert_allclose(alone["df"], both["df"], rtol=1e-7)
    np.testing.assert_allclose(alone["estimate"], both["estimate"], rtol=1e-9)


def test_fit_repeated_model__does_not_depend_on_the_order_of_rows(data):
    shuffled = data.sample(frac=1, random_state=1)
    one = fit_repeated_model(data["large"], data, FORMULA)
    other = fit_repeated_model(shuffled["large"], shuffled, FORMULA)
    np.testing.assert_allclose(one["p_value"], other["p_value"], rtol=1e-7)


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("household_id", {"H01-1-m12": "H40"}, "1 person(s) in two households over time.*H01-1"),
        ("participant_id", {"H01-1-m12": None}, "1 row(s) without a person.*H01-1-m12"),
        ("household_id", {"H01-1-m12": None}, "1 row(s) without a household.*H01-1-m12"),
    ],
)
def test_fit_repeated_model__names_what_does_not_nest(data, column, values, words):
    broken = data.copy()
    row = next(iter(values))
    row = row if row in broken.index else broken.index[broken["visit"] == 12][0]
    broken.loc[row, column] = next(iter(values.values()))
    owner = data.loc[row, "participant_id"]
    words = words.replace("H01-1-m12", row).replace("H01-1", owner).replace("(s)", r"\(s\)")
    with pytest.raises(ValueError, match=words):
        fit_repeated_model(data["both"], broken, "drug")


def test_fit_repeated_model__of_one_visit_points_to_the_other_model(data):
    first = data[data["visit"] == 0]
    with pytest.raises(ValueError, match="nobody has two visits.*fit_household_model"):
        fit_repeated_model(first["both"], first, "drug")
    alone = data.assign(household_id=data["participant_id"])
    with pytest.raises(ValueError, match="every household has one person"):
        fit_repeated_model(alone["both"], alone, "drug")


def draw_null(rng, n_homes: int, home: float, person: float, n_features: int):
    """Return values without effect, and metadata with terms of each level."""
    homes = np.repeat(np.arange(n_homes), 2 * 3)
    people = np.repeat(np.arange(2 * n_homes), 3)
    visit = np.tile([0, 12, 24], 2 * n_homes)
    kept = (visit == 0) | (rng.random(len(homes)) < 0.8)
    homes, people, visit = homes[kept], people[kept], visit[kept]
    metadata = pd.DataFrame({"household_id": homes, "participant_id": people, "visit": visit})
    metadata["of_home"] = rng.normal(size=n_homes)[homes]
    metadata["of_person"] = np.where(people % 2, "MS", "control")
    metadata["of_visit"] = rng.integers(0, 2, len(homes))
    values = rng.normal(size=(n_homes, n_features))[homes] * np.sqrt(home)
    values += rng.normal(size=(2 * n_homes, n_features))[people] * np.sqrt(person)
    values += rng.normal(size=(len(homes), n_features))
    return pd.DataFrame(values), metadata


@pytest.mark.parametrize(("home", "person"), [(0.0, 0.0), (0.5, 1.0), (2.0, 0.5)])
def test_fit_repeated_model__keeps_its_level_at_each_level(home, person):
    """Of 4,000 tests without effect, those at 5%: inside the exact 99.9% interval."""
    values, metadata = draw_null(np.random.default_rng(7), 60, home, person, 4000)
    table = fit_repeated_model(values, metadata, "of_home + of_person + of_visit")
    table = table[table["coefficient"] != "Intercept"]
    rates = (table["p_value"] < 0.05).groupby(table["coefficient"]).mean()
    assert rates.max() < 0.0619
    if home > 0:
        assert rates.min() > 0.0392
