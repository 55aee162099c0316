import math

import IPython.display
import matplotlib
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cohabit.data.resolution import Resolution
from cohabit.run.results import ESTIMATE_COLUMNS, OUTPUT_VARIABLE, open_run


@pytest.fixture
def run(tmp_path):
    return open_run(tmp_path / "run", notebook="07", seed=1)


def test_estimates__are_read_back_with_their_notebook(run):
    run.estimate("07.a", 0.5, 0.1, 0.9, n=12)
    estimates = run.read_estimates()
    assert estimates.loc[0, ["claim_id", "notebook", "n"]].tolist() == ["07.a", "07", 12]


def test_estimate_table__takes_what_a_statistic_returns_and_refuses_less(run):
    row = {"claim_id": "07.a", "estimate": 0.5, "low": 0.1, "high": 0.9, "n_pairs": 12, "df": 3.0}
    run.estimate_table(pd.DataFrame([row]))
    assert list(run.estimates) == list(ESTIMATE_COLUMNS)
    assert run.estimates.loc[0, ["n", "note"]].tolist() == [12, ""]
    with pytest.raises(ValueError, match="repeated.*07.a"):
        run.estimate_table(pd.DataFrame([row, row]))
    with pytest.raises(ValueError, match="high are missing"):
        run.estimate_table(pd.DataFrame([row]).drop(columns="high"))


def test_estimate__again_takes_the_place_of_the_first(run):
    for estimate in (0.5, 0.6):
        run.estimate("07.b", 0.0, -0.1, 0.1, n=9)
        run.estimate("07.a", estimate, 0.1, 0.9, n=12)
    assert run.read_estimates()["estimate"].tolist() == [0.0, 0.6]


def test_estimate_claims__finds_the_claims_one_name_below_the_prefix(run):
    features = ["smoking", "allergies"]
    results = pd.DataFrame({"feature": features, "estimate": 1.5, "low": 1.2, "high": 1.9})
    results = results.assign(p_value=0.01, n=100, note="")
    found = run.estimate_claims(results, "01c.")
    assert not found["claim_id"].str.startswith("01c.asked.").any()
    assert found.set_index("claim_id").loc["01c.allergies", "estimate"] == 1.5
    assert run.estimate_claims(results, "01c.asked.")["note"].eq("not in this cohort").any()


def test_estimates__of_species_stay_empty_where_the_features_are_none(run):
    counts = pd.DataFrame({"Blautia": [3, 4]})
    genera = Resolution(counts, "16s", "genus", pd.DataFrame(index=counts.columns))
    run.estimate("07.untreated.blautia_obeum", 0.5, 0.1, 0.9, n=12, resolution=genera)
    (row,) = run.read_estimates().itertuples()
    assert (math.isnan(row.estimate), row.n) == (True, 0)
    assert "not testable on genera" in row.note


def test_read_estimates__of_an_empty_run_is_an_empty_table(run):
    assert run.read_estimates().empty


def test_write_figure__keeps_the_words_beside_the_picture(run):
    figure, ax = plt.subplots()
    ax.set(xlabel="Age (years)", yticks=[0, 1], yticklabels=["women", "men"])
    path = run.write_figure(figure, "ages", alt="A diagram of ages.")
    plt.close(figure)
    assert path.name == "07_ages.png"
    words = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert words == "A diagram of ages. Across: Age (years); rows from the top: men; women.\n"


@pytest.fixture
def shown(monkeypatch):
    """What a cell shows, where cells show figures."""
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "inline")
    pictures = []
    monkeypatch.setattr(IPython.display, "display", pictures.append)
    return pictures


def test_write_figure__writes_vectors_too_when_asked(run, monkeypatch):
    figure, ax = plt.subplots()
    ax.plot([1, 2], label="a line")
    assert not run.write_figure(figure, "plain").with_suffix(".svg").exists()
    monkeypatch.setenv("COHABIT_FIGURES", "pdf,svg")
    path = run.write_figure(figure, "vector")
    svg, pdf = (path.with_suffix(f".{kind}").read_bytes() for kind in ("svg", "pdf"))
    assert b"<text" not in svg
    assert b"/FontFile2" in pdf
    again = run.write_figure(figure, "again")
    assert again.with_suffix(".svg").read_bytes() == svg
    plt.close(figure)


def test_write_figure__shows_the_saved_picture_once_at_the_size_of_the_figure(run, shown):
    figure, ax = plt.subplots(figsize=(6, 3), dpi=110)
    ax.set(xlabel="Age (years)")
    path = run.write_figure(figure, "slopes")
    (picture,) = shown
    assert picture.data == path.read_bytes()
    assert (picture.width, picture.height) == (660, 330)
    assert picture.alt == "Across: Age (years)."
    assert not plt.fignum_exists(figure.number), "the end of the cell would show it again"


def test_write_figure__leaves_a_figure_to_who_shows_it_elsewhere(run, shown):
    figure = Figure()
    figure.subplots()
    run.write_figure(figure, "slopes")
    assert shown == []


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
