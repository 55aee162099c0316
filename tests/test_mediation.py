"""Mediation by two regressions: closed forms, statsmodels, and power by repetition."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from cohabit.stats.mediation import (
    PATHS,
    fit_mediation,
    people_needed,
    power_of_mediation,
    slopes_per_person,
)


def draw(n: int, a: float = 0.4, b: float = 0.3, direct: float = 0.2, seed: int = 1):
    rng = np.random.default_rng(seed)
    site = rng.choice(["here", "there"], n)
    x = rng.standard_normal(n) + (site == "there")
    m = a * x + 0.5 * (site == "there") + rng.standard_normal(n)
    y = direct * x + b * m - 0.5 * (site == "there") + rng.standard_normal(n)
    return pd.DataFrame({"x": x, "m": m, "y": y, "site": site})


def test_paths__are_those_of_statsmodels():
    data = draw(300)
    table = fit_mediation(data, "x", "m", "y", "site", n_bootstrap=20, rng=1).set_index("path")
    first = smf.ols("m ~ x + site", data).fit()
    second = smf.ols("y ~ m + x + site", data).fit()
    whole = smf.ols("y ~ x + site", data).fit()
    expected = {
        "exposure to mediator": (first, "x"),
        "mediator to outcome": (second, "m"),
        "direct": (second, "x"),
        "total": (whole, "x"),
    }
    for path, (fit, name) in expected.items():
        assert table.loc[path, "estimate"] == pytest.approx(fit.params[name], rel=1e-9)
        assert table.loc[path, "p_value"] == pytest.approx(fit.pvalues[name], rel=1e-6)
    assert tuple(table.index) == PATHS


def test_indirect_and_direct__add_up_to_the_total():
    table = fit_mediation(draw(80), "x", "m", "y", "site", n_bootstrap=20, rng=1)
    paths = table.set_index("path")["estimate"]
    assert paths["indirect"] + paths["direct"] == pytest.approx(paths["total"], abs=1e-12)


def test_bootstrap__has_the_errors_of_large_samples():
    table = fit_mediation(draw(2000), "x", "m", "y", "site", n_bootstrap=999, rng=1)
    table = table.set_index("path")
    first = smf.ols("m ~ x + site", draw(2000)).fit()
    second = smf.ols("y ~ m + x + site", draw(2000)).fit()
    a, b = first.params["x"], second.params["m"]
    sobel = np.hypot(a * second.bse["m"], b * first.bse["x"])
    assert table.loc["indirect", "std_error"] == pytest.approx(sobel, rel=0.1)
    assert table.loc["exposure to mediator", "std_error"] == pytest.approx(first.bse["x"], rel=0.1)
    assert table.loc["indirect", "low"] < a * b < table.loc["indirect", "high"]


def test_nothing_mediated__is_seldom_found():
    found = [
        fit_mediation(draw(60, a=0.0, b=0.0, seed=s), "x", "m", "y", n_bootstrap=99, rng=s)
        for s in range(40)
    ]
    p_values = pd.concat(found).query("path == 'indirect'")["p_value"]
    assert (p_values <= 0.05).sum() <= 4


def test_missing_value__is_refused_by_row():
    data = draw(30)
    data.loc[7, "m"] = np.nan
    with pytest.raises(ValueError, match="7"):
        fit_mediation(data, "x", "m", "y", n_bootstrap=9)


def test_mediator_that_is_the_exposure__has_no_number():
    with pytest.raises(ValueError, match="no estimate"):
        fit_mediation(draw(30).assign(m=lambda d: d["x"]), "x", "m", "y", n_bootstrap=9)


def test_power__is_how_often_both_slopes_are_significant():
    first, second, n = 0.2, 0.25, 120
    rng = np.random.default_rng(3)
    z = rng.standard_normal((20_000, 2)) + np.sqrt(n) * np.array([first, second])
    both = (np.abs(z) > 1.959964).all(axis=1).mean()
    assert power_of_mediation([n], first, second)["power"][0] == pytest.approx(both, abs=0.012)


def test_people_needed__reach_the_power():
    n = people_needed(0.03, -0.1)
    reached = power_of_mediation([n - 1, n], 0.03, -0.1)["power"]
    assert reached[0] < 0.8 <= reached[1]
    assert n == pytest.approx((1.959964 + 0.841621) ** 2 / 0.03**2, rel=0.01)
    assert people_needed(0.0, 0.1) == np.inf


def test_slopes_per_person__do_not_depend_on_the_size_of_the_study():
    fits = [
        fit_mediation(draw(n), "x", "m", "y", "site", n_bootstrap=1999, rng=1) for n in (400, 4000)
    ]
    small, large = (slopes_per_person(fit, first=0.4, second=0.3) for fit in fits)
    assert small == pytest.approx(large, rel=0.15)
    own = slopes_per_person(fits[1])
    assert own[0] * np.sqrt(4000) == pytest.approx(
        fits[1]["estimate"][0] / fits[1]["std_error"][0], rel=1e-9
    )
