"""Exercises of notebooks 09 and 12 on a cohort small enough to answer by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cohabit.course import EXERCISES, check
from cohabit.course.registry import Context
from cohabit.data.cohort import Truth


@pytest.fixture
def cohort(small_cohort):
    """Pathways of everyone, metabolites of two households."""
    people = small_cohort.participants.index
    pathways = pd.DataFrame({"PWY-4702": [0.1, 0.2, 0.1, 0.3, 0.1, 0.0]}, people)
    logs = np.log([[2.0, 1.0], [4.0, 4.0], [3.0, 2.0], [6.0, 4.0]])
    raw = pd.DataFrame(np.exp(logs), people[:4], ["stool:acetate", "stool:butyrate"])
    return replace(small_cohort, pathways=pathways, metabolites=raw)


@pytest.mark.parametrize(
    ("exercise_id", "right", "wrong"),
    [
        ("09.1", 0.5, 1.0),  # h1 has both, h3 not; h2 is treated
        ("09.2", 0.0, 1.0),
        ("09.3", -1.25 * np.log(2), 1.25 * np.log(2)),
    ],
)
def test_check__tells_right_from_wrong(cohort, capsys, exercise_id, right, wrong):
    check(exercise_id, right, cohort=cohort)
    assert capsys.readouterr().out == f"{exercise_id}  Right.\n"
    check(exercise_id, wrong, cohort=cohort)
    assert capsys.readouterr().out.startswith(f"{exercise_id}  Not yet. ")


@pytest.fixture
def followed(small_cohort):
    """Three patients at two visits; the third stays away."""
    visits = pd.DataFrame(
        {
            "participant_id": ["h1-a", "h1-a", "h2-a", "h2-a", "h3-a"],
            "visit": [0, 12, 0, 12, 0],
            "treatment": ["interferon", "interferon", "untreated", "untreated", "interferon"],
            "edss": [1.0, 1.5, 2.0, 2.5, 6.0],
            "relapses": [2, 1, 1, 0, 0],
        },
        index=pd.Index([f"v{number}" for number in range(5)], name="visit_id"),
    )
    later = small_cohort.samples.iloc[[0, 2]].assign(visit=12)
    samples = pd.concat([small_cohort.samples, later.set_axis(["late-1", "late-2"])])
    return replace(small_cohort, visits=visits, samples=samples)


@pytest.mark.parametrize(
    ("exercise_id", "right", "wrong"),
    [
        ("12.1", 2 / 3, 1 / 3),
        ("12.2", 1.5 - 6.0, 4.5),
        ("12.3", 0.5, 1.0),  # h1 alone took a drug, relapsed and kept it
        ("12.4", "no", "yes"),
        ("12b.1", 2 / 6, 2 / 3),
        ("12b.2", 3, 2),
        ("12b.3", 0.064, 0.0033),
        ("12b.4", "no", "yes"),
    ],
)
def test_check__of_the_follow_up(followed, capsys, exercise_id, right, wrong):
    check(exercise_id, right, cohort=followed)
    check(exercise_id, wrong, cohort=followed)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{exercise_id}  Right."
    assert said[1].startswith(f"{exercise_id}  Not yet. ")


def test_butyrate__acts_where_the_design_says_so(followed, capsys):
    acts = {"design": {"microbe_effect": 2.0}}
    check("12.4", "yes", cohort=replace(followed, provenance=acts))
    assert "Right" in capsys.readouterr().out


@pytest.mark.parametrize(("moves", "right"), [([-0.5, -0.5], "yes"), ([-0.7, 0.1], "no")])
def test_water_alone__is_one_amount_for_all(moves, right):
    table = pd.DataFrame(
        {
            "assay": "metabolites",
            "contrast": "MS - control",
            "scale": "latent",
            "feature": ["stool:guanosine", "stool:isovalerate", "serum:fumarate"],
            "value": [*moves, 0.0],
        }
    )
    context = Context()
    context.__dict__["truth"] = Truth(pd.DataFrame(), lambda: table)
    assert EXERCISES["09.4"](right, context) is True
    assert EXERCISES["09.4"]("maybe", context) is not True
