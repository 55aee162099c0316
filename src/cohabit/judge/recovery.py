"""Planted truth beside published and estimated values; the only module that reads truth."""

import json
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from cohabit.data.cohort import Truth
from cohabit.data.schema import MissingInput, feature_weights, nearest
from cohabit.files.storage import read_manifest
from cohabit.judge.claims import NOT_ESTIMATED, judge, verdict

_SHIPPED = files("cohabit.judge")

EFFECT_COLUMNS = ("factor", "level", "property", "feature", "coefficient", "scale")
_ESTIMAND_COLUMNS = ("assay", "contrast", "scale", "feature", "value")
PLANTED_PROPERTIES = ("latent", "prevalence")
"""Scales unaffected by closure: a feature is planted if one of them is not zero."""

METHOD_SCALES = {
    "lmm_asin": "asin",
    "lmm_clr": "clr",
    "paired_t_clr": "clr",
    "paired_wilcoxon": "asin",
    "linda": "latent",
    "ancombc": "latent",
    "presence_clogit": "prevalence",
    "nbinom": "latent",
    "zinb": "latent",
    "presence_logit": "prevalence",
    "nonzero_log": "latent",
    "two_parts": "latent",
    "matched_sets": "asin",
}
"""Scale on which each method of `compare_abundance` estimates."""

SIGN_ONLY = (
    *("paired_wilcoxon", "presence_clogit"),
    *("nbinom", "zinb", "presence_logit", "nonzero_log", "two_parts", "matched_sets"),
)
"""Methods compared with the truth only by sign, because their unit differs."""

CLAIM_SCORE_COLUMNS = (
    *("claim_id", "notebook", "statement", "quantity", "unit"),
    *("published", "region_low", "region_high", "planted", "planted_scale"),
    *("estimate", "low", "high", "p_value", "n", "verdict"),
    *("true_here", "right", "source", "mark", "note"),
)

POPULATION = "population:"
"""Prefix of contrasts about the population, which are not effects on features."""

SAME_TIES = {"contrast": "networks", "scale": "difference", "feature": "ties", "value": 0.0}
"""Correlations, which are planted equally in all groups: no difference between networks."""

FOLLOWUP = "followup"
"""Contrast of effects on later visits, whose true sizes are the planted effects."""

UNPLANTED = ("disability: Bacteroidaceae",)
"""Claims about follow-up without a planted effect: no taxon acts on later visits."""

EXPECTED = "expected"
"""Scale of a true value that is the mean estimate of a notebook over other cohorts."""


def read_truth(folder: str | os.PathLike) -> Truth:
    """Read the planted truth of a simulated cohort.

    Raises
    ------
    MissingInput
        When the folder has no `truth/`, as for a real cohort.
    ValueError
        When a file changed since it was written, or a column is missing.
    """
    folder = Path(folder)
    design = read_manifest(folder).get("design", {})
    effects = _read_truth_table(folder / "truth" / "effects.tsv", EFFECT_COLUMNS)
    estimands = _read_truth_table(folder / "truth" / "estimands.tsv", _ESTIMAND_COLUMNS)
    return Truth(effects, lambda: estimands, design)


def _read_truth_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.exists():
        raise MissingInput(
            f"the cohort has no truth/{path.name}; only a simulated cohort has a truth, and what "
            "was planted is compared there alone"
        )
    table = pd.read_csv(path, sep="\t")
    missing = [name for name in columns if name not in table]
    if missing:
        raise ValueError(f"{path.name}: expected the columns {', '.join(missing)}; not there")
    return table


def read_population_targets() -> pd.DataFrame:
    """Read the target values of the default population and the values reached.

    Written by ``python -m calibration.population``.
    """
    with (_SHIPPED / "population_targets.tsv").open(encoding="utf-8") as text:
        return pd.read_csv(text, sep="\t", comment="#")


def read_population_truth() -> pd.DataFrame:
    """Read the true values of the default population (notebooks 01a to 01c) as estimands.

    It depends only on the design, so it is computed once, when the population is calibrated, and
    shipped: contrast (``"population:default"``), scale, feature, value.
    """
    return read_population_targets().rename(columns={"reached": "value"})[
        ["contrast", "scale", "feature", "value"]
    ]


