import numpy as np
import pandas as pd
import pytest

from cohabit.stats.formula import model_matrix, variables


@pytest.fixture
def people():
    return pd.DataFrame(
        {
            "group": ["MS", "control"] * 3,
            "sex": ["female", "male"] * 3,
            "site": list("aabbcc"),
            "age": [1.0, 2, 3, 4, 5, 7],
            "smoker": [True, False] * 3,
        },
        index=[f"p{number}" for number in range(6)],
    )


def test_model_matrix__takes_controls_as_reference_whatever_the_order(people):
    matrix = model_matrix("group", people.iloc[::-1])
    assert matrix.terms == {"group": ["group[MS]"]}
    assert matrix.contrasts == {"group[MS]": "MS - control"}
    assert matrix.values.loc["p0", "group[MS]"] == 1
    assert matrix.values.loc["p1", "group[MS]"] == 0


def test_model_matrix__interaction_is_the_product_of_its_parts(people):
    matrix = model_matrix("group*age", people)
    product = matrix.values["group[MS]"] * people["age"]
    np.testing.assert_array_equal(matrix.values["group[MS]:age"], product)
    assert list(matrix.terms) == ["group", "age", "group:age"]


def test_model_matrix__orders_unknown_levels_by_name_and_counts_booleans(people):
    matrix = model_matrix("site + smoker", people)
    assert matrix.terms == {"site": ["site[b]", "site[c]"], "smoker": ["smoker"]}
    assert set(matrix.values["smoker"]) == {0.0, 1.0}


@pytest.mark.parametrize(
    "formula",
    ["__import__('os')", "C(site)", "site + ", "site age", "1 + age", "age - 1", "", "age ** 2"],
)
def test_variables__refuses_all_but_names(formula):
    with pytest.raises(ValueError, match="formula"):
        variables(formula)


def test_model_matrix__names_the_nearest_column(people):
    with pytest.raises(ValueError, match="did you mean 'site'"):
        model_matrix("siet", people)


def test_model_matrix__refuses_missing_values_by_row(people):
    people.loc["p3", "age"] = np.nan
    with pytest.raises(ValueError, match="column 'age'.*p3"):
        model_matrix("group + age", people)


def test_model_matrix__refuses_infinite_values_by_row(people):
    people.loc["p2", "age"] = np.inf
    with pytest.raises(ValueError, match="not finite.*p2"):
        model_matrix("age", people)
