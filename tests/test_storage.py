import json
from dataclasses import replace

import pandas as pd
import pytest

from cohabit.data.cohort import Truth
from cohabit.files.storage import read_cohort, write_atomically, write_cohort


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def test_cohort__survives_the_disk(small_cohort, tmp_path):
    back = read_cohort(write_cohort(small_cohort, tmp_path / "cohort"))
    pd.testing.assert_frame_equal(back.table("shotgun"), small_cohort.table("shotgun"))
    pd.testing.assert_frame_equal(back.taxonomy("shotgun"), small_cohort.taxonomy("shotgun"))
    assert list(back.participants["group"].cat.categories) == ["control", "MS"]
    assert back.participants["treatment"].isna().sum() == 3
    pd.testing.assert_series_equal(back.participants["age"], small_cohort.participants["age"])
    assert back.provenance == {"simulated": True, "seed": 1}


def test_cohort__read_from_disk_knows_no_truth(small_cohort, tmp_path):
    folder = write_cohort(small_cohort, tmp_path / "cohort")
    assert (folder / "truth" / "effects.tsv").exists()
    assert read_cohort(folder).truth is None


def test_write_cohort__twice_gives_the_same_bytes(small_cohort, tmp_path):
    first = contents(write_cohort(small_cohort, tmp_path / "first"))
    second = contents(write_cohort(small_cohort, tmp_path / "second"))
    assert first == second
    assert len(first) >= 6


def test_write_cohort__replaces_what_was_there(small_cohort, tmp_path):
    folder = write_cohort(small_cohort, tmp_path / "cohort")
    write_cohort(small_cohort.without("truth"), folder)
    assert not (folder / "truth").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["cohort"]


def test_read_cohort__notices_a_changed_file(small_cohort, tmp_path):
    folder = write_cohort(small_cohort, tmp_path / "cohort")
    text = (folder / "participants.tsv").read_text()
    (folder / "participants.tsv").write_text(text.replace("Boston", "Bostom", 1))
    with pytest.raises(ValueError, match="participants.tsv missing or changed"):
        read_cohort(folder)


def test_read_cohort__notices_a_missing_file(small_cohort, tmp_path):
    folder = write_cohort(small_cohort, tmp_path / "cohort")
    (folder / "shotgun.biom").unlink()
    with pytest.raises(ValueError, match="shotgun.biom missing or changed"):
        read_cohort(folder)


def test_read_cohort__needs_no_manifest_and_no_sample_table(small_cohort, tmp_path):
    folder = write_cohort(small_cohort, tmp_path / "cohort")
    people = pd.read_csv(folder / "participants.tsv", sep="\t", index_col=0)
    people.index = [f"lib{number}" for number in range(1, 7)]
    with pytest.raises(ValueError, match="belong to no participant"):
        keep_only_tables(folder, people)
    people.loc["lib0"] = people.loc["lib1"]
    assert keep_only_tables(folder, people).table("shotgun").shape == (7, 4)


def keep_only_tables(folder, people):
    for name in ("cohort.json", "samples.tsv"):
        (folder / name).unlink(missing_ok=True)
    people.to_csv(folder / "participants.tsv", sep="\t", index_label="participant_id")
    return read_cohort(folder)


def test_read_cohort__says_which_folder_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: no such cohort folder"):
        read_cohort(tmp_path / "nowhere")


def test_write_atomically__leaves_the_old_file_when_the_new_one_fails(tmp_path):
    target = tmp_path / "table.tsv"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="half way"):
        write_half(target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["table.tsv"]


def write_half(target):
    with write_atomically(target) as scratch:
        scratch.write_text("ne")
        raise RuntimeError("half way")


def test_manifest__is_plain_json_with_a_checksum_of_each_file(small_cohort, tmp_path):
    folder = write_cohort(small_cohort, tmp_path / "cohort")
    manifest = json.loads((folder / "cohort.json").read_text())
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert set(manifest["sha256"]) == files - {"cohort.json"}


def test_write_cohort__keeps_estimands_by_design_and_notices_damage(
    small_cohort, tmp_path, monkeypatch
):
    asked = []
    table = pd.DataFrame({"contrast": ["MS - control"], "value": [-0.3]})
    effects = small_cohort.truth.effects

    def write(design):
        truth = Truth(effects, lambda: asked.append(design) or table)
        made = replace(small_cohort, truth=truth, provenance={"simulated": True, "design": design})
        return (write_cohort(made, tmp_path / "made") / "truth" / "estimands.tsv").read_bytes()

    plain = write({"disease": 1.0})
    monkeypatch.setenv("COHABIT_CACHE_DIR", str(tmp_path / "kept"))
    assert [write({"disease": d}) for d in (1.0, 1.0, 0.5, 1.0)] == [plain] * 4
    assert [design["disease"] for design in asked] == [1.0, 1.0, 0.5]
    for entry in (tmp_path / "kept").iterdir():
        entry.write_bytes(b"half")
    assert write({"disease": 1.0}) == plain
    assert len(asked) == 4
