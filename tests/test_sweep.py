"""Sweeps: what a file asks for, one folder a setting, failures reported and resumed."""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from tiny_tree import FakeWorkers

from cohabit import cli
from cohabit.figures.judgement import draw_claim_by_group
from cohabit.run import execution
from cohabit.run.folder import RunFolder
from cohabit.run.plan import Plan, Request, make_plan
from cohabit.run.report import sweep as sweep_report
from cohabit.run.report.page import render_page

GRID = """question = "how many?"
profile = "study"
notebooks = ["02", "05", "07"]

[grid]
05.n = [1, 2]
02.seed = { from = 1, to = 3 }
"""


def write(tree, text, name="try"):
    (tree.root / "sweeps").mkdir(exist_ok=True)
    (tree.root / "sweeps" / f"{name}.toml").write_text(text, encoding="utf-8")


def plan_sweep(reference) -> Plan:
    return make_plan(Request(sweep=reference))


@pytest.fixture
def run(tree, monkeypatch):
    """Run a sweep of the tree without kernels; returns the exit code and how many tasks ran."""
    monkeypatch.setenv("COHABIT_OUTPUT_DIR", "")

    def run(*arguments):
        fake = FakeWorkers()
        monkeypatch.setattr(execution, "Workers", lambda *_, **__: fake)
        return cli.main(["run", "--sweep", "try", *arguments]), len(fake.ran)

    return run


def test_make_plan__combines_the_grid(tree):
    write(tree, GRID)
    found = plan_sweep("try")
    assert [setting.name for setting in found.settings] == [
        f"05.n-{n}_02.seed-{seed}" for n in (1, 2) for seed in (1, 2, 3)
    ]
    last = found.settings[-1]
    assert last.values == {"05.n": 2, "02.seed": 3}
    assert last.parameters["05"] == {"seed": 1, "n": 2}
    assert last.parameters["02"] == {"seed": 3}
    assert set(last.notebooks) == {"02", "05", "07"}


def test_make_plan__combines_a_list_with_the_grid(tree):
    text = '[[settings]]\n"05.n" = 4\n[[settings]]\n"05.n" = 9\n[grid]\nseed = [7, 8]\n'
    write(tree, f'profile = "study"\n{text}')
    found = plan_sweep("sweeps/try.toml")
    assert [dict(setting.values) for setting in found.settings] == [
        {"05.n": n, "seed": seed} for n in (4, 9) for seed in (7, 8)
    ]
    assert found.settings[0].parameters["07"]["seed"] == 7
    assert set(found.settings[0].notebooks) == {"02", "05", "07", "13"}


def test_make_plan__the_last_notebook_waits_for_those_chosen_alone(tree):
    write(tree, 'profile = "study"\nnotebooks = ["05", "13"]\n[grid]\nseed = [1]\n')
    needs = plan_sweep("try").settings[0].needs
    assert needs == {"02": frozenset(), "05": {"02"}, "13": {"02", "05"}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected [grid] or [[settings]]"),
        ("seeds = 3", "no key 'seeds'"),
        ("[grid", "try.toml: "),
        ("[grid]\n05.m = [1]", "notebook 05_sums has no parameter 'm'"),
        ("[grid]\n05.n = [1, 11]", "05.n: expected int, 1 to 10"),
        ("[grid]\n5_sum.n = [1]", "no notebook '5_sum': did you mean '05_sums'?"),
        ("[grid]\nn = [1]", "expected `seed` or `NB.name`"),
        ("[grid]\n05.n = 3", "expected 05.n = [...] or {from = 1, to = 9}; got 3"),
        ("[grid]\n05.n = {from = 1, to = 2.5}", "expected 05.n = [...]"),
        ("[grid]\n05.n = [1, 1]", "the same setting twice: 05.n-1"),
        ("[[settings]]\n05.n = 1\n[[settings]]\nseed = 1", "gives the same keys"),
        ("[grid]\n02.seed = {from = 0, to = 99}\n05.seed = {from = 0, to = 1000}", "more than"),
        ('profile = "stdy"\n[grid]\nseed = [1]', "no profile 'stdy'"),
    ],
)
def test_make_plan__refuses_by_name(tree, text, words):
    write(tree, text if "profile" in text else f'profile = "study"\n{text}')
    with pytest.raises(ValueError, match=re.escape(words)):
        plan_sweep("try")


