"""The clinic's files of notebook 17, and commands run in a folder of work."""

import pandas as pd
import pytest

from cohabit.course.families import run_command, write_clinic_files


def test_clinic_files__use_words_of_their_own_and_hold_one_typing_error(small_cohort, tmp_path):
    people = small_cohort.participants.assign(pets="no")
    cohort = type(small_cohort)(people, small_cohort.samples, small_cohort.features, {})
    write_clinic_files(cohort, tmp_path, assay="shotgun")
    table = pd.read_csv(tmp_path / "people.tsv", sep="\t", index_col=0)
    assert set(table["Dx"]) == {"UC", "healthy"}
    assert (table["Age (years)"] > 120).sum() == 1
    counts = pd.read_csv(tmp_path / "counts.tsv", sep="\t", index_col=0)
    assert list(counts)[:-1] == list(table.index)
    assert counts["taxonomy"].str.startswith("k__Bacteria; p__").all()
    first = cohort.table("shotgun", level="sample").loc["lib0"]
    assert counts["S001"].to_dict() == first[counts.index].to_dict()


def test_run_command__works_in_its_folder_and_tells_a_failure(tmp_path):
    assert run_command(tmp_path / "work", "--version").startswith("cohabit ")
    with pytest.raises(RuntimeError, match="no notebook '99'"):
        run_command(tmp_path / "work", "run", "--only", "99")
