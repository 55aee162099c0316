"""Sums of squares, pseudo-F and p-values against vegan::adonis2 (`oracles/adonis2.R`)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cohabit.stats.formula import model_matrix
from cohabit.stats.permanova import permanova
from cohabit.stats.permanova.geometry import from_distances
from cohabit.stats.permanova.pseudo_f import PermanovaFit
from cohabit.stats.permanova.terms import joined, model_basis, read_terms, term_space

ORACLES = Path(__file__).parent / "oracles"
EXPECTED = pd.read_csv(ORACLES / "adonis2.tsv", sep="\t", keep_default_na=False, na_values=["NA"])
TERMS = EXPECTED[~EXPECTED["term"].isin(["Residual", "Total"]) & (EXPECTED["df"] > 0)]
MODELS = EXPECTED[["cohort", "formula", "by"]].drop_duplicates().values.tolist()


def read_cohort(name):
    read = {"sep": "\t", "index_col": 0}
    metadata = pd.read_csv(ORACLES / f"adonis2_{name}_metadata.tsv", **read)
    return metadata, pd.read_csv(ORACLES / f"adonis2_{name}_distances.tsv", **read)


@pytest.mark.parametrize(("cohort", "formula", "by"), MODELS)
def test_permanova__equals_adonis2(cohort, formula, by):
    metadata, distances = read_cohort(cohort)
    table = permanova(distances, metadata, formula, by=by, scheme="free", n_permutations=0)
    chosen = (EXPECTED[["cohort", "formula", "by"]] == [cohort, formula, by]).all(axis=1)
    expected = EXPECTED[chosen & (EXPECTED["strata"] == "")].set_index("term")
    expected = expected.rename(index=str.lower)[lambda rows: rows["df"] > 0]
    assert len(expected) > 2
    columns = ["df", "sum_of_squares", "r2", "pseudo_f"]
    found = table.loc[expected.index, columns].to_numpy(float)
    np.testing.assert_allclose(found, expected[columns].to_numpy(float), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("strata", ["free", "household_id", "site"])
@pytest.mark.parametrize(("cohort", "formula", "by"), MODELS)
def test_fit__gives_the_p_values_of_adonis2_on_its_own_permutations(cohort, formula, by, strata):
    metadata, distances = read_cohort(cohort)
    file = ORACLES / f"adonis2_{cohort}_permutations_{strata}.tsv"
    draws = pd.read_csv(file, sep="\t", header=None).to_numpy() - 1
    wanted = [cohort, formula, by, "" if strata == "free" else strata]
    chosen = (TERMS[["cohort", "formula", "by", "strata"]] == wanted).all(axis=1)
    expected = TERMS[chosen].set_index("term")["p_value"]
    terms = {term.name: term for term in read_terms(model_matrix(formula, metadata))}
    if by == "model":
        terms = {"Model": joined([*terms.values()])}
    basis = model_basis([*terms.values()], len(metadata))
    spaces = [term_space(terms[name], _others(terms, name, by), basis) for name in expected.index]
    fit = PermanovaFit(from_distances(distances)[0], basis, "raw")
    hits = fit.count_beyond(spaces, [np.argsort(draws, axis=1)])
    np.testing.assert_allclose((hits + 1) / (len(draws) + 1), expected, atol=1e-12)


@pytest.mark.parametrize("cohort", ["pairs", "uneven"])
@pytest.mark.parametrize(
    ("strata", "options"),
    [
        ("", {"scheme": "free"}),
        ("household_id", {"scheme": "within"}),
        ("site", {"scheme": "within", "blocks": "site"}),
    ],
)
def test_permanova__draws_what_adonis2_draws(cohort, strata, options):
    """Own permutations on both sides: p-values agree within Monte-Carlo error."""
    metadata, distances = read_cohort(cohort)
    formula = "site + age + bmi + sex + group"
    table = permanova(
        distances, metadata, formula, permute="raw", n_permutations=1999, rng=1, **options
    )
    wanted = [cohort, formula, "margin", strata]
    chosen = (TERMS[["cohort", "formula", "by", "strata"]] == wanted).all(axis=1)
    expected = TERMS[chosen].set_index("term")["p_value"]
    found = table.loc[expected.index, "p_value"]
    moved = found.notna()
    assert moved.sum() >= (4 if strata else 5)
    error = np.sqrt(expected * (1 - expected) * (1 / 199 + 1 / 1999)) + 1 / 200
    assert ((found - expected).abs() < 3.5 * error)[moved].all()


def _others(terms, name, by):
    names = [*terms]
    before = names[: names.index(name)]
    chosen = before if by == "terms" else [other for other in names if other != name]
    return [terms[other] for other in chosen]
