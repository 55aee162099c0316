"""Streams by name: the same name, the same draws; another name, others."""

import subprocess
import sys

import numpy as np

from cohabit.simulate.dice import stream


def test_stream__repeats_itself():
    assert (stream(3, "a").random(5) == stream(3, "a").random(5)).all()


def test_stream__differs_by_name_and_by_seed():
    first = stream(3, "a").random(2000)
    for other in (stream(3, "b"), stream(4, "a")):
        second = other.random(2000)
        assert (first != second).all()
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.08


def test_stream__does_not_depend_on_what_else_was_drawn():
    expected = stream(3, "b").random(4)
    stream(3, "a").random(1000)
    assert (stream(3, "b").random(4) == expected).all()


def test_stream__is_the_same_in_another_process():
    code = "from cohabit.simulate.dice import stream; print(stream(3, 'a').random(3).tolist())"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(stream(3, "a").random(3).tolist())
