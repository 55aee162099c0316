"""Exercises of notebook 15b."""

import numpy as np
import pandas as pd
import pytest

from cohabit.course import check

SUMMARY = pd.DataFrame({"wrong_off": [80.0, 1.0], "wrong_on": [50.0, 9.0]}, ["spillover", "sex"])


@pytest.mark.parametrize(
    ("exercise_id", "right", "wrong"),
    [
        ("15b.1", 0.3366, 0.4),
        ("15b.2", 2.014, 0.7),
        ("15b.3", -np.log(1.98), np.log(1.98)),
        ("15b.4", 0.625, 9.0),
    ],
)
def test_check__tells_right_from_wrong(capsys, exercise_id, right, wrong):
    check(exercise_id, right, summary=SUMMARY)
    assert capsys.readouterr().out == f"{exercise_id}  Right.\n"
    check(exercise_id, wrong, summary=SUMMARY)
    assert capsys.readouterr().out.startswith(f"{exercise_id}  Not yet. ")
