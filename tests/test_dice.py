import numpy as np
import pandas as pd
import pytest

from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.households import draw_people, enrol

SMALL = StudyDesign(pairs_per_site={"Boston": 6, "Edinburgh": 5})


def roll(design: StudyDesign, seed: int = 1) -> Dice:
    return Dice.of(enrol(design), design, seed)


def test_normals__a_larger_site_keeps_its_first_people_and_all_other_sites():
    larger = StudyDesign(pairs_per_site={"Boston": 9, "Edinburgh": 5})
    before, after = roll(SMALL).normals("height"), roll(larger).normals("height")
    np.testing.assert_array_equal(after[:12], before[:12])
    np.testing.assert_array_equal(after[18:], before[12:])


def test_normals__names_and_seeds_give_other_draws():
    dice = roll(SMALL)
    assert not np.any(dice.normals("height") == dice.normals("weight"))
    assert not np.any(dice.normals("height") == roll(SMALL, seed=2).normals("height"))
    assert not np.any(dice.normals("height") == dice.within("later").normals("height"))


def test_normals__a_part_of_the_people_keeps_its_draws():
    people = enrol(SMALL)
    part = people.iloc[[3, 8, 20]]
    whole = Dice.of(people, SMALL, 1).normals("height", columns=4)
    np.testing.assert_array_equal(
        Dice.of(part, SMALL, 1).normals("height", columns=4), whole[[3, 8, 20]]
    )


def test_household_and_home__differ_for_strangers_only():
    strangers = SMALL.replace(strangers=True)
    people = draw_people(strangers, 1)
    dice = Dice.of(people, strangers, 1)
    home = dice.uniforms("kitchen", per="home").reshape(-1, 2)
    assert np.all(home[:, 0] == home[:, 1])
    shared = pd.Series(dice.uniforms("kitchen", per="household")).groupby(
        people["household_id"].to_numpy()
    )
    assert shared.nunique().eq(1).all()
    assert np.all(dice.household[1::2] != dice.home[1::2])


def test_quotas__below_a_share_lie_as_many_as_it_says():
    design = StudyDesign(pairs_per_site={"Boston": 40, "Edinburgh": 77})
    u = roll(design).quotas("anything")[::2]
    for place, size in ((slice(0, 40), 40), (slice(40, None), 77)):
        for share in (0.1, 0.37, 0.5, 0.93):
            assert abs((u[place] < share).sum() - share * size) < 1


def test_of__refuses_people_of_another_design():
    people = enrol(StudyDesign(pairs_per_site={"New York": 2}))
    with pytest.raises(ValueError, match="NY-001-a"):
        Dice.of(people, SMALL, 1)
