"""Where the folders are: by COHABIT_ROOT, or upward to run_all.py."""

import pytest

from cohabit.files import paths


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A root with a folder deep inside, where we stand; no COHABIT_ROOT."""
    monkeypatch.delenv("COHABIT_ROOT", raising=False)
    (tmp_path / "clone" / "deep" / "inside").mkdir(parents=True)
    (tmp_path / "clone" / "run_all.py").touch()
    monkeypatch.chdir(tmp_path / "clone" / "deep" / "inside")
    return tmp_path / "clone"


def test_root__is_found_upward(clone):
    assert paths.root() == clone.resolve()
    assert paths.notebooks() == clone / "notebooks"
    assert paths.run("study") == clone / "results" / "study"
    assert paths.reference("claims.tsv") == clone / "data" / "reference" / "claims.tsv"
    assert paths.from_root("results/lab") == clone / "results" / "lab"
    assert paths.from_root(clone) == clone


def test_root__is_where_the_variable_says(clone, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "run_all.py").touch()
    monkeypatch.setenv("COHABIT_ROOT", str(other))
    assert paths.root() == other.resolve()


def test_root__may_be_named_relative_to_the_current_folder(clone, monkeypatch):
    monkeypatch.setenv("COHABIT_ROOT", "../..")
    assert paths.root() == clone.resolve()


def test_root__that_is_none_is_refused(clone, tmp_path, monkeypatch):
    monkeypatch.setenv("COHABIT_ROOT", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="no run_all.py in COHABIT_ROOT=.*work inside a"):
        paths.root()
    monkeypatch.delenv("COHABIT_ROOT")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="and the folders above it"):
        paths.root()


def test_collection__lies_in_the_package_where_there_is_no_clone(tmp_path, monkeypatch):
    held, work = tmp_path / "package" / "collection", tmp_path / "work"
    for folder in (held, work):
        folder.mkdir(parents=True)
    monkeypatch.setattr(paths, "INSTALLED", held)
    monkeypatch.setattr(paths, "CLONE", tmp_path)
    monkeypatch.delenv("COHABIT_ROOT", raising=False)
    monkeypatch.chdir(work)
    assert paths.root() == work.resolve()
    assert paths.run("study") == work / "results" / "study"
    assert paths.notebooks() == held / "notebooks"
    assert paths.reference("claims.tsv") == held / "data" / "reference" / "claims.tsv"
    (work / "inside").mkdir()
    monkeypatch.setenv("COHABIT_ROOT", str(work))  # as a kernel started in a folder below
    monkeypatch.chdir(work / "inside")
    assert paths.root() == work.resolve()
    (work / "run_all.py").touch()
    assert paths.notebooks() == work / "notebooks"
    monkeypatch.setenv("COHABIT_ROOT", str(work / "nowhere"))
    with pytest.raises(FileNotFoundError):
        paths.root()


def test_root__may_be_any_folder_that_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("COHABIT_ROOT", str(tmp_path))
    assert paths.run("mine") == tmp_path.resolve() / "results" / "mine"
    assert paths.notebooks() == paths.CLONE / "notebooks"