def list_followup_truth(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the effects planted in the later visits (``truth.effects``) as estimands.

    Returns
    -------
    DataFrame
        contrast (``"followup"``), scale, feature, value. Features are outcome and level, as in
        ``"relapses: obese"``, and the same turned round, as in ``"disability: not current"``.
    """
    columns = ["contrast", "scale", "feature", "value"]
    rows = effects[effects["assay"] == "visits"] if "assay" in effects else effects.iloc[:0]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    name, value = rows["feature"] + ": ", rows["coefficient"]
    parts = [
        rows.assign(feature=name + rows["level"], value=value),
        rows.assign(feature=name + "not " + rows["level"], value=-value),
        pd.DataFrame({"scale": "EDSS points per year", "feature": list(UNPLANTED), "value": 0.0}),
    ]
    return pd.concat(parts, ignore_index=True).assign(contrast=FOLLOWUP)[columns]


def read_expected(design: Mapping[str, object]) -> pd.DataFrame:
    """Read the average estimates of the notebooks in cohorts of a design.

    Made by ``python -m validation.expected``, only for the `study` preset; `design` is as in
    ``cohort.json``, empty when unknown.

    Returns
    -------
    DataFrame
        Index: claim_id; value, sd (over cohorts), cohorts. Empty for any other design.
    """
    with (_SHIPPED / "expected_estimates.tsv").open(encoding="utf-8") as text:
        known = json.loads(text.readline().removeprefix("# "))
        table = pd.read_csv(text, sep="\t").set_index("claim_id")
    same = bool(design) and all(design.get(name, value) == value for name, value in known.items())
    return table if same else table.iloc[:0]


def planted_values(truth: Truth, claims: pd.DataFrame) -> pd.DataFrame:
    """Return the planted value of each claim, and whether the claim is true.

    A claim can be about a mean or a difference of features, see `schema.feature_weights`. A claim
    of a direction is true only if an effect was planted, because closure alone shifts every share a
    little. If there is no coefficient, for example for a share of variance, the value is the mean
    estimate of the notebook in cohorts of the same design (`planted_scale` is then ``"expected"``).

    Returns
    -------
    DataFrame
        claim_id; planted; planted_scale; true_here (missing where the world has no such value).
    """
    known = [truth.estimands, read_population_truth(), pd.DataFrame([SAME_TIES])]
    known.append(list_followup_truth(truth.effects))
    tables = _by_contrast(pd.concat([rows for rows in known if len(rows)], ignore_index=True))
    expected = read_expected(truth.design)
    rows = [
        _planted(claim, tables) if claim.truth_contrast else _expected(claim, expected)
        for claim in claims.itertuples()
    ]
    table = pd.DataFrame(rows, columns=["claim_id", "planted", "planted_scale", "true_here"])
    return table.astype({"planted": float, "true_here": "boolean"})


def _by_contrast(estimands: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    """Return (contrast, scale) -> value for each feature."""
    groups = estimands.groupby(["contrast", "scale"], sort=False)
    return {key: rows.set_index("feature")["value"] for key, rows in groups}


def _planted(claim, tables: dict) -> tuple:
    weights = pd.Series(feature_weights(claim.truth_feature))
    values = tables.get((claim.truth_contrast, claim.truth_scale), pd.Series(dtype=float))
    if not set(weights.index) <= set(values.index):
        return claim.claim_id, np.nan, "", pd.NA
    value = float((weights * values[weights.index]).sum())
    inside = claim.region_low < value < claim.region_high
    of_effects = not claim.truth_contrast.startswith((POPULATION, FOLLOWUP))
    is_direction = of_effects and 0 in (claim.region_low, claim.region_high)
    true_here = inside and (
        not is_direction or _touched_features(claim.truth_contrast, tables) & set(weights.index)
    )
    return claim.claim_id, value, claim.truth_scale, bool(true_here)


def _expected(claim, expected: pd.DataFrame) -> tuple:
    if claim.claim_id not in expected.index:
        return claim.claim_id, np.nan, "", pd.NA
    found = expected.loc[claim.claim_id]
    region = claim.region_low, claim.region_high
    return claim.claim_id, float(found["value"]), EXPECTED, judge_expected(found, *region)


def judge_expected(found: pd.Series, region_low: float, region_high: float) -> bool | None:
    """Return True when an average is in a region; None within two errors of its bounds."""
    reach = 2 * found["sd"] / found["cohorts"] ** 0.5
    said = verdict(found["value"] - reach, found["value"] + reach, region_low, region_high)
    return {"agrees": True, "disagrees": False}.get(said, pd.NA)


def _touched_features(contrast: str, tables: dict) -> set[str]:
    """Return the features with any planted effect."""
    known = [tables[contrast, s] for s in PLANTED_PROPERTIES if (contrast, s) in tables]
    return {feature for values in known for feature in values.index[values != 0]}


def score_claims(
    estimates: pd.DataFrame, claims: pd.DataFrame, truth: Truth | None = None
) -> pd.DataFrame:
    """Join the published, planted and estimated value of each claim.

    Parameters
    ----------
    estimates : DataFrame
        ``run.read_estimates()``: what the notebooks of a run found.
    claims : DataFrame
        ``read_reference("claims")``.
    truth : Truth, optional
        None for a real cohort.

    Returns
    -------
    DataFrame
        Every claim, in the order of `claims`. `verdict` is ``"not estimated"`` where no notebook
        gave an estimate. `true_here` says whether the claim holds in this world, `right` whether
        the verdict fits that; missing where truth is unknown or the verdict is undecided.
    """
    judged = judge(estimates, claims)[
        ["claim_id", "estimate", "low", "high", "p_value", "n", "verdict"]
    ]
    unknown = {"planted": np.nan, "planted_scale": "", "true_here": pd.NA}
    planted = claims[["claim_id"]].assign(**unknown)
    if truth is not None:
        planted = planted_values(truth, claims)
    table = claims.merge(judged, on="claim_id", how="left").merge(planted, on="claim_id")
    table = table.fillna({"verdict": NOT_ESTIMATED}).astype({"true_here": "boolean"})
    notes = estimates.set_index("claim_id")["note"]
    table["note"] = table["claim_id"].map(notes).fillna("")
    decided = table["verdict"].isin(["agrees", "disagrees"])
    right = table["verdict"].eq("agrees") == table["true_here"]
    table["right"] = right.where(decided).astype("boolean")
    return table[list(CLAIM_SCORE_COLUMNS)]


def set_beside_truth(results: pd.DataFrame, estimands: pd.DataFrame) -> pd.DataFrame:
    """Join each feature's estimate with the estimand on the scale of its method.

    Parameters
    ----------
    results : DataFrame, one row per feature and method
        From `compare_abundance`; `contrast` must be one of the estimands', for example
        ``"untreated MS - control"`` when only those pairs were compared.
    estimands : DataFrame
        ``truth.estimands``.

    Returns
    -------
    DataFrame
        `results` with `scale`, `truth` (on that scale) and `planted` (whether the feature was
        touched at all).

    Raises
    ------
    ValueError
        When a method or a contrast is unknown; names the nearest.
    """
    tables = _by_contrast(estimands)
    parts = []
    for (method, contrast), rows in results.groupby(["method", "contrast"], sort=False):
        if method not in METHOD_SCALES:
            hint = nearest(method, METHOD_SCALES)
            raise ValueError(f"no scale is known for method {method!r}: {hint}")
        scale = METHOD_SCALES[method]
        values = _values_of(contrast, scale, tables)
        columns = {"scale": scale, "truth": rows["feature"].map(values)}
        touched = _touched_features(contrast, tables)
        parts.append(rows.assign(**columns, planted=rows["feature"].isin(touched)))
    return pd.concat(parts, ignore_index=True)


def _values_of(contrast: str, scale: str, tables: dict) -> pd.Series:
    if (contrast, scale) not in tables:
        known = [f"{c} ({s})" for c, s in tables]
        raise ValueError(
            f"the truth has no contrast {contrast!r} on scale {scale!r}: "
            f"{nearest(f'{contrast} ({scale})', known)}"
        )
    return tables[contrast, scale]


def score_methods(
    results: pd.DataFrame, estimands: pd.DataFrame, *, fdr: float = 0.05
) -> pd.DataFrame:
    """Score each method against the truth on its own scale.

    Parameters
    ----------
    results, estimands
        As for `set_beside_truth`.
    fdr : float
        A feature is called when its q-value is at most this.

    Returns
    -------
    DataFrame, one row per method and contrast
        n_tested, n_failed, n_planted, n_untested, n_called; sensitivity (share of planted features
        that are called), false_discovery (share of calls where nothing was planted nor moved)
        and closure_shift (share of calls where nothing was planted but closure moved the
        method's own scale, see `moved_by_closure`), each with an exact 95% interval; sign_errors
        (planted, called, wrong sign); bias (mean of estimate minus truth over planted features
        with an estimate) and coverage (share of 95% intervals that hold the truth), missing for
        methods whose estimate has another unit.

    Notes
    -----
    n_planted counts the planted features of all rows of the contrast, so it is the same for all its
    methods: a feature that one method filters or refuses is one that it misses (n_untested).
    """
    table = set_beside_truth(results, estimands)
    planted = table[table["planted"]].groupby("contrast")["feature"].nunique()
    groups = table.groupby(["method", "contrast", "scale"], sort=False)
    rows = [
        dict(zip(groups.keys, key, strict=True)) | _score(rows, int(planted.get(key[1], 0)), fdr)
        for key, rows in groups
    ]
    return pd.DataFrame(rows)


def _score(rows: pd.DataFrame, n_planted: int, fdr: float) -> dict:
    failed = rows["q_value"].isna()
    rows = rows[~failed]
    planted, called = rows["planted"], rows["q_value"] <= fdr
    right_sign = np.sign(rows["estimate"]) == np.sign(rows["truth"])
    right_sign |= rows["estimate"].isna()  # a joint test has no sign
    moved = called & ~planted & moved_by_closure(rows, rows["truth"])
    n_called, n_moved = int(called.sum()), int(moved.sum())
    return {
        "n_tested": len(rows),
        "n_failed": int(failed.sum()),
        "n_planted": n_planted,
        "n_untested": n_planted - int(planted.sum()),
        "n_called": n_called,
        **_share("sensitivity", int((planted & called).sum()), n_planted),
        **_share("false_discovery", int((~planted & called).sum()) - n_moved, n_called),
        **_share("closure_shift", n_moved, n_called),
        "sign_errors": int((planted & called & ~right_sign).sum()),
        **_accuracy(rows),
    }


def moved_by_closure(results: pd.DataFrame, truth: pd.Series) -> pd.Series:
    """Return whether the interval of each estimate holds a true shift, on the same side of zero.

    `results` has columns estimate, low and high; `truth` is the effect on the same scale. Where
    nothing was planted, shares and log-ratios move because those of other features do: the null of
    that scale is false, and a method that finds the shift makes no error on its own scale. A call
    whose interval leaves the shift out, or that has no interval, is not excused by it.
    """
    same_side = np.sign(results["estimate"]) * np.sign(truth) > 0
    return same_side & (results["low"] <= truth) & (truth <= results["high"])


def _accuracy(rows: pd.DataFrame) -> dict[str, float]:
    if rows.empty or rows["method"].iloc[0] in SIGN_ONLY:
        return {"bias": np.nan, "coverage": np.nan}
    planted = rows[rows["planted"]]
    known = rows.dropna(subset=["truth", "low"])  # the rare tail has no estimand
    covered = known["truth"].between(known["low"], known["high"])
    bias = (planted["estimate"] - planted["truth"]).mean()
    return {"bias": float(bias), "coverage": float(covered.mean())}


def _share(name: str, hits: int, of: int) -> dict[str, float]:
    """Return a share with its exact (Clopper-Pearson) 95% interval; missing if `of` is 0."""
    from statsmodels.stats.proportion import proportion_confint

    if of == 0:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    low, high = proportion_confint(hits, of, method="beta")
    return {name: hits / of, f"{name}_low": float(low), f"{name}_high": float(high)}
