"""PERMANOVA against full enumeration, closed forms and scikit-bio; R is in the oracle tests."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist, squareform

from cohabit.permanova import pairwise_permanova, permanova, permanova_features


def people(n_pairs, rng, sites="abc"):
    """Return pairs with a within-household, two between- and two mixed terms."""
    site = [sites[i % len(sites)] for i in range(n_pairs)]
    return pd.DataFrame(
        {
            "household_id": np.repeat([f"H{i:03d}" for i in range(n_pairs)], 2),
            "group": ["MS", "control"] * n_pairs,
            "site": np.repeat(site, 2),
            "income": np.repeat(rng.normal(size=n_pairs), 2),
            "sex": rng.choice(["male", "female"], 2 * n_pairs),
            "age": rng.normal(50, 10, 2 * n_pairs),
        },
        index=[f"p{i:03d}" for i in range(2 * n_pairs)],
    )


def values_of(metadata, rng, n_features=4, household=1.0):
    """Return Gaussian features whose households are alike."""
    codes = pd.factorize(metadata["household_id"])[0]
    shared = rng.normal(size=(codes.max() + 1, n_features))[codes]
    noise = rng.normal(size=(len(metadata), n_features))
    return pd.DataFrame(household * shared + noise, index=metadata.index)


def euclidean(values):
    return pd.DataFrame(squareform(pdist(values)), values.index, values.index)


@pytest.fixture
def cohort():
    rng = np.random.default_rng(7)
    metadata = people(12, rng)
    values = values_of(metadata, rng)
    return metadata, values, euclidean(values)


def test_permanova__auto_scheme_follows_how_a_term_varies(cohort):
    metadata, _, distances = cohort
    table = permanova(distances, metadata, "site + income + sex + age + group", n_permutations=19)
    assert table["scheme"].to_dict() == {
        "site": "between",
        "income": "between",
        "sex": "both",
        "age": "both",
        "group": "within",
        "residual": "",
        "total": "",
    }


def test_permanova__order_of_samples_never_matters(cohort):
    metadata, _, distances = cohort
    mixed = np.random.default_rng(0).permutation(len(metadata))
    formula = "site + age + sex + group"
    first = permanova(distances, metadata, formula, rng=3)
    second = permanova(distances, metadata.iloc[mixed], formula, rng=3)
    third = permanova(distances.iloc[mixed, mixed], metadata, formula, rng=3)
    for other in (second, third):
        pd.testing.assert_frame_equal(first, other, rtol=1e-9)


def test_permanova_features__equals_the_gram_path(cohort):
    metadata, values, distances = cohort
    formula = "site + age + sex + group"
    by_distance = permanova(distances, metadata, formula, rng=3)
    by_feature = permanova_features(values, metadata, formula, rng=3)
    pd.testing.assert_frame_equal(by_distance, by_feature, rtol=1e-9)


def test_pairwise_permanova__permutes_partners_at_home_and_strangers_freely(cohort):
    metadata, _, distances = cohort
    treated = np.repeat(np.arange(12) < 6, 2)
    metadata = metadata.assign(arm=metadata["group"] + np.where(treated, " A", " B"))
    table = pairwise_permanova(distances, metadata, "arm", n_permutations=19, rng=1)
    schemes = table.set_index("contrast")["scheme"]
    assert schemes["control A - MS A"] == "within"
    assert schemes["MS B - MS A"] == "between"
    assert (table["q_value"] >= table["p_value"]).all()
