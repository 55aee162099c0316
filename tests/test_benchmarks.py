"""The page of benchmarks: which modules measure, how rows become tables, what a machine is."""

import re
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def front(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("benchmarks.__main__")


def test_modules__are_those_that_measure(front):
    names = front.modules()
    assert "mixed" in names
    for name in names:
        assert callable(import_module(f"benchmarks.{name}").measure)
    assert not any(name.startswith("_") for name in names)


def test_page__has_a_table_for_every_name_and_a_column_for_every_fact(front):
    row = {"name": "one model", "peer": "lme4", "n": 1152, "n_features": 1000}
    row |= {"ours_seconds": 0.0612, "peer_seconds": 61.2, "ratio": 1000.0, "agrees": None}
    page = front.page({"mixed": [row, row | {"name": "by n", "further_fact": 2.5}]})
    assert "### one model\n\n| peer | n | features | cohabit (s) | peer (s) | ratio |" in page
    assert "| lme4 | 1,152 | 1,000 | 0.0612 | 61.2 | 1,000 |" in page
    assert page.count("largest difference") == 0
    assert "| further fact |" in page


def test_machine__names_versions_of_everything_compared(front):
    text = front.machine()
    assert re.search(r"\d+ cores, \d+ GB, load average \d+\.\d .*, Python 3\.\d+", text)
    assert "numpy" in text


def test_main__prints_what_is_named_and_reports_what_fails(front, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(front, "run", lambda name: asked.append(name) or [])
    monkeypatch.setattr(front, "PAGE", None)  # writing would fail
    assert front.main(["mixed"]) == 0
    assert asked == ["mixed"]
    assert "## mixed" in capsys.readouterr().out

    def fail(name):
        raise subprocess.CalledProcessError(1, name, stderr="no memory left")

    monkeypatch.setattr(front, "run", fail)
    assert front.main([]) == 1
    assert "mixed failed:\nno memory left" in capsys.readouterr().err


def test_write__draws_the_curves_and_shows_them(front, monkeypatch, tmp_path):
    monkeypatch.setattr(front, "PAGE", tmp_path / "benchmarks.md")
    row = {"name": "one model, by n", "peer": "lme4", "ours_seconds": 0.1, "peer_seconds": 9.0}
    front.write({"mixed": [row | {"n": n, "ratio": 90.0} for n in (100, 200)]})
    assert (tmp_path / "benchmarks.png").stat().st_size > 1000
    assert "(benchmarks.png)" in (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
