"""The command line: names are checked before anything heavy is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cohabit import cli
from cohabit.cli.lab import copy_notebooks
from cohabit.run.folder import RunFolder

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("pandas", "numpy", "papermill", "nbformat", "rich", "matplotlib", "dask", "distributed")
PROBE = f"""
import sys
from cohabit.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as stop:
    code = stop.code
print("loaded:", [name for name in {HEAVY!r} if name in sys.modules])
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--help"], 0, "simulate"),
        (["--version"], 0, "cohabit 0."),
        (["run", "--help"], 0, "--profile"),
        (["run", "--list"], 0, "n = 3  # how many; int, 1 to 10"),
        (["run", "--profile", "stdy"], 2, "no profile 'stdy': did you mean 'study'?"),
        (["run", "--only", "5_sum"], 2, "no notebook '5_sum': did you mean '05_sums'?"),
        (["run", "--from", "06"], 2, "no notebook '06'"),
        (["run", "--set", "05.seeds=1"], 2, "no parameter 'seeds': did you mean 'seed'?"),
        (["run", "--set", "05.n=11"], 2, "05.n: expected int, 1 to 10 (how many); got 11"),
        (["run", "--set", "n=3"], 2, "--set: expected NB.name=value"),
        (["run", "--only", "05", "--set", "07.wrong=1"], 2, "07 is not among those to run"),
        (["run", "--seed", "101"], 2, "seed: expected int, 0 to 100"),
        (["run", "--sweep", "none"], 2, "no sweep 'none'"),
        (["run", "--timeout", "0"], 2, "timeout: expected seconds above 0"),
        (["run", "--jobs", "0"], 2, "--jobs: expected a whole number from 1"),
        (["run", "--run", "../up"], 2, "--run: expected a name"),
        (["run", "--cohort", "nowhere"], 2, "expected a cohort folder with participants.tsv"),
        (["report", "nowhere"], 2, "no run 'nowhere'"),
    ],
)
def test_main__answers_before_anything_heavy_is_imported(tree, arguments, code, words):
    command = [sys.executable, "-c", PROBE, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=tree.root)
    assert answer.returncode == code
    assert words in answer.stdout + answer.stderr
    assert "loaded: []" in answer.stdout
    assert "Traceback" not in answer.stderr
    assert not (tree.root / "results").exists()


def test_run_all__is_the_same_command(tree):
    command = [sys.executable, str(ROOT / "run_all.py"), "--only", "06"]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 2
    assert "no notebook '06'" in answer.stderr


def test_check__says_what_would_run(tree, capsys):
    assert cli.main(["run", "--check", "--only", "05"]) == 0
    assert capsys.readouterr().out == "02_make: not run yet\n05_sums: not run yet\n"


def test_run__refuses_an_unknown_preset_before_any_kernel(tree, capsys):
    tree.write("02_make", "", parameters='preset: str = "study"  # the world', after=[])
    assert cli.main(["run", "--set", "02.preset=nul"]) == 2
    assert "no preset 'nul': did you mean 'null'?" in capsys.readouterr().err
    assert not (tree.root / "results").exists()


def test_write_report__builds_once_and_again_when_something_changed(tree, monkeypatch, capsys):
    built = []

    def build_report(folder):
        built.append(folder)
        (folder / "report.html").write_text("page", encoding="utf-8")
        return folder / "report.html"

    monkeypatch.setattr("cohabit.run.report.build_report", build_report)
    monkeypatch.chdir(tree.root)
    folder = RunFolder(tree.run_folder())
    folder.path.mkdir(parents=True)
    summary = {"notebooks": [], "seconds": 1.0, "profile": "study"}
    assert cli.run.write_report(folder, summary)
    assert cli.run.write_report(folder, {**summary, "seconds": 2.0})
    assert len(built) == 1
    assert capsys.readouterr().out == "report: results/study/report.html\n" * 2
    (folder.path / "report.html").write_text("half a", encoding="utf-8")
    assert cli.run.write_report(folder, summary)
    assert cli.run.write_report(folder, {**summary, "profile": "classroom"})
    assert len(built) == 3


