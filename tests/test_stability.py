"""How much of a person stays: against hand-made worlds, closed forms and full enumeration."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import braycurtis

from cohabit.data.schema import MissingInput
from cohabit.stats import stability

N_HOMES = 60


@pytest.fixture(scope="module")
def world():
    """Log abundances of pairs seen three times: variances 0.5 of home, 1 of person, 0.5 of day."""
    rng = np.random.default_rng(5)
    rows = [
        (f"h{h}", f"h{h}-{letter}", month)
        for h in range(N_HOMES)
        for letter in "ab"
        for month in (0, 12, 24)
        if month == 0 or rng.random() < 0.8
    ]
    index = pd.MultiIndex.from_tuples([row[1:] for row in rows], names=["participant_id", "visit"])
    homes = np.unique([row[0] for row in rows], return_inverse=True)[1]
    people = pd.factorize(index.get_level_values(0))[0]
    logs = rng.normal(size=(N_HOMES, 30))[homes] * np.sqrt(0.5)
    logs += rng.normal(size=(2 * N_HOMES, 30))[people]
    logs += rng.normal(size=(len(rows), 30)) * np.sqrt(0.5)
    counts = pd.DataFrame(np.rint(1000 * np.exp(logs)).astype(int), index)
    homes_of = {"household_id": [row[0] for row in rows]}
    participants = pd.DataFrame(homes_of, index.get_level_values(0))
    participants = participants[~participants.index.duplicated()]
    counts, metadata = stability.take_occasions(counts, participants)
    return counts, metadata, pd.DataFrame(logs, counts.index)


def test_take_occasions__has_what_was_found_at_the_visit(world):
    counts, metadata, _ = world
    assert list(metadata["months"].cat.categories) == ["0000", "0012", "0024"]
    first = counts.index[metadata["visit"] == 12][0]
    assert first == f"{metadata.loc[first, 'participant_id']}-m12"


def test_take_occasions__takes_the_visits_column_before_the_participants():
    index = pd.MultiIndex.from_tuples(
        [("a", 0), ("a", 12), ("b", 0)], names=["participant_id", "visit"]
    )
    counts = pd.DataFrame({"taxon": [1, 2, 3]}, index)
    people = pd.DataFrame({"household_id": ["h", "h"], "bmi": [20.0, 30]}, ["a", "b"])
    visits = pd.DataFrame({"participant_id": ["a", "a"], "visit": [0, 12], "bmi": [20.0, 22]})
    _, metadata = stability.take_occasions(counts, people, visits)
    assert metadata["bmi"].tolist()[:2] == [20.0, 22.0]
    assert metadata["household_id"].tolist() == ["h"] * 3


def test_take_occasions__orders_visits_less_than_a_month_apart():
    index = pd.MultiIndex.from_tuples(
        [("a", 10.0), ("a", 0.0), ("a", 0.25)], names=["participant_id", "visit"]
    )
    people = pd.DataFrame({"household_id": ["h"]}, ["a"])
    _, metadata = stability.take_occasions(pd.DataFrame({"taxon": [1, 2, 3]}, index), people)
    assert list(metadata["months"].cat.categories) == ["0000", "0000.25", "0010"]


def test_take_occasions__of_one_visit_is_skipped_by_name():
    index = pd.MultiIndex.from_tuples([("a", 0), ("b", 0)], names=["participant_id", "visit"])
    with pytest.raises(MissingInput, match="no stool of a second visit"):
        stability.take_occasions(pd.DataFrame({"taxon": [1, 2]}, index), pd.DataFrame())


def test_compare_occasions__equals_every_pair_by_scipy(world):
    counts, metadata, _ = world
    found = stability.compare_occasions(counts, metadata, rng=1)
    found = found.set_index(["comparison", "months"])["estimate"]
    same, home = {12: [], 24: []}, []
    for one, other in combinations(counts.index, 2):
        a, b = metadata.loc[one], metadata.loc[other]
        if a["participant_id"] == b["participant_id"]:
            same[abs(a["visit"] - b["visit"])].append(
                braycurtis(counts.loc[one], counts.loc[other])
            )
        elif a["household_id"] == b["household_id"] and a["visit"] == b["visit"]:
            home.append(braycurtis(counts.loc[one], counts.loc[other]))
    assert found[stability.SAME, 12] == pytest.approx(np.mean(same[12]))
    assert found[stability.SAME, 24] == pytest.approx(np.mean(same[24]))
    assert found[stability.PARTNERS, 0] == pytest.approx(np.mean(home))


def test_compare_occasions__by_aitchison_has_the_planted_variances(world):
    """Squared distances average twice the variance that two samples do not share."""
    _, metadata, logs = world
    found = stability.compare_occasions(logs, metadata, metric="aitchison", rng=1)
    by_who = found.groupby("comparison")["estimate"].mean() ** 2 / 30
    assert by_who[stability.SAME] == pytest.approx(2 * 0.5, rel=0.1)
    assert by_who[stability.PARTNERS] == pytest.approx(2 * 1.5, rel=0.1)
    assert by_who[stability.OTHER_HOMES] == pytest.approx(2 * 2.0, rel=0.1)
    assert (found["low"] < found["estimate"]).all()


def test_compare_occasions__refuses_two_samples_of_one_visit(world):
    counts, metadata, _ = world
    twice = pd.concat([counts, counts.head(1).set_axis(["again"])])
    also = pd.concat([metadata, metadata.head(1).set_axis(["again"])])
    with pytest.raises(ValueError, match="person and month.*again.*sum the libraries"):
        stability.compare_occasions(twice, also)


def test_estimate_stability__finds_the_planted_correlations(world):
    _, metadata, logs = world
    table = stability.estimate_stability(logs, metadata, rng=1).set_index("feature")
    middle = table.loc[stability.MEDIAN]
    assert middle["estimate"] == pytest.approx(0.75, abs=0.04)
    assert middle["household_icc"] == pytest.approx(0.25, abs=0.08)
    assert middle["low"] < 0.75 < middle["high"]
    covered = (table["low"] < 0.75) & (table["high"] > 0.75)
    assert covered.iloc[:-1].mean() > 0.8
    expected = np.ceil(0.8 * (1 - table["estimate"]) / (table["estimate"] * 0.2))
    pd.testing.assert_series_equal(table["n_samples_needed"], expected, check_names=False)


def test_split_exposure__adds_up(world):
    _, metadata, _ = world
    rng = np.random.default_rng(1)
    asked = metadata.assign(on=rng.random(len(metadata)) < 0.4)
    split = stability.split_exposure(asked, ["on"])
    total = split["on_within"] + split["on_between"]
    np.testing.assert_allclose(total, asked["on"].astype(float))
    means = split.groupby("participant_id")["on_within"].mean()
    np.testing.assert_allclose(means, 0, atol=1e-12)
    with pytest.raises(ValueError, match=r"1 value\(s\) missing"):
        stability.split_exposure(asked.assign(on=[np.nan, *asked["on"][1:]]), ["on"])


def test_expect_regression__foretells_what_nothing_does():
    rng = np.random.default_rng(2)
    lasting = rng.normal(size=4000)
    before, after = (pd.Series(lasting + rng.normal(size=4000)) for _ in range(2))
    table = stability.expect_regression(before, after + 0.3).set_index("people")
    assert table.loc["everybody", "estimate"] == pytest.approx(0.3, abs=0.1)
    high = table.loc["the highest"]
    assert high["low"] < high["expected"] < high["high"]
    assert high["expected"] == pytest.approx(0.3 - 0.5 * np.sqrt(2) * 1.4, abs=0.08)
    with pytest.raises(ValueError, match="at least five people"):
        stability.expect_regression(before[:4], after[:4])


def test_chance_of_contrast__equals_full_enumeration():
    hits = [
        sum(i < 3 for i in chosen) / 3 - sum(i >= 3 for i in chosen) / 5 >= 0.4
        for chosen in combinations(range(8), 4)
    ]
    assert stability.chance_of_contrast(8, 3, 4, 0.4) == pytest.approx(np.mean(hits))
    with pytest.raises(ValueError, match="0 < events < n"):
        stability.chance_of_contrast(8, 8, 4, 0.4)
