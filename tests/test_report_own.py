"""The head of a real cohort's page: its own answers, from the tables of its run."""

import pandas as pd
import pytest

from cohabit.run.report.headline import find_answers, own_headline


@pytest.fixture
def run(tmp_path):
    """Return a writer of tables into a run's folder, and the folder."""
    (tmp_path / "tables").mkdir()

    def write(name, **columns):
        pd.DataFrame(columns).to_csv(tmp_path / "tables" / f"{name}.tsv", sep="\t", index=False)

    return tmp_path, write


def compare(write, q_values):
    n = len(q_values)
    write(
        "06_genera",
        feature=[f"g{place}" for place in range(n + 1)],
        contrast=["MS - control"] * n + ["untreated MS - control"],
        estimate=[0.1] * (n + 1),
        low=[0.05] * (n + 1),
        high=[0.15] * (n + 1),
        p_value=[q / 2 for q in q_values] + [0.001],
        q_value=[*q_values, 0.002],
        formula=["group + age + (1 | household_id)"] * (n + 1),
    )


def test_headline__counts_the_features_of_cases_against_partners_alone(run):
    folder, write = run
    compare(write, [0.2, 0.01, 0.04])
    found = own_headline(folder, "epilepsy")
    assert found.number == "2 of 3"
    assert "genera differ between cases of epilepsy" in found.sentence


def test_headline__without_comparison_is_what_a_home_explains_or_none(run):
    folder, write = run
    assert own_headline(folder, "MS") is None
    write("05_alone", term=["household", "site"], r2_adjusted=[0.213, 0.05])
    assert own_headline(folder, "MS").number == "21%"


def test_answers__say_what_differs_with_interval_q_and_formula(run):
    folder, write = run
    compare(write, [0.2, 0.3])
    (answer,) = find_answers(folder, "epilepsy")
    assert answer.sentences[0].startswith("0 of 2 genera differ")
    assert "none of them is a finding" in answer.sentences[0]
    assert "Fitted: group + age + (1 | household_id)." in answer.sentences
    assert answer.rows[0] == ("g0", "0.1 [0.05, 0.15]", "0.2")


def test_answers__tell_what_a_home_explains_with_f_p_and_kin(run):
    folder, write = run
    ends = {"r2_adjusted": [0.2], "r2_adjusted_low": [0.15], "r2_adjusted_high": [0.25]}
    write("05_alone", term=["household"], **ends)
    write("05_home", term=["household_id"], pseudo_f=[1.4], p_value=[0.005])
    write("05_kinship", kind=["DZ", "MZ"], mean=[0.5, 0.4], low=[0.45, None], high=[0.55, None],
          n_pairs=[20, 1])  # fmt: skip
    (answer,) = find_answers(folder, "MS")
    assert answer.sentences[0] == (
        "The home explains 20.0% [15.0%, 25.0%] of the variation between people."
    )
    assert answer.sentences[1] == "F = 1.4, P = 0.005, people exchanged among homes."
    assert answer.rows == (("DZ", "0.5 [0.45, 0.55]", "20"), ("MZ", "0.4", "1"))


def test_answers__of_an_empty_run_are_none(run):
    assert find_answers(run[0], "MS") == []
