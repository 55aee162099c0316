import numpy as np
import pandas as pd
from scipy.stats import rankdata

from calibration.severity import rank_severity, simulate_reference
from cohabit.simulate.clinic import EDSS_STEPS
from cohabit.simulate.template import read_template


def test_rank_severity__the_shipped_table_is_what_the_code_makes():
    made = rank_severity(simulate_reference()).reset_index()
    pd.testing.assert_frame_equal(read_template("people_msss"), made)


def test_rank_severity__equals_scipy_ranks_within_two_years():
    reference = simulate_reference(6100)
    table = rank_severity(reference)
    for year in (1, 3, 14, 29, 30):
        near = reference[reference["duration"].clip(1, 31).between(max(year - 2, 1), year + 2)]
        ranks = 10 * rankdata(near["edss"]) / (len(near) + 1)
        for edss in near["edss"].unique():
            expected = ranks[near["edss"] == edss][0]
            assert abs(table.loc[year, f"{edss:g}"] - expected) <= 0.0051


def test_rank_severity__rises_with_disability_and_falls_with_time():
    table = read_template("people_msss").set_index("duration").to_numpy()
    assert table.shape[1] == len(EDSS_STEPS)
    assert (np.diff(table, axis=1) > 0).all()
    assert (table[30] < table[10]).all()
    assert (table[10] < table[2]).all()
