from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cohabit.data import schema
from cohabit.data.cohort import of_patient, pairs_where, with_study_groups


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
    patients = small_cohort.participants.query("group == 'MS'").index
    diet = pd.DataFrame({"hei_total": 60.0}, small_cohort.participants.index)
    ages = dict.fromkeys(small_cohort.participants.index, 40)
    cohort = with_values(replace(small_cohort, diet=diet), age=ages | {"h3-b": None})
    with pytest.warns(UserWarning, match="1 of 6 people are left out: unknown are age of 1"):
        known = cohort.complete("age", "treatment")
    assert list(known.participants.index) == ["h1-a", "h1-b", "h2-a", "h2-b", "h3-a"]
    assert list(known.table("shotgun").index) == list(known.participants.index)
    assert list(known.diet.index) == list(known.participants.index)
    pd.testing.assert_frame_equal(
        known.table("shotgun"), small_cohort.table("shotgun").loc[known.participants.index]
    )
    assert len(patients) == 3, "a control without treatment lacks nothing"
    assert small_cohort.complete("sex", "treatment") is small_cohort


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"age": {"h1-a": None, "h2-b": None}}, "no age of 2 of 6 people"),
        ({"treatment": {"h1-a": None}}, "no treatment of 1 of 3 cases"),
    ],
)
def test_complete__refuses_by_name_what_too_few_have(small_cohort, values, words):
    cohort = with_values(small_cohort, **values)
    with pytest.raises(schema.MissingInput, match=f"the cohort has {words}"):
        cohort.complete(*values)
