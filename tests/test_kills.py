"""A run that is killed, in whatever part of it, is finished by the next one; a small slice.

`python -m validation kills` does the rest: fifty moments, and the whole collection.
"""

import random

from validation import four_tasks, kills


def test_run__killed_thrice_in_a_row_ends_with_the_same_bytes(tmp_path):
    root = four_tasks.plant(tmp_path / "root")
    (trial,) = kills.try_kills(root, [["worker", "kernel", "runner"]], random.Random(7))
    assert (trial["code"], trial["same"], trial["differing"]) == (0, True, "")
    assert len(kills.read_results(root)) == 31 + 4 * 20 + 2


def test_read_results__sees_a_changed_byte(tmp_path):
    path = tmp_path / "results" / "classroom" / "figures" / "05.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"one")
    before = kills.read_results(tmp_path)
    path.write_bytes(b"two")
    assert kills.read_results(tmp_path) != before
    assert kills.read_results(tmp_path).keys() == {"figures/05.png"}
