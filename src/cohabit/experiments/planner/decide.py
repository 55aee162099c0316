"""Sample sizes and choice of design from simulated powers."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cohabit.experiments.planner.approximate import approximate_power
from cohabit.experiments.planner.estimate import estimate_power
from cohabit.experiments.planner.questions import Questions
from cohabit.experiments.planner.scenario import Costs, Scenario
from cohabit.stats.inference import normal_cdf, normal_quantile

CURVES_DRAWN = 2000
"""Number of curves drawn from the uncertainty of a fit, for intervals."""


def fit_curve(points: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Fit probit power = a + b sqrt(n) by maximum likelihood.

    This is the curve of a z test, except for its other tail. Slope and intercept are pulled towards
    it with the weight of one cohort, so that powers of 0 and 1 cause no problem. `points` has
    columns `n` (two values or more), `power` and `cohorts`. The covariance of the coefficients is
    inflated by the mean squared Pearson residual where the curve fits badly.
    """
    if points["n"].nunique() < 2:
        raise ValueError("fit_curve: expected at least two sizes to draw a curve through")
    root = np.sqrt(points["n"].to_numpy(float))
    x = np.column_stack([np.ones_like(root), root])
    trials = points["cohorts"].to_numpy(float) + 1
    hits = points["power"].to_numpy() * points["cohorts"].to_numpy() + 0.5

    def loss(beta: np.ndarray) -> float:
        z = x @ beta
        return -(hits * stats.norm.logcdf(z) + (trials - hits) * stats.norm.logsf(z)).sum()

    beta = optimize.minimize(loss, _start(root, hits / trials), method="BFGS").x
    fitted = np.clip(normal_cdf(x @ beta), 1e-9, 1 - 1e-9)
    weight = trials * stats.norm.pdf(x @ beta) ** 2 / (fitted * (1 - fitted))
    misfit = (hits - trials * fitted) ** 2 / (trials * fitted * (1 - fitted))
    scale = max(1.0, misfit.sum() / max(len(x) - 2, 1)) if len(x) > 2 else 1.0
    return beta, scale * np.linalg.pinv(x.T @ (weight[:, None] * x))


def _start(root: np.ndarray, share: np.ndarray) -> np.ndarray:
    slope, intercept = np.polyfit(root, normal_quantile(share), 1)
    return np.array([intercept, slope])


def predict_curve(points: pd.DataFrame, sizes: np.ndarray) -> pd.DataFrame:
    """Return the fitted power at other sizes with its 95% band: n, power, low, high."""
    beta, covariance = fit_curve(points)
    sizes = np.asarray(sizes, dtype=float)
    x = np.column_stack([np.ones_like(sizes), np.sqrt(sizes)])
    error = 1.96 * np.sqrt(np.einsum("ij,jk,ik->i", x, covariance, x))
    bounds = {"power": 0, "low": -1, "high": 1}
    return pd.DataFrame(
        {"n": sizes, **{k: normal_cdf(x @ beta + s * error) for k, s in bounds.items()}}
    )


def find_size(points: pd.DataFrame, power: float = 0.8) -> pd.Series:
    """Return the number of patients that reaches a power, with a 95% interval.

    `points` has columns `n`, `power` and `cohorts`, of one scenario and question. Returns `n`,
    `low`, `high` and `note`. A number beyond the sizes simulated is missing, and the note gives
    the direction; an end of the interval beyond twice the largest size is infinite.
    """
    beta, covariance = fit_curve(points)
    draws = np.random.default_rng(0).multivariate_normal(beta, covariance, size=CURVES_DRAWN)
    target = normal_quantile(power)
    low = np.quantile(_cross(draws, target), 0.025, method="lower")
    high = np.quantile(_cross(draws, target), 0.975, method="higher")
    size = _cross(beta[None], target)[0]
    least, most = points["n"].min(), points["n"].max()
    note = f"more than {most}" if size > most else f"fewer than {least}" if size < least else ""
    high = high if high <= 2 * most else np.inf
    answer = {"n": np.nan if note else np.ceil(size), "low": low, "high": high, "note": note}
    return pd.Series(answer, dtype=object)


def _cross(lines: np.ndarray, target: float) -> np.ndarray:
    """Return the n at which each line a + b sqrt(n) reaches the target, or infinity."""
    intercept, slope = lines.T
    level = np.where(intercept >= target, 0.0, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.maximum((target - intercept) / slope, 0)
    return np.where(slope > 1e-9, root**2, level)


def find_sizes(table: pd.DataFrame, by: list[str], power: float = 0.8) -> pd.DataFrame:
    """Return `find_size` for each group of a table from `estimate_power`."""
    groups = table.groupby(by, sort=False)
    return groups[["n", "power", "cohorts"]].apply(find_size, power=power).reset_index()


def compare_designs(
    designs: Sequence[Scenario],
    budget: float,
    costs: Costs | None = None,
    questions: Questions | None = None,
    **options,
) -> pd.DataFrame:
    """Return the powers of designs of equal cost, best first by the first question.

    Their `n` is replaced by what the budget affords, at least 8 patients; `options` are those of
    `estimate_power`, and so is the table, with `cost`, and `beaten`: whether a design's interval
    lies wholly below that of the best for the same question. What is not beaten cannot be told
    from the best with these many cohorts.
    """
    costs, questions = costs or Costs(), questions or Questions()
    bought = [_buy(design, budget, costs) for design in designs]
    table = estimate_power(bought, questions, **options)
    per_design = np.repeat(np.arange(len(bought)), len(questions.ask))
    table.insert(0, "design", per_design)
    table["cost"] = [costs.of(bought[place]) for place in per_design]
    best = table.groupby("question")["power"].transform("idxmax")
    table["beaten"] = table["high"] < table.loc[best, "low"].to_numpy()
    first = table[table["question"] == questions.ask[0]]
    order = first.sort_values("power", ascending=False, kind="stable")["design"]
    rank = pd.Series(range(len(order)), index=order)
    return table.sort_values("design", key=rank.get, kind="stable", ignore_index=True)


def _buy(design: Scenario, budget: float, costs: Costs) -> Scenario:
    n = costs.afford(design, budget)
    if n < 8:
        raise ValueError(
            f"budget {budget:g}: buys {n} patient(s) with controls={design.controls!r}, "
            f"visits={design.visits}; expected at least 8, raise it or choose a cheaper design"
        )
    return design.replace(n=min(n, 5000))


def compare_plans(
    plans: Mapping[str, Scenario],
    questions: Questions | None = None,
    costs: Costs | None = None,
    *,
    power: float = 0.8,
    most: int = 5000,
    template: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the number of patients that each plan needs for a power, by normal theory.

    The first question counts, ``"community"`` or ``"taxon"``. One row per plan: `plan`, `n`
    patients to recruit (missing beyond `most`), `cost`. The scenarios' own `n` is not used.
    """
    questions, costs = questions or Questions(), costs or Costs()
    name = questions.ask[0]
    if name == "discoveries":
        raise ValueError(
            "compare_plans: expected a question about the community or a taxon, not discoveries"
        )
    sizes, rows = np.unique(np.geomspace(8, most, 400).astype(int)), []
    for plan, scenario in plans.items():
        asked = questions.replace(ask=(name,))
        table = approximate_power(scenario, sizes, asked, template=template)
        n = table["n"][table[name] >= power].min()
        cost = np.nan if np.isnan(n) else costs.of(scenario.replace(n=int(n)))
        rows.append({"plan": plan, "n": n, "cost": cost})
    return pd.DataFrame(rows)
