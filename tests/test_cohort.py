from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cohabit.data import schema
from cohabit.data.cohort import of_patient, pairs_where
from cohabit.data.people import patient_groups, with_study_groups


def test_table__sums_the_libraries_of_one_person(small_cohort):
    by_person, by_sample = (
        small_cohort.table("shotgun"),
        small_cohort.table("shotgun", level="sample"),
    )
    np.testing.assert_array_equal(by_person.loc["h1-a"], by_sample.loc[["lib0", "lib1"]].sum())
    assert list(by_person.index) == list(small_cohort.participants.index)
    assert by_person.to_numpy().dtype == np.int64


def test_table__sums_features_to_a_rank_and_loses_no_read(small_cohort):
    species, genera = small_cohort.table("shotgun"), small_cohort.table("shotgun", rank="genus")
    assert list(genera.columns) == ["Blautia", "Dorea", "Firmicutes unclassified"]
    np.testing.assert_array_equal(genera.sum(axis=1), species.sum(axis=1))
    expected = species["Blautia obeum"] + species["Blautia sp"]
    np.testing.assert_array_equal(genera["Blautia"], expected)


def test_table__leaves_out_people_without_a_library_at_the_visit(small_cohort):
    assert small_cohort.table("shotgun", visit=12).empty


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"assay": "shotgn"}, "did you mean 'shotgun'"),
        ({"assay": "shotgun", "rank": "genera"}, "did you mean 'genus'"),
        ({"assay": "shotgun", "level": "household"}, "participant or sample"),
    ],
)
def test_table__names_the_nearest(small_cohort, arguments, message):
    with pytest.raises(ValueError, match=message):
        small_cohort.table(**arguments)


def test_taxonomy__has_the_species_as_last_rank(small_cohort):
    taxonomy = small_cohort.taxonomy("shotgun")
    assert list(taxonomy["species"]) == list(taxonomy.index)
    assert taxonomy.loc["Dorea longicatena", "family"] == "Lachnospiraceae"


def test_pairs_where__keeps_whole_households_of_the_chosen_patients(small_cohort):
    chosen = pairs_where(small_cohort.participants, treatment="untreated")
    assert list(chosen.index) == ["h1-a", "h1-b", "h3-a", "h3-b"]
    both = pairs_where(small_cohort.participants, treatment=["untreated", "interferon"])
    assert len(both) == 6


def test_pairs_where__names_the_nearest_column(small_cohort):
    with pytest.raises(ValueError, match="did you mean 'treatment'"):
        pairs_where(small_cohort.participants, treatmnt="untreated")


def test_of_patient__gives_the_control_what_the_partner_takes(small_cohort):
    treatment = of_patient(small_cohort.participants, "treatment")
    assert list(treatment[["h1-b", "h2-a", "h2-b"]]) == ["untreated", "interferon", "interferon"]


def test_of_patient__refuses_a_household_with_two(small_cohort):
    people = small_cohort.participants.assign(group="MS")
    with pytest.raises(ValueError, match="h1"):
        of_patient(people, "treatment")


def test_with_study_groups__gives_controls_the_group_of_their_partner(small_cohort):
    people = small_cohort.participants.assign(course=["RRMS", None, "PPMS", None, "SPMS", None])
    groups = with_study_groups(people)
    assert list(groups["therapy"]) == ["untreated"] * 2 + ["treated"] * 2 + ["untreated"] * 2
    assert groups.loc["h2-b", "treatment_groups"] == "control, treated"
    assert list(groups["course_groups"].iloc[[0, 3, 4]]) == ["MS, RRMS", "control, PMS", "MS, PMS"]


def test_table__says_which_file_the_cohort_lacks(small_cohort):
    with pytest.raises(schema.MissingInput, match="no 16s.biom"):
        small_cohort.table("16s")


def test_without__leaves_out_what_is_named_and_nothing_else(small_cohort):
    assert small_cohort.without().truth is small_cohort.truth
    less = small_cohort.without("truth")
    assert less.truth is None
    assert list(less.features) == ["shotgun"]
    assert small_cohort.without("shotgun").samples.empty
    with pytest.raises(ValueError, match="no part 'truht': did you mean 'truth'"):
        small_cohort.without("truht")


