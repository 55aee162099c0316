"""Installed without a clone: the wheel holds the collection, and every command works anywhere."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from own_cohort import Files

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("notebooks", "config", "sweeps", "data/reference")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the installed package."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def call(site: Path, folder: Path, *words: str) -> str:
    """Run `cohabit` from the installed package in a folder; return what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COHABIT_")}
    command = [sys.executable, "-m", "cohabit", *words]
    options = {"cwd": folder, "env": kept | {"PYTHONPATH": str(site)}, "text": True}
    done = subprocess.run(command, capture_output=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wheel__holds_the_collection(site):
    listed = subprocess.run(
        ["git", "ls-files", "-z", *FOLDERS], cwd=ROOT, capture_output=True, check=True
    )
    names = {*filter(None, listed.stdout.decode().split("\0")), "docs/references.bib"}
    held = site / "cohabit" / "collection"
    for name in names:
        assert (held / name).read_bytes() == (ROOT / name).read_bytes(), name
    assert (site / "cohabit" / "files" / "exporters" / "read_cohort.R").is_file()


def test_wheel__imports_runs_and_writes_up_in_any_folder(site, tmp_path):
    paths = Files().write(tmp_path)
    tables = (
        "--metadata",
        "metadata.tsv",
        "--table",
        "16s=counts.tsv",
        "--mapping",
        "mapping.toml",
    )
    told = call(site, tmp_path, "import", *tables, "--out", "a cohort")
    assert "python -m cohabit run --cohort 'a cohort'" in told
    assert "03_describe_cohort" in call(site, tmp_path, "run", "--list")
    shutil.copytree(ROOT / "data" / "synthetic" / "example", tmp_path / "example")
    short = ("--profile", "classroom", "--only", "04")
    told = call(site, tmp_path, "run", "--cohort", "example", "--run", "mine", *short)
    assert "report: results/mine/report.html" in told
    assert (tmp_path / "results" / "mine" / "report.html").is_file()
    call(site, tmp_path, "paper", "mine")
    assert "80 people of 40 households" in (tmp_path / "results/mine/paper/methods.md").read_text()
    kept = {path.name for path in paths.values()} | {"a cohort", "example", "results"}
    assert {path.name for path in tmp_path.iterdir()} == kept
