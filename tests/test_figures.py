"""Figures: what stands on the axes, never its pixels."""

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from figure_words import labels, legend
from matplotlib.colors import to_hex

from cohabit import figures
from cohabit.data import schema
from cohabit.figures import style
from cohabit.figures.words import rename_cases


def effects(n: int = 4) -> pd.DataFrame:
    estimate = np.linspace(-0.2, 0.3, n)
    return pd.DataFrame(
        {
            "feature": [f"Genus species_{number}" for number in range(n)],
            "estimate": estimate,
            "low": estimate - 0.1,
            "high": estimate + 0.1,
            "q_value": [0.01, *[0.5] * (n - 1)],
        }
    )


def points(ax) -> int:
    return sum(len(collection.get_offsets()) for collection in ax.collections)


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_palette__has_a_colour_for_every_level_that_meets_another():
    assert set(style.GROUP_COLOURS) == set(schema.GROUPS)
    assert set(style.SITE_COLOURS) == set(schema.SITE_COUNTRY)
    assert set(style.COUNTRY_COLOURS) == set(schema.SITE_COUNTRY.values())
    assert len(set(style.SITE_MARKERS.values())) == len(style.SITE_COLOURS)
    assert len(set(style.VERDICT_MARKERS.values())) == 3
    for palette in (style.GROUP_COLOURS, style.SITE_COLOURS, style.VERDICT_COLOURS):
        assert len(set(palette.values())) == len(palette)
        assert max(map(luminance, palette.values())) < 0.8, "too pale on white"


def test_colours__stand_in_the_style_alone():
    package = Path(style.__file__).parents[1]
    others = [path for path in package.rglob("*.py") if path != Path(style.__file__)]
    colour = re.compile(r"[\"']#[0-9A-Fa-f]{3,8}[\"']")
    assert not [path.name for path in others if colour.search(path.read_text(encoding="utf-8"))]


def test_colours_for__keeps_the_known_and_gives_others_their_own():
    colours = figures.colours_for(["MS", "x", "y"])
    assert colours["MS"] == style.GROUP_COLOURS["MS"]
    assert len(set(colours.values())) == 3


def test_draw_pairs__counts_pairs_by_kind_on_equal_axes(ax):
    pairs = pd.DataFrame({"MS": [30.0, 50, 60], "control": [33.0, 49, 20]})
    pairs = pairs.rename_axis(columns="age (years)").assign(opposite_sex=[True, True, False])
    pairs.columns.name = "age (years)"
    figures.draw_pairs(pairs, ax=ax)
    assert legend(ax) == ["woman and man (2)", "same sex (1)"]
    assert ax.get_xlim() == ax.get_ylim() == (18, 62)
    assert ax.get_ylabel() == "Patient: age (years)"