def with_values(cohort, **columns):
    people = cohort.participants.copy()
    for name, values in columns.items():
        people[name] = people[name].astype(object) if name in people else None
        for who, value in values.items():
            people.loc[who, name] = value
    return replace(cohort, participants=people)


def test_complete__leaves_out_whoever_lacks_a_value_with_all_that_is_theirs(small_cohort):
    diet = pd.DataFrame({"hei_total": 60.0}, small_cohort.participants.index)
    ages = {who: 40 + place for place, who in enumerate(small_cohort.participants.index)}
    cohort = with_values(replace(small_cohort, diet=diet), age=ages | {"h3-b": None})
    with pytest.warns(UserWarning, match="1 of 6 people are left out: unknown are age of 1"):
        known = cohort.complete()
    assert list(known.participants.index) == ["h1-a", "h1-b", "h2-a", "h2-b", "h3-a"]
    assert list(known.table("shotgun").index) == list(known.participants.index)
    assert list(known.diet.index) == list(known.participants.index)
    pd.testing.assert_frame_equal(
        known.table("shotgun"), small_cohort.table("shotgun").loc[known.participants.index]
    )


@pytest.mark.parametrize(
    ("column", "values", "why"),
    [
        ("age", None, "not recorded"),
        ("age", [41, None, 43, 44, None, 46], "unknown for 2 of 6"),
        ("bmi", [22.0] * 6, "the same for all"),
        ("site", [None] * 6, "not recorded"),
    ],
)
def test_complete__a_covariate_that_cannot_be_held_leaves_the_model(
    small_cohort, column, values, why
):
    people = small_cohort.participants.assign(
        sex=["male", "female"] * 3, age=range(6), bmi=np.arange(6.0), site=list("aabbcc")
    )
    people = people.drop(columns=column) if values is None else people.assign(**{column: values})
    cohort = replace(small_cohort, participants=people)
    with pytest.warns(UserWarning, match=f"do not hold fixed: {column} \\({why}\\)$"):
        known = cohort.complete()
    assert known.participants is people, "nobody has to leave for a column that no model holds"
    assert set(known.covariates) == {"sex", "age", "bmi", "site"} - {column}


def test_complete__cases_alone_are_asked_for_their_treatment(small_cohort):
    people = small_cohort.participants
    drugs = {who: f"drug {who}" for who in people.query("group == 'MS'").index}
    cohort = with_values(small_cohort, treatment=drugs)
    assert "treatment" in cohort.usable("treatment")
    first = next(iter(drugs))
    without = with_values(cohort, treatment={first: None})
    assert without.usable("treatment") == (), "one of three is more than a fifth"


def test_with_study_groups__patients_of_one_home_who_differ_have_no_therapy(small_cohort):
    people = small_cohort.participants.assign(
        household_id=["h1"] * 4 + ["h3"] * 2, course=["RRMS", None] * 3
    )
    groups = with_study_groups(people)
    assert groups.loc["h1-a":"h2-b", "therapy"].isna().all()
    assert set(groups.loc["h3-a":, "therapy"]) == {"untreated"}
    assert groups["course_groups"].notna().all(), "their courses agree"
    other = with_study_groups(people.assign(course=["focal", None] * 3))
    assert set(other["course_groups"]) == {"MS, focal", "control, focal"}
    assert "therapy" not in with_study_groups(people.drop(columns="treatment"))


def test_patient_groups__are_whole_homes_of_a_case_and_a_control(small_cohort):
    people = small_cohort.participants
    groups = patient_groups(people)
    assert list(groups) == ["all patients", "untreated", "treated"]
    assert set(groups["untreated"]["household_id"]) == {"h1", "h3"}
    named = people.assign(course=["b", None, "a", None, "b", None])
    assert list(patient_groups(named))[3:] == ["a", "b"]
    alone = people[people["group"] == "MS"]
    assert patient_groups(alone) == {}