def test_sweep__unknown_or_with_options_of_a_single_run_is_refused(tree, run, capsys):
    write(tree, GRID, "tried")
    assert run() == (2, 0)
    assert "no sweep 'try': did you mean 'tried'?" in capsys.readouterr().err
    write(tree, GRID)
    assert run("--seed", "3") == (2, 0)
    assert "--sweep: --seed is for single runs" in capsys.readouterr().err


def test_sweep__leaves_a_folder_a_setting_and_one_report(tree, run, capsys):
    write(tree, GRID)
    assert run() == (0, 18)
    folder = tree.root / "results" / "sweeps" / "try"
    text = (folder / "05.n-2_02.seed-3" / "tables" / "05_sums.tsv").read_text()
    assert text == "person 3\n" * 2
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "how many?" in page
    assert "Every notebook of every setting finished." in page
    table = pd.read_csv(folder / "settings.tsv", sep="\t")
    assert len(table) == 18
    assert set(table["status"]) == {"done"}
    assert json.loads((folder / "05.n-1_02.seed-1" / "run.json").read_text())["seed"] is None
    assert "[18 of 18: 18 done]" in capsys.readouterr().out
    assert run() == (0, 0)
    assert "[18 of 18: 18 unchanged]" in capsys.readouterr().out
    write(tree, GRID.replace("to = 3", "to = 4"))
    assert run() == (0, 6)
    (folder / "report.html").unlink()
    assert cli.main(["report", "sweeps/try"]) == 0
    assert "how many?" in (folder / "report.html").read_text(encoding="utf-8")


def test_sweep__reports_failures_and_resumes_them_alone(tree, run, capsys):
    fails = 'assert seed != 2 or (Path(os.environ["COHABIT_ROOT"]) / "healed").exists(), "planted"'
    tree.write("07_fails", fails)
    write(tree, GRID.replace("02.seed", "07.seed"))
    assert run() == (1, 18)
    told = capsys.readouterr()
    assert "05.n-1_07.seed-2 07_fails failed: AssertionError: planted" in told.err
    assert "2 setting(s) did not finish" in told.err
    page = (tree.root / "results/sweeps/try/report.html").read_text(encoding="utf-8")
    assert "2 of 6 settings did not finish" in page
    assert "AssertionError: planted" in page
    (tree.root / "healed").touch()
    assert run() == (0, 2)
    page = (tree.root / "results/sweeps/try/report.html").read_text(encoding="utf-8")
    assert "did not finish</strong>" not in page


def test_sweep__is_checked_and_forced_like_a_run(tree, run, capsys):
    write(tree, 'profile = "study"\nnotebooks = ["05"]\n[grid]\n05.n = [1, 2]\n')
    assert run("--sweep", "try", "--check") == (0, 0)
    assert capsys.readouterr().out.count("not run yet") == 4
    assert run("--sweep", "try") == (0, 4)
    assert run("--sweep", "try") == (0, 0)
    assert run("--sweep", "try", "--force") == (0, 2)  # those chosen, not what they need


def test_sweep__is_refused_while_another_process_writes_it(tree, run, capsys):
    write(tree, GRID)
    with RunFolder(tree.root / "results/sweeps/try").locked():
        assert run() == (1, 0)
    assert "is being written by process" in capsys.readouterr().err


def make_claims(verdicts, **about):
    rows = {"claim_id": "07.x", "statement": "<b>X</b> rises", "quantity": "d", "unit": "SD"}
    rows |= {"published": "up", "estimate": 0.5, "low": 0.1, "high": 0.9, "p_value": 0.01, "n": 30}
    rows |= {"planted": 0.4, "region_low": 0.0, "region_high": float("inf"), "true_here": True}
    return pd.DataFrame([{**rows, "verdict": verdict, **about} for verdict in verdicts])


