"""Exercises of notebook 14, on a small cohort whose world is drawn again."""

import pytest

from cohabit.course import check
from cohabit.simulate import StudyDesign, draw_world, simulate_shotgun

DESIGN = StudyDesign(spillover=0.25).with_pairs(40)


@pytest.fixture(scope="module")
def cohort():
    return simulate_shotgun(DESIGN, seed=3)


@pytest.fixture(scope="module")
def answers() -> dict[str, float]:
    world = draw_world(DESIGN, 3)
    taken = set(world.people.loc[world.patients, "treatment"]) - {"untreated"}
    drugs = [f"treatment:{drug}" for drug in sorted(taken)]
    planted = world.species.coefficients.loc[drugs] != 0
    named = world.species.template.column("tail") == 0
    treated = (world.people["treatment"] != "untreated")[world.patients]
    sites = world.people.loc[world.patients, "site"].groupby(treated)
    shares = sites.value_counts(normalize=True).unstack(level=0).fillna(0.0)
    gap = shares[True] - shares[False]
    effect = world.species.coefficients["Faecalibacterium prausnitzii"]
    site = sum(gap[name] * effect[f"site:{name}"] for name in gap.index)
    return {"14.1": int(planted.any()[named].sum()), "14.2": site, "14.3": 0.25, "14.4": 0.75}


@pytest.mark.parametrize("exercise_id", ["14.1", "14.2", "14.3", "14.4"])
def test_check__tells_right_from_wrong(cohort, answers, capsys, exercise_id):
    right = answers[exercise_id]
    check(exercise_id, right, cohort=cohort)
    assert capsys.readouterr().out == f"{exercise_id}  Right.\n"
    check(exercise_id, right + 1, cohort=cohort)
    assert capsys.readouterr().out.startswith(f"{exercise_id}  Not yet. ")
