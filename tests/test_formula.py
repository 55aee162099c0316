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


def coded(people, column):
    names = [f"place {i % 4}" for i in range(len(people))]
    return people.assign(**{column: [1 + i % 4 for i in range(len(people))]}), names


@pytest.mark.parametrize("column", ["site", "country", "clinic_id"])
def test_model_matrix__codes_of_places_are_labels_as_their_names_would_be(people, column):
    people = pd.concat([people] * 4, ignore_index=True)
    codes, names = coded(people, column)
    by_code = model_matrix(f"{column} + group", codes)
    by_name = model_matrix(f"{column} + group", codes.assign(**{column: names}))
    assert by_code.terms[column] == [f"{column}[{i}]" for i in (2, 3, 4)]
    assert (by_code.values.to_numpy() == by_name.values.to_numpy()).all()


def test_model_matrix__says_when_codes_are_taken_as_a_number(people):
    people = pd.concat([people] * 4, ignore_index=True)
    codes, names = coded(people, "clinic")
    with pytest.warns(UserWarning, match=r"'clinic': 1 to 4 is taken as a number.*astype\(str\)"):
        assert model_matrix("clinic", codes).terms == {"clinic": ["clinic"]}
    as_text = codes.assign(clinic=codes["clinic"].astype(str))
    assert len(model_matrix("clinic", as_text).terms["clinic"]) == 3


def test_codes_of_places__have_one_meaning_in_every_method():
    from cohabit.stats.abundance import compare_abundance
    from cohabit.stats.diversity import aitchison
    from cohabit.stats.mixed import fit_household_model
    from cohabit.stats.permanova import permanova

    rng = np.random.default_rng(4)
    ids = [f"p{i}" for i in range(48)]
    counts = pd.DataFrame(rng.poisson(40, (48, 6)) + 1, ids, list("abcdef"))
    people = pd.DataFrame({
        "household_id": [f"h{i // 2}" for i in range(48)],
        "group": ["MS", "control"] * 24,
        "site": [1 + i // 2 % 4 for i in range(48)],
    }, ids)  # fmt: skip
    words = people.assign(site=people["site"].map("site {}".format))
    logs = np.log(counts[["a"]])
    for given in (people, words):
        table = permanova(aitchison(counts), given, "site + group", n_permutations=19, rng=1)
        assert table.loc[["site"], "df"].tolist() == [3]
    fits = [fit_household_model(logs, given, "site + group") for given in (people, words)]
    assert np.allclose(fits[0]["estimate"], fits[1]["estimate"])
    results = [
        compare_abundance(counts, given, "group", covariates="site", method="lmm_clr")
        for given in (people, words)
    ]
    assert np.allclose(results[0]["estimate"], results[1]["estimate"])
