import matplotlib.pyplot as plt
import pandas as pd
import pytest

from cohabit.run.results import OUTPUT_VARIABLE, estimate_row, open_run


@pytest.fixture
def run(tmp_path):
    return open_run(tmp_path / "run", notebook="07", seed=1)


def test_estimates__are_read_back_with_their_notebook(run):
    run.write_estimates(pd.DataFrame([estimate_row("07.a", 0.5, 0.1, 0.9, n=12)]))
    estimates = run.read_estimates()
    assert estimates.loc[0, ["claim_id", "notebook", "n"]].tolist() == ["07.a", "07", 12]


def test_estimates__refuse_a_claim_twice_and_a_strange_column(run):
    row = estimate_row("07.a", 0.5, 0.1, 0.9, n=12)
    with pytest.raises(ValueError, match="repeated.*07.a"):
        run.write_estimates(pd.DataFrame([row, row]))
    with pytest.raises(ValueError, match="planted"):
        run.write_estimates(pd.DataFrame([{**row, "planted": 1}]))


def test_read_estimates__of_an_empty_run_is_an_empty_table(run):
    assert run.read_estimates().empty


def test_write_figure__keeps_the_words_beside_the_picture(run):
    figure, ax = plt.subplots()
    ax.set(xlabel="Age (years)", yticks=[0, 1], yticklabels=["women", "men"])
    path = run.write_figure(figure, "slopes", alt="Lines that fall.")
    plt.close(figure)
    assert path.name == "07_slopes.png"
    words = path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    assert words == ["Lines that fall.", "Across: Age (years); rows: women, men."]
    with pytest.raises(ValueError, match="alternative text"):
        run.write_figure(figure, "slopes", alt=" ")


def test_open_run__writes_where_the_runner_says_and_reads_from_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv(OUTPUT_VARIABLE, str(tmp_path / "attempt"))
    run = open_run(tmp_path / "run", notebook="13", seed=1)
    path = run.write_scorecard(pd.DataFrame({"claim_id": ["05.a"]}), "claims")
    assert path == tmp_path / "attempt" / "claims.tsv"
    with pytest.raises(FileNotFoundError, match="run notebook 05"):
        run.read_table("05", "distances")


def test_read_table__finds_what_another_notebook_wrote(run, tmp_path):
    open_run(tmp_path / "run", notebook="05", seed=1).write_table(pd.DataFrame({"r2": [0.1]}), "r2")
    assert run.read_table("05", "r2").loc[0, "r2"] == 0.1