def test_compare_claims__counts_verdicts_by_group_and_puts_the_restless_first():
    calm = make_claims(["agrees"] * 4).assign(claim_id="07.calm", group=["a", "a", "b", "b"])
    torn = make_claims(["agrees", "agrees", "disagrees", "cannot tell"]).assign(
        group=["a", "a", "b", "b"]
    )
    rows = sweep_report.compare_claims(pd.concat([calm, torn]), ["a", "b", "c"])
    assert [row["claim_id"] for row in rows] == ["07.x", "07.calm"]
    cells = [[(part["verdict"], part["count"]) for part in cell] for cell in rows[0]["cells"]]
    assert cells == [[("agrees", 2)], [("disagrees", 1), ("cannot tell", 1)], []]
    assert rows[0]["changes"] == 1
    assert rows[1]["changes"] == 0
    found = sweep_report.find_headline(rows, ["a", "b", "c"])
    assert (found["number"], found["promise"]) == ("1 of 2", "The most: <b>X</b> rises.")


def test_describe_sweep__leaves_other_peoples_html_inert():
    runs = make_claims(["agrees", "disagrees"]).assign(group="all settings", setting="a")
    error = {"message": "m", "cell": 2, "source": "<script>1</script>"}
    row = {"number": "07", "title": "07 · T", "status": "failed", "reason": "<i>", "error": error}
    row |= {"reused": False, "seconds": 1.0, "memory_mb": 9}
    setting = {"name": "a", "values": {"seed": 1}, "simulated": True, "notebooks": [row]}
    summary = {"sweep": "<u>", "question": "<q>", "profile": "p", "axes": {"seed": "luck"}}
    summary |= {"finished": "2026-01-01T00:00:00+00:00", "settings": [setting], "seconds": 1}
    told = sweep_report.describe_settings(summary)
    page = render_page("sweep.html", **sweep_report.describe_sweep(summary, told, runs))
    assert not re.search("<(b|script|i|u|q)>", page)
    assert "&lt;b&gt;X&lt;/b&gt; rises" in page
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)
    assert "not about people" in page


def test_name_group__leaves_seeds_out():
    assert sweep_report.name_group({"02.pairs": 0.3, "02.seed": 4}) == "0.3"
    assert sweep_report.name_group({"seed": 4}) == "all settings"
    assert sweep_report.name_group({"02.pairs": 0.3, "02.disease": 2}) == "pairs 0.3, disease 2"


def test_shipped_sweeps__are_right():
    for name in ("pairs", "worlds", "luck"):
        found = plan_sweep(name)
        assert found.question.endswith("?")
        assert 2 <= len(found.settings) <= 60


def test_sweep_in_the_docs__is_right(tree):
    page = (Path(__file__).parents[1] / "docs" / "running.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (text,) = [block for block in blocks if "[grid]" in block]
    parameters = 'preset: str = "study"  # world\npairs: float = 1.0  # size; 0.02 to 3'
    tree.write("02_make", "", parameters=parameters, after=[])
    tree.write("04_alpha", "")
    (tree.root / "config" / "classroom.toml").touch()
    write(tree, text)
    assert len(plan_sweep("try").settings) == 2 * 3 * 20


def test_draw_claim_by_group__places_runs_in_their_group_and_shades_the_region():
    runs = make_claims(["agrees", "agrees", "cannot tell"]).assign(group=["a", "a", "b"])
    _, ax = plt.subplots()
    draw_claim_by_group(runs, ["a", "b", "c"], ax=ax)
    places = np.concatenate([each.get_offsets()[:, 0] for each in ax.collections if marks(each)])
    assert np.round(places).tolist() == [0, 0, 1]
    assert len(set(places)) == 3
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    (region,) = ax.patches
    assert region.get_y() == 0
    assert ax.get_ylim()[1] == pytest.approx(region.get_y() + region.get_height())
    plt.close("all")


def marks(collection) -> bool:
    """Whether a collection holds estimates: not intervals, not what was planted."""
    return isinstance(collection, PathCollection) and collection.get_zorder() < 4