def test_write_report__says_why_there_is_none(tree, monkeypatch, capsys):
    def build_report(folder):
        raise ValueError("no claims")

    monkeypatch.setattr("cohabit.run.report.build_report", build_report)
    assert not cli.run.write_report(RunFolder(tree.run_folder()), {"notebooks": []})
    assert "the report could not be built: ValueError: no claims" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--preset", "studdy"], "no preset 'studdy': did you mean 'study'?"),
        (["--set", "diseese=0"], "no dial 'diseese': did you mean 'disease'?"),
        (["--set", "disease=many"], "--set disease: expected a number, true or false; got 'many'"),
        (["--set", "disease"], "--set: expected DIAL=VALUE"),
        (["--set", "disease=-1"], "disease: expected 0 to 3"),
        (["--set", "strangers=3"], "strangers: expected true or false"),
        (["--pairs", "0"], "n_pairs: expected a whole number from 1; got 0"),
        (["--pairs", "2", "--without", "truht"], "no part 'truht': did you mean 'truth'?"),
    ],
)
def test_simulate__refuses_by_name(tree, capsys, arguments, words):
    assert cli.main(["simulate", "--out", str(tree.root / "made"), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tree.root / "made").exists()


def test_simulate__writes_the_cohort_that_was_asked_for(tree, capsys):
    sites = '{"Boston": 3, "Edinburgh": 2}'
    dials = ["--set", f"pairs_per_site={sites}", "--set", "disease=0", "--set", "strangers=true"]
    assert cli.main(["simulate", "--out", str(tree.root / "made"), "--seed", "7", *dials]) == 0
    manifest = json.loads((tree.root / "made" / "cohort.json").read_text(encoding="utf-8"))
    assert manifest["seed"] == 7
    assert manifest["design"]["pairs_per_site"] == {"Boston": 3, "Edinburgh": 2}
    assert manifest["design"]["disease"] == 0
    assert manifest["design"]["strangers"] is True
    people = (tree.root / "made" / "participants.tsv").read_text(encoding="utf-8")
    assert len(people.splitlines()) == 11


def test_simulate__writes_as_many_pairs_and_parts_as_were_asked_for(tree):
    made = tree.root / "made"
    assert cli.main(["simulate", "--out", str(made), "--pairs", "3", "--without", "16s,truth"]) == 0
    people = (made / "participants.tsv").read_text(encoding="utf-8")
    assert len(people.splitlines()) == 7
    assert not (made / "truth").exists()
    assert not (made / "16s.biom").exists()
    assert "16s" not in (made / "samples.tsv").read_text(encoding="utf-8")


def test_copy_notebooks__refreshes_copies_and_keeps_work(tree):
    source, lab = tree.root / "notebooks", tree.root / "lab"
    assert copy_notebooks(source, lab) == []
    assert sorted(path.name for path in lab.glob("*.ipynb")) == sorted(
        path.name for path in source.glob("*.ipynb")
    )
    (lab / "05_sums.ipynb").write_text("my work", encoding="utf-8")
    tree.write("05_sums", "new source")
    tree.write("07_fails", "new source")
    (kept,) = copy_notebooks(source, lab)
    assert "lab/05_sums.ipynb holds your work" in kept
    assert (lab / "05_sums.ipynb").read_text(encoding="utf-8") == "my work"
    assert (lab / "07_fails.ipynb").read_bytes() == (source / "07_fails.ipynb").read_bytes()


def test_lab__opens_jupyter_on_the_copies(tree, monkeypatch):
    started = []
    data = tree.root / "data" / "synthetic" / "study"
    data.mkdir(parents=True)
    (data / "cohort.json").touch()
    monkeypatch.setattr(os, "execv", lambda _, command: started.append(command))
    assert cli.main(["lab", "--", "--no-browser"]) == 0
    ((python, *options),) = started
    assert python == sys.executable
    assert options[:2] == ["-m", "jupyterlab"]
    assert options[-1] == "--no-browser"
    assert (tree.root / "lab" / "02_make.ipynb").is_file()
