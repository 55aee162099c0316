"""What `--guess` proposes from values and structure, and what it never proposes to keep."""

import tomllib

import numpy as np
import pandas as pd
import pytest

from cohabit.files.importers import guess_mapping, import_cohort
from cohabit.files.importers.guess_columns import read_times
from cohabit.files.importers.mapping import parse_mapping


def families(n_homes=63, n_visits=3):
    """Return six rows a family: two children, each three times, under names nobody expects."""
    rng, rows = np.random.default_rng(5), []
    for home in range(n_homes):
        for child in range(2):
            age, code = rng.uniform(24, 120), f"{rng.integers(10**5):05d}"
            for visit in range(n_visits):
                rows.append({
                    "Sample.Code": f"S{home:02d}{'ab'[child]}{visit}",
                    "Kin": f"K{home:02d}",
                    "Who": f"K{home:02d}{'ab'[child]}",
                    "Cohort.arm": ["ASD", "TD sib"][child],
                    "Gender": ["M", "F"][(home + child * (home % 3)) % 2],
                    "Age..years.": f"{age:.1f}",
                    "Week": ["baseline", "wk 2", "wk 4"][visit],
                    "ZipCode": code,
                    "DateOfBirth": "2014-03-05",
                    "Mother.Name": f"Anna{home % 40}",
                    "Bristol": str(rng.integers(1, 8)),
                })  # fmt: skip
    return pd.DataFrame(rows)


def write(folder, table):
    paths = folder / "people.tsv", folder / "counts.tsv"
    table.to_csv(paths[0], sep="\t", index=False)
    names = table.iloc[:, 0]
    counts = np.random.default_rng(1).integers(1, 99, size=(5, len(names)))
    pd.DataFrame(counts, [f"otu{i}" for i in range(5)], names).to_csv(paths[1], sep="\t")
    return paths


def guess(folder, table, **options):
    people, counts = write(folder, table)
    return guess_mapping(people, [counts], **options)


def test_guess__finds_families_people_and_cases_by_their_structure(tmp_path):
    text = guess(tmp_path, families())
    columns = tomllib.loads(text)["columns"]
    assert columns["sample_id"] == "Sample.Code"
    assert columns["household_id"] == "Kin"
    assert columns["participant_id"] == "Who"
    assert columns["group"] == "Cohort.arm"
    assert columns["age"] == "Age..years."
    assert columns["sex"] == "Gender"
    assert "63 values x 6 rows, as a family" in text
    assert "the two people of 63 of 63 homes differ" in text


def test_guess__asks_one_question_where_it_cannot_know(tmp_path):
    text = guess(tmp_path, families())
    assert text.count("question:") == 1
    assert 'is "Age..years.", 2' in text
    assert "in months?" in text
    assert '# decide, case, control, leave_out: ["ASD", "TD sib"]' in text
    years = families().assign(**{"Age..years.": "34.5"})
    assert "question:" not in guess(tmp_path, years)


def test_guess__never_keeps_what_tells_who_somebody_is(tmp_path):
    text = guess(tmp_path, families())
    assert tomllib.loads(text)["columns"]["keep"] == ["Bristol"]
    told = next(line for line in text.splitlines() if line.startswith("# never kept"))
    assert '"ZipCode"' in told
    assert '"Mother.Name"' in told


@pytest.mark.parametrize(
    ("name", "value"),
    [("postal_code", "94110"), ("dob", "1980"), ("Surname", "x"), ("visited", "2019-04-{:02d}"),
     ("e_mail.address", "a@b"), ("collection_date", "2019"), ("Latitude", "1.5")],
)  # fmt: skip
def test_guess__never_keeps_private_columns_of_any_name(name, value, tmp_path):
    table = families()
    table[name] = [value.format(1 + i % 28) + ("" if "-" in value else str(i % 3))
                   for i in range(len(table))]  # fmt: skip
    columns = tomllib.loads(guess(tmp_path, table))["columns"]
    assert name not in columns["keep"]
    assert name not in columns.values()


def test_guess__once_its_questions_are_answered_is_imported(tmp_path):
    table = families().rename(columns={"Week": "timepoint"})
    text = guess(tmp_path, table)
    question = '# decide, case, control, leave_out: ["ASD", "TD sib"]'
    answer = 'case = ["ASD"]\ncontrol = ["TD sib"]'
    text = text.replace('unit = "months"', 'unit = "weeks"').replace(question, answer)
    text = text.replace("# [units]\n# age", "[units]\nage")
    mapping = parse_mapping(text.encode(), "guess")
    people, counts = tmp_path / "people.tsv", tmp_path / "counts.tsv"
    cohort, _ = import_cohort(people, {"16s": counts}, mapping)
    assert len(cohort.participants) == 126
    assert cohort.participants["household_id"].nunique() == 63
    assert sorted(cohort.samples["visit"].unique()) == [0, 0.46, 0.92]
    assert cohort.participants["age"].between(2, 10).all()


def test_guess__does_not_propose_a_time_that_the_import_refuses(tmp_path):
    table = families().rename(columns={"Week": "timepoint"})
    table["timepoint"] = table["timepoint"].replace("baseline", "as agreed")
    assert "visit" not in tomllib.loads(guess(tmp_path, table))["columns"]


def test_guess__proposes_words_for_missing(tmp_path):
    table = families()
    table.loc[:5, "Bristol"] = ["Missing: Not provided", "not applicable", "Unspecified"] * 2
    found = tomllib.loads(guess(tmp_path, table))["missing"]["codes"]
    assert found == ["Missing: Not provided", "Unspecified", "not applicable"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["before", "week 4"], ({"before": "0", "week 4": "4"}, "weeks")),
        (["T0", "T1"], ({"T0": "0", "T1": "1"}, "")),
        (["1", "2"], None),
        (["summer", "winter"], None),
        (["week 1", "day 1"], None),
    ],
)  # fmt: skip
def test_times__in_words(words, expected):
    assert read_times(pd.Series(words)) == expected
