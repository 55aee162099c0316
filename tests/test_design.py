"""StudyDesign: every dial has a unit, a range and a source; a bad value gets one clear error."""

import dataclasses

import pytest

from cohabit.simulate import StudyDesign
from cohabit.simulate.design import STUDY_PRESETS


@pytest.mark.parametrize("name", STUDY_PRESETS)
def test_preset__is_a_valid_design(name):
    design = StudyDesign.preset(name)
    assert design.n_pairs == 576
    assert StudyDesign(**design.to_dict()) == design


def test_preset__suggests_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'strangers'"):
        StudyDesign.preset("stranger")


def test_fields__all_have_unit_source_and_meaning():
    for item in dataclasses.fields(StudyDesign):
        assert {"unit", "source", "doc"} <= set(item.metadata), item.name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"disease": -1.0}, r"disease: expected 0 to 3 .*got -1"),
        ({"disease": float("nan")}, r"disease: expected 0 to 3 .*got nan"),
        ({"spillover": 0.7}, r"spillover: expected 0 to 0.6"),
        ({"shotgun_depth": -5}, r"shotgun_depth: expected 1000 to 1e\+08"),
        ({"batch": "much"}, r"batch: expected 0 to 3 .*got 'much'"),
        ({"strangers": 1}, r"strangers: expected true or false; got 1"),
        ({"opposite_sex_share": 1.2}, r"opposite_sex_share: expected 0 to 1"),
        ({"pairs_per_site": {"Boston": 0}}, r"expected at least one pair; got 0"),
        ({"pairs_per_site": {"Boston": -3}}, r"pairs_per_site\['Boston'\]: expected a whole"),
        ({"pairs_per_site": {"Boston": 2.5}}, r"pairs_per_site\['Boston'\]: expected a whole"),
        ({"pairs_per_site": {"Bostn": 2}}, r"no site 'Bostn': did you mean 'Boston'"),
        ({"treated_share": {"Boston": 1.2}}, r"Boston'\]: .*got 1.2: more treated than patients"),
        ({"treated_share": {"Boston": -0.1}}, r"treated_share\['Boston'\]: expected 0 to 1"),
        ({"treated_share": {"Bostn": 0.5}}, r"treated_share: no site 'Bostn'"),
        ({"course_shares": {"RRMS": 0.7, "PPMS": 0.2}}, r"course_shares: .*add up to 1; got 0.9"),
        ({"course_shares": {"RRMS": "all"}}, r"course_shares\['RRMS'\]: expected 0 to 1"),
        ({"course_shares": {"RMS": 1.0}}, r"course_shares: no course 'RMS': did you mean 'RRMS'"),
        (
            {"course_shares": {"RRMS": 1.0}, "source": "population"},
            r"expected source='direct'",
        ),
    ],
)
def test_replace__refuses_a_bad_value_by_name_and_range(change, message):
    with pytest.raises(ValueError, match=message):
        StudyDesign().replace(**change)


def test_replace__suggests_the_nearest_dial():
    with pytest.raises(ValueError, match="did you mean 'disease'"):
        StudyDesign().replace(diseas=1.0)


def test_replace__leaves_the_first_design_alone():
    design = StudyDesign()
    assert design.replace(disease=0.0).disease == 0.0
    assert design.disease == 1.0


@pytest.mark.parametrize("n_pairs", [1, 40, 576, 1000])
def test_with_pairs__keeps_the_mix_of_sites(n_pairs):
    design = StudyDesign()
    dealt = design.with_pairs(n_pairs)
    assert dealt.n_pairs == n_pairs
    for site, pairs in dealt.pairs_per_site.items():
        assert abs(pairs - n_pairs * design.pairs_per_site[site] / 576) < 1


@pytest.mark.parametrize("n_pairs", [0, -1, 2.5, True])
def test_with_pairs__refuses_what_is_no_number_of_pairs(n_pairs):
    with pytest.raises(ValueError, match="n_pairs: expected a whole number from 1"):
        StudyDesign().with_pairs(n_pairs)
