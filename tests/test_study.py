"""The whole study: same seed, same bytes; every design gives a cohort that holds together."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohabit.data import schema
from cohabit.files.storage import read_cohort, write_cohort
from cohabit.simulate import StudyDesign, simulate_cohort, simulate_shotgun

TINY = StudyDesign(pairs_per_site={"Boston": 6, "Edinburgh": 4})

SCRIPT = """
import sys
from cohabit.simulate import StudyDesign, simulate_cohort
from cohabit.files.storage import write_cohort
design = StudyDesign(pairs_per_site={"Boston": 6, "Edinburgh": 4})
write_cohort(simulate_cohort(design, 7), sys.argv[1])
"""


@pytest.fixture(scope="module")
def cohort():
    return simulate_cohort(TINY, 7)


def test_simulate_cohort__writes_the_same_bytes_in_another_process(cohort, tmp_path):
    write_cohort(cohort, tmp_path / "here")
    there = tmp_path / "there"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(there)],
        env=os.environ | {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    names = sorted(p.relative_to(there) for p in there.rglob("*") if p.is_file())
    assert len(names) >= 8
    for name in names:
        assert (tmp_path / "here" / name).read_bytes() == (there / name).read_bytes(), name


def test_simulate_cohort__reads_back_without_its_truth(cohort, tmp_path):
    read = read_cohort(write_cohort(cohort, tmp_path / "cohort"))
    assert read.truth is None
    assert read.provenance["simulated"] is True
    assert read.provenance["seed"] == 7
    pd.testing.assert_frame_equal(read.table("16s"), cohort.table("16s"), check_names=False)


def test_simulate_shotgun__is_the_same_cohort_without_the_rest(cohort):
    alone = simulate_shotgun(TINY, 7)
    pd.testing.assert_frame_equal(alone.participants, cohort.participants)
    pd.testing.assert_frame_equal(alone.table("shotgun"), cohort.table("shotgun"))
    assert list(alone.features) == ["shotgun"]
    planted = cohort.truth.effects.query("assay == 'shotgun'").reset_index(drop=True)
    columns = alone.truth.effects.columns
    pd.testing.assert_frame_equal(alone.truth.effects, planted[columns], check_dtype=False)


def test_simulate_cohort__other_seeds_give_other_people(cohort):
    other = simulate_cohort(TINY, 8)
    assert not other.participants["age"].equals(cohort.participants["age"])


def test_simulate_cohort__refuses_a_seed_that_is_none():
    for seed in (-1, 1.5, "a", True):
        with pytest.raises(ValueError, match="seed: expected a whole number"):
            simulate_cohort(TINY, seed)


def test_disease_dial__leaves_every_count_of_controls_as_it_was(cohort):
    healthy = simulate_cohort(TINY.replace(disease=0.0), 7)
    controls = cohort.participants.index[cohort.participants["group"] == "control"]
    for assay in schema.ASSAYS:
        now, before = cohort.table(assay), healthy.table(assay)
        taxa = now.columns.union(before.columns)
        now, before = (t.reindex(columns=taxa, fill_value=0).loc[controls] for t in (now, before))
        pd.testing.assert_frame_equal(now, before)
    pd.testing.assert_frame_equal(cohort.participants, healthy.participants)


def test_effects__name_every_planted_factor(cohort):
    effects = cohort.truth.effects
    assert list(effects.columns[-6:]) == [
        "factor", "level", "property", "feature", "coefficient", "scale",
    ]  # fmt: skip
    assert {"group", "treatment", "msss", "site", "sex", "age", "bmi"} <= set(effects["factor"])
    community = effects["property"].isin(["abundance", "carriage"])
    assert (effects.loc[community, "coefficient"] != 0).all()


def test_tree__has_every_asv_once(cohort):
    from skbio import TreeNode

    tips = [tip.name for tip in TreeNode.read([cohort.tree], convert_underscores=False).tips()]
    assert sorted(tips) == sorted(cohort.table("16s").columns)


@given(
    pairs=st.dictionaries(
        st.sampled_from(list(schema.SITE_COUNTRY)), st.integers(0, 4), min_size=1
    ),
    disease=st.floats(0, 3),
    household_sharing=st.floats(0, 3),
    spillover=st.floats(0, 0.6),
    batch=st.floats(0, 3),
    shotgun_depth=st.floats(1000, 1e5),
    missing_partners=st.floats(0, 0.9),
    strangers=st.booleans(),
    treated_share=st.dictionaries(st.sampled_from(list(schema.SITE_COUNTRY)), st.floats(0, 1)),
    relapsing=st.none() | st.floats(0, 1),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
def test_simulate_cohort__holds_together_whatever_the_design(pairs, relapsing, seed, **dials):
    pairs = pairs if sum(pairs.values()) else {"Boston": 1}
    if relapsing is not None:
        dials["course_shares"] = {"RRMS": relapsing, "PPMS": 1 - relapsing}
    cohort = simulate_cohort(StudyDesign(pairs_per_site=pairs, **dials), seed)
    people = cohort.participants
    per_home = people["household_id"].value_counts()
    assert per_home.max() <= 2
    assert (people["group"] == "MS").sum() == sum(pairs.values())
    assert not people[["household_id", "group", "site", "country"]].isna().any().any()
    for assay in schema.ASSAYS:
        counts = cohort.table(assay)
        assert counts.index.equals(people.index.rename("participant_id"))
        assert (counts.to_numpy() >= 0).all()
        assert (counts.sum(axis=1) > 0).all()
        data = cohort.features[assay].matrix_data.data
        assert np.isfinite(data).all()
        assert (data == np.round(data)).all()
        assert (cohort.table(assay, level="sample").sum() == counts.sum()).all()
    patients = people[people["group"] == "MS"]
    assert patients[["course", "treatment", "edss", "msss"]].notna().all().all()
    assert people.loc[people["group"] == "control", ["course", "edss", "msss"]].isna().all().all()
    if relapsing is not None:
        assert not (patients["course"] == "SPMS").any()
