"""Exercises: right or wrong with a hint; the answers here are worked out by hand."""

import dataclasses

import pandas as pd
import pytest

from cohabit.course import EXERCISES, check
from cohabit.course.registry import are_names, exercise, is_name, is_near
from cohabit.data.cohort import Truth
from cohabit.files.storage import write_cohort

ESTIMAND_COLUMNS = ["assay", "contrast", "scale", "feature", "value"]
EFFECT_COLUMNS = ["factor", "level", "property", "feature", "coefficient", "scale"]


@pytest.fixture
def write(tmp_path, small_cohort):
    """Write the small cohort, with one species planted or none."""

    def write(planted: float = -0.3):
        rows = [("shotgun", "untreated MS - control", "latent", "Blautia obeum", planted)]
        estimands = pd.DataFrame(rows, columns=ESTIMAND_COLUMNS)
        truth = Truth(pd.DataFrame(columns=EFFECT_COLUMNS), lambda: estimands)
        people = small_cohort.participants.assign(
            edss=[2.0, None, 3.0, None, 6.0, None],
            msss=[3.0, None, 5.0, None, 1.0, None],
            course=["RRMS", None, "RRMS", None, "SPMS", None],
        )
        cohort = dataclasses.replace(small_cohort, participants=people, truth=truth)
        return write_cohort(cohort, tmp_path / "cohort")

    return write


@pytest.fixture
def scorecards(tmp_path):
    claims = pd.DataFrame(
        {
            "true_here": [True, True, False, False, None],
            "right": [None, True, False, True, None],
            "verdict": ["cannot tell", "agrees", "agrees", "disagrees", "agrees"],
        }
    )
    claims.to_csv(tmp_path / "claims.tsv", sep="\t", index=False)
    methods = pd.DataFrame({"method": ["lmm_clr", "linda"], "sensitivity": [0.2, 0.4]})
    methods.to_csv(tmp_path / "recovery.tsv", sep="\t", index=False)
    return tmp_path


@pytest.mark.parametrize(
    ("exercise_id", "right", "wrong"),
    [
        ("02.1", 2 / 3, 3),
        ("02.2", "edinburgh", "Boston"),
        ("03.1", -0.5, 0.5),
        ("03.2", 1.0, 0.5),
        ("04.1", 257, 171),
        ("04.2", 0.693, 0.5),
        ("05.1", 2 / 5, 3 / 6),
        ("05.2", ["UK", "US"], ["UK"]),
        ("05.3", 0.0543, 0.06),
        ("06.1", 0.75, 1.5),
        ("06.2", 0.5, 0.9),
        ("07.1", 0.5, 2),
        ("07.2", 0.2, 4),
        ("07.3", "Edinburgh", "Boston"),
        ("07.4", "yes", "no"),
        ("08.1", -0.5 - 1.0, 0.5),
        ("08.2", 1.0, -1.0),
        ("08.3", -1.0, 1.0),
        ("08.4", 1.96, 0.1),
        ("10.1", 0.5, 2),
        ("10.2", 0.6, 0.4),
        ("11.1", 0.2018, 0.35),
        ("11.2", 359, 99),
        ("16.1", 107, 60_000 / 560),
        ("16.2", 0.163, 0.3),
        ("15.1", 20, 1),
        ("15.2", "Paired difference", "strata"),
    ],
)
def test_check__tells_right_from_wrong(write, capsys, exercise_id, right, wrong):
    folder = write()
    check(exercise_id, right, cohort_dir=folder)
    assert capsys.readouterr().out == f"{exercise_id}  Right.\n"
    check(exercise_id, wrong, cohort_dir=folder)
    assert capsys.readouterr().out.startswith(f"{exercise_id}  Not yet. ")


def test_check__the_same_exercise_has_another_answer_in_a_null_world(write, capsys):
    check("07.4", "yes", cohort_dir=write(planted=0.0))
    assert "Not yet" in capsys.readouterr().out
    check("07.4", "no", cohort_dir=write(planted=0.0))
    assert "Right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("exercise_id", "right", "wrong"),
    [("13.1", 2, 3), ("13.2", 1, 0), ("13.3", "LinDA", "lmm_clr"), ("13.4", 0.5, 1.0)],
)
def test_check__reads_the_scorecards_of_the_run(scorecards, capsys, exercise_id, right, wrong):
    check(exercise_id, right, run_dir=scorecards)
    check(exercise_id, wrong, run_dir=scorecards)
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("Right.")
    assert "Not yet." in said[1]


def test_check__takes_the_cohort_that_the_notebook_has(small_cohort, capsys):
    check("02.1", 2 / 3, cohort=small_cohort)
    assert "Right" in capsys.readouterr().out


def test_check__an_unanswered_exercise_is_not_wrong(capsys):
    check("05.1", ...)
    assert "Your turn" in capsys.readouterr().out


def test_check__names_the_nearest_exercise():
    with pytest.raises(ValueError, match="did you mean '07.2'"):
        check("07.2.", 1)


def test_check__says_which_folder_it_needs():
    with pytest.raises(ValueError, match="needs cohort_dir"):
        check("05.1", 1)


def test_check__says_when_the_scorecard_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="run the cells above"):
        check("13.1", 1, run_dir=tmp_path)


@pytest.mark.parametrize("answer", ["many", None, [1, 2], object()])
def test_check__an_answer_of_another_kind_is_wrong_not_an_error(answer):
    assert not is_near(answer, 1.0)
    assert not is_name(answer, "x")
    assert not are_names(answer, ["x", "y"])


@pytest.mark.parametrize("exercise_id", sorted(EXERCISES))
def test_exercises__say_in_one_sentence_what_they_ask(exercise_id):
    assert EXERCISES[exercise_id].__doc__


def test_exercise__an_id_is_given_once():
    with pytest.raises(ValueError, match="registered twice"):
        exercise("05.1")(lambda answer, context: True)


def test_check__ranks_only_ways_that_keep_their_promise(capsys):
    table = pd.DataFrame(
        {
            "generator": ["spike-in"] * 4 + ["simulated"],
            "way": ["a · CLR", "b · CLR", "c · CLR", "d · CLR, corrected", "a · CLR"],
            "gain": [0.9, 0.4, 0.3, 0.8, 0.9],
            "holds": [False, True, True, True, True],
        }
    )
    for answer in ("b · CLR", "b", "a", "c"):
        check("15.3", answer, which_test=table)
    said = capsys.readouterr().out.splitlines()
    assert ["Right." in line for line in said] == [True, True, False, False]