def test_draw_counts__prints_counts_and_colours_shares(ax):
    counts = pd.DataFrame({"untreated": [8, 1], "anti_cd20": [2, 1]}, index=["Boston", "New York"])
    figures.draw_counts(counts, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["8", "2", "1", "1"]
    np.testing.assert_allclose(ax.collections[0].get_array().ravel(), [0.8, 0.2, 0.5, 0.5])
    assert labels(ax.xaxis) == ["untreated", "anti-CD20"]
    assert labels(ax.yaxis) == ["Boston", "New York"]


def test_draw_correlations__is_centred_on_zero(ax):
    table = pd.DataFrame([[1, -0.5], [-0.5, 1]], index=["edss", "age"], columns=["edss", "age"])
    figures.draw_correlations(table, ax=ax)
    assert ax.collections[0].get_clim() == (-1, 1)
    assert labels(ax.xaxis) == ["EDSS", "age"]


def test_draw_shared__marks_only_what_was_published(ax):
    shared = pd.DataFrame(
        {
            "trait": ["age", "bmi"],
            "estimate": [0.8, 0.3],
            "low": [0.7, 0.2],
            "high": [0.9, 0.4],
            "published": [0.85, np.nan],
        }
    )
    figures.draw_shared(shared, ax=ax)
    assert labels(ax.yaxis) == ["age", "BMI"]
    assert legend(ax) == ["released study"]


def test_draw_depth__has_a_log_axis_and_the_sites_of_the_data(ax):
    depth = pd.DataFrame({"site": ["Edinburgh", "Boston"] * 5, "depth": np.geomspace(1e4, 1e6, 10)})
    figures.draw_depth(depth, ax=ax)
    assert ax.get_xscale() == "log"
    assert labels(ax.yaxis) == ["Boston", "Edinburgh"]


@pytest.mark.parametrize(("lowest", "most"), [(30_000, 6), (5_000, 6), (17, 7)])
def test_draw_depth__writes_round_numbers_that_stand_apart(ax, lowest, most):
    depth = pd.DataFrame({"site": "one site", "depth": np.geomspace(lowest, 600_000, 40)})
    figures.draw_depth(depth, ax=ax)
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    written = [t for t in ax.xaxis.get_ticklabels(which="both") if t.get_text()]
    written = [t for t in written if low <= t.get_position()[0] <= high]
    boxes = sorted((t.get_window_extent().x0, t.get_window_extent().x1) for t in written)
    assert 2 <= len(boxes) <= most
    assert all(right < left for (_, right), (left, _) in zip(boxes, boxes[1:], strict=False))


def test_draw_prevalence__leaves_out_what_was_never_seen(ax):
    features = pd.DataFrame({"mean_abundance": [0.1, 0.01, 0], "prevalence": [1, 0.5, 0]})
    figures.draw_prevalence(features, ax=ax)
    assert points(ax) == 2
    assert ax.get_xscale() == "log"


def test_draw_ordination__draws_everyone_and_one_mean_a_level(ax):
    index = [f"p{number}" for number in range(6)]
    points_on_map = pd.DataFrame(np.arange(12.0).reshape(6, 2), index=index, columns=["PC1", "PC2"])
    site = pd.Series(["Boston", "Edinburgh", "Boston"] * 2, index=index).iloc[::-1]
    figures.draw_ordination(points_on_map, pd.Series([0.25, 0.125]), site, ax=ax)
    assert points(ax) == 6 + 2
    assert legend(ax) == ["Boston (4)", "Edinburgh (2)"]
    assert ax.get_xlabel() == "First axis (25.0%)"
    mean = points_on_map[site.reindex(index).eq("Edinburgh").to_numpy()].mean()
    assert any(np.allclose(c.get_offsets(), mean) for c in ax.collections)


def test_draw_distances__puts_the_first_row_on_top(ax):
    table = pd.DataFrame(
        {
            "comparison": ["same household", "other site"],
            "mean": [0.3, 0.4],
            "low": [0.2, 0.3],
            "high": [0.4, 0.5],
        }
    )
    figures.draw_distances(table, ax=ax)
    assert dict(zip(labels(ax.yaxis), ax.get_yticks(), strict=True)) == {
        "same household": 1,
        "other site": 0,
    }


def test_draw_r2__draws_percent_with_intervals(ax):
    terms = pd.DataFrame({"term": ["site", "age"], "r2": [0.05, 0.01], "published": [0.06, np.nan]})
    figures.draw_r2(terms.assign(low=[0.04, 0.0], high=[0.06, 0.02]), ax=ax)
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([5, 1])
    assert "%" in ax.get_xlabel()


def test_draw_forest__fills_what_passes_and_colours_by_direction(ax):
    table = effects()
    figures.draw_forest(table, ax=ax, label="difference")
    marks = ax.collections[-1]
    faces = [to_hex(colour) for colour in marks.get_facecolors()]
    edges = [to_hex(colour) for colour in marks.get_edgecolors()]
    assert faces == [style.DOWN.lower(), "#ffffff", "#ffffff", "#ffffff"]
    assert edges == [style.DOWN.lower()] * 2 + [style.UP.lower()] * 2
    assert labels(ax.yaxis) == table["feature"].tolist()
    assert {label.get_fontstyle() for label in ax.get_yticklabels()} == {"italic"}


def test_draw_forest_by__keeps_effects_of_one_feature_together_and_apart(ax):
    table = pd.concat([effects().assign(by="first"), effects(3).assign(by="second")])
    figures.draw_forest_by(table, "by", ax=ax, label="difference")
    assert legend(ax) == ["first", "second"]
    marks = [c.get_offsets()[:, 1] for c in ax.collections if c.get_label() in legend(ax)]
    assert [len(rows) for rows in marks] == [4, 3]
    assert (marks[0][:3] > marks[1]).all()
    assert np.abs(marks[0][:3] - marks[1]).max() < 0.5


def test_draw_agreement__counts_who_calls_what(ax):
    table = pd.DataFrame(
        {
            "one": [5.0, 4, 0, 1],
            "two": [4.0, 1, -3, 0],
            "found": ["both", "one", "two", "neither"],
        }
    )
    figures.draw_agreement(table, ax=ax)
    assert legend(ax) == ["neither (1)", "only one (1)", "only two (1)", "both (1)"]
    assert ax.get_xlim() == ax.get_ylim()
    assert ax.get_xlim()[1] > 5


@pytest.mark.parametrize("lenient", [True, False])
def test_draw_hits__shows_the_lenient_rule_where_it_was_tried(ax, lenient):
    hits = pd.DataFrame({"analysis": ["a", "b"], "nominal": [9, 3], "expected": [5.0, 5], "fdr": 1})
    figures.draw_hits(hits.assign(lenient=4) if lenient else hits, ax=ax)
    assert ("lenient rule" in legend(ax)) is lenient
    assert len([c for c in ax.collections if c.get_label() in legend(ax)]) == (4 if lenient else 3)


def test_draw_power__has_one_line_a_number_of_pairs(ax):
    power = pd.DataFrame({"n_pairs": [20, 20, 500, 500], "effect": [0, 1] * 2, "power": [0, 1] * 2})
    figures.draw_power(power, ax=ax)
    assert legend(ax) == ["20 pairs", "500 pairs"]


def test_draw_claims__gives_each_row_its_own_scale_and_keeps_open_regions_inside(ax):
    claims = pd.DataFrame(
        {
            "label": ["small", "large", "failed"],
            "estimate": [0.01, -50, np.nan],
            "low": [0.005, -80, np.nan],
            "high": [0.02, 10, np.nan],
            "planted": [0.012, np.nan, 0.1],
            "region_low": [0, -np.inf, 0],
            "region_high": [np.inf, 0, np.inf],
            "verdict": ["agrees", "cannot tell", "cannot tell"],
        }
    )
    figures.draw_claims(claims, ax=ax)
    assert labels(ax.yaxis) == ["small", "large", "failed"]
    assert ax.get_xlim() == (-1.15, 1.15)
    assert all(bar.get_x() >= -1.15 and bar.get_width() <= 1.15 for bar in ax.patches)
    assert {"agrees", "cannot tell", "planted", "region of the claim"} == set(legend(ax))


def test_draw_recovery__sorts_features_into_four_kinds(ax):
    table = pd.DataFrame(
        {
            "planted": [0.5, -0.2, 0.0, 0.0],
            "estimate": [0.6, -0.1, 0.4, 0.1],
            "q_value": [0.01, 0.5, 0.01, 0.9],
            "active": [True, True, False, False],
        }
    )
    figures.draw_recovery(table, ax=ax)
    assert legend(ax) == ["found (1)", "missed (1)", "invented (1)", "rightly not called (1)"]
    assert ax.get_xlim() == ax.get_ylim()


def test_draw_scores__draws_percent_and_skips_what_a_method_lacks(ax):
    scores = pd.DataFrame(
        {"method": ["a", "b"], "sensitivity": [0.5, 0.1], "coverage": [0.9, np.nan]}
    )
    figures.draw_scores(scores, ax=ax)
    assert legend(ax) == ["sensitivity", "coverage"]
    assert ax.collections[0].get_offsets()[0][0] == pytest.approx(50)


def test_every_figure__is_tested():
    tests = sorted(Path(__file__).parent.glob("test_figures*.py"))
    text = "".join(path.read_text(encoding="utf-8") for path in tests)
    drawn = sorted(name for name in vars(figures) if name.startswith("draw_"))
    assert [name for name in drawn if f"{name}(" not in text] == []


def test_draw_equivalence__shades_the_band_and_tells_verdicts_by_shape(ax):
    rows = effects(3).assign(label=list("abc"), verdict=["agrees", "cannot tell", "agrees"])
    figures.draw_equivalence(rows, (-0.15, 0.15), ax=ax, label="difference")
    assert legend(ax) == ["counts as no difference", "agrees", "cannot tell"]
    assert labels(ax.yaxis) == ["a", "b", "c"]
    assert points(ax) >= 3


def test_draw_by_site__keeps_the_house_order_and_leaves_out_missing_values(ax):
    values = pd.DataFrame(
        {
            "site": ["Edinburgh", "Boston"] * 10 + ["Nowhere"],
            "group": ["MS", "MS", "control", "control"] * 5 + ["MS"],
            "value": [*np.linspace(0, 1, 20), np.nan],
        }
    )
    figures.draw_by_site(values, ax=ax)
    assert labels(ax.yaxis) == ["Boston", "Edinburgh"]
    assert legend(ax) == ["control", "MS"]


def test_draw_replication__counts_the_called_and_draws_what_is_left(ax):
    batches = pd.DataFrame(
        {"first": [0.4, -0.4, 0.1], "second": [0.2, -0.2, 0.3], "called": [True, True, False]}
    )
    figures.draw_replication(batches, ax=ax)
    assert legend(ax)[:2] == ["not called (1)", "called in the first batch (2)"]
    assert legend(ax)[-1] == "0.50 of it left"


def test_draw_scorecard__counts_what_passes_and_keeps_the_far_in_sight(ax):
    card = pd.DataFrame(
        {
            "block": ["diet", "diet", "distances"],
            "value": [1.0, 90.0, 2.0],
            "real_value": [1.1, 1.0, 2.0],
            "tolerance": [0.2, 0.1, 0.1],
            "origin": ["fed", "emergent", "emergent"],
            "passes": [True, False, True],
        }
    )
    figures.draw_scorecard(card, ax=ax)
    assert "emergent, outside (1)" in legend(ax)
    assert labels(ax.yaxis) == ["diet", "distances"]
    assert max(c.get_offsets()[:, 0].max() for c in ax.collections if len(c.get_offsets())) <= 3


def test_draw_pairs_ordination__joins_the_people_of_a_home(ax):
    ids = [f"p{number}" for number in range(6)]
    places = pd.DataFrame(np.arange(12.0).reshape(6, 2) ** 1.5, index=ids, columns=["PC1", "PC2"])
    people = pd.DataFrame({"household_id": list("aabbcc"), "group": ["MS", "control"] * 3}, ids)
    figures.draw_pairs_ordination(places, pd.Series([0.3, 0.2]), people.iloc[::-1], ax=ax)
    lines = ax.collections[0].get_segments()
    np.testing.assert_allclose([line[0] for line in lines[::2]], [line[0] for line in lines[1::2]])
    np.testing.assert_allclose([line[1] for line in lines], places)
    assert legend(ax) == ["control (3)", "MS (3)"]


def test_draw_ordination__tells_22_sites_apart_by_colour_and_shape(ax):
    sites = [f"Town {number:02d}" for number in range(22)]
    ids = [f"p{number}" for number in range(44)]
    places = pd.DataFrame(np.random.default_rng(1).normal(size=(44, 2)), ids, ["PC1", "PC2"])
    site = pd.Series(sites * 2, ids)
    figures.draw_ordination(places, pd.Series([0.3, 0.2]), site, ax=ax)
    assert len(legend(ax)) == 22
    colours, markers = style.colours_for(sites), style.markers_for(sites)
    assert len({(colours[name], markers[name]) for name in sites}) == 22
    ax.figure.canvas.draw()
    box = ax.get_legend().get_window_extent()
    assert box.y0 >= 0, "the key is not cut off"


def test_rename_cases__reaches_labels_ticks_and_legends(ax):
    ax.plot([0, 1], label="MS, treated")
    ax.set(xlabel="MS minus control", title="MSSS stays")
    ax.set_xticks([0, 1], ["MS", "control"])
    ax.legend()
    rename_cases(ax.figure, "epilepsy")
    ax.figure.canvas.draw()
    assert legend(ax) == ["epilepsy, treated"]
    assert labels(ax.xaxis) == ["epilepsy", "control"]
    assert ax.get_xlabel() == "epilepsy minus control"
    assert ax.get_title() + ax.get_title("left") == "MSSS stays"
