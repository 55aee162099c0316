"""Models with the household as a factor: the short way equals the long one."""

import numpy as np
import pandas as pd
import pytest
from household_worlds import euclidean, people, values_of

from cohabit.stats.formula import model_matrix
from cohabit.stats.permanova import permanova
from cohabit.stats.permanova.exchange import Shuffle
from cohabit.stats.permanova.geometry import from_distances, from_features
from cohabit.stats.permanova.model import adjusted_space
from cohabit.stats.permanova.pseudo_f import PermanovaFit, WideFit
from cohabit.stats.permanova.terms import model_basis, read_terms


@pytest.mark.parametrize("by", ["terms", "margin"])
@pytest.mark.parametrize("permute", ["raw", "residuals"])
@pytest.mark.parametrize("path", ["distances", "features"])
def test_wide_fit__counts_what_the_basis_counts(by, permute, path):
    rng = np.random.default_rng(4)
    metadata = people(8, rng).iloc[:-1]
    values = values_of(metadata, rng)
    read = from_features(values) if path == "features" else from_distances(euclidean(values))
    household = pd.factorize(metadata["household_id"])[0]
    terms = read_terms(model_matrix("household_id + sex + age + group", metadata))
    basis = model_basis(terms, len(metadata))
    spaces = [adjusted_space(term, terms, basis, by) for term in terms]
    fit = PermanovaFit(read[0], basis, permute)
    wide = WideFit(read[0], basis, permute, terms, terms[0], household)
    draws = [Shuffle(cells).draw(60, rng) for cells in (0 * household, household // 2)]
    np.testing.assert_array_equal(wide.count_beyond(spaces, draws), fit.count_beyond(spaces, draws))
    assert (fit.count_beyond(spaces, draws) > 0).all()


def test_permanova__household_share_has_ezekiels_adjustment():
    rng = np.random.default_rng(9)
    metadata = people(90, rng)
    distances = euclidean(values_of(metadata, rng, n_features=30))
    table = permanova(distances, metadata, "household_id", n_permutations=199, rng=1)
    row = table.loc["household_id"]
    assert (row["df"], row["stratum"], row["p_value"]) == (89, "between households", 0.005)
    assert row["r2_adjusted"] == pytest.approx(1 - (1 - row["r2"]) * 179 / 90)
    assert row["r2_adjusted"] == pytest.approx(0.5, abs=0.06)
    assert "people permuted within site" in row["note"]
