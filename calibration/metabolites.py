"""The metabolite template: released values, producers, then the remaining targets."""

import numpy as np
import pandas as pd
from scipy import stats

from calibration.pathways import shrink_by_p, site_pattern
from calibration.reference import Reference
from cohabit.simulate.community import combine
from cohabit.simulate.effects import DRUGS, build_coefficients
from cohabit.simulate.metabolites import genus_clr
from cohabit.simulate.molecules import skew_left
from cohabit.simulate.template import Template, read_template
from cohabit.stats.inference import two_sided_normal

PUBLISHED_DRUGS = {
    "interferon": "rrms_interferon_beta",
    "dimethyl_fumarate": "rrms_dimethyl_fumarate",
    "fingolimod": "rrms_fingolimod",
    "glatiramer": "rrms_glatiramer_acetate",
}
ITS_OWN = {"serum:fumarate": "dimethyl_fumarate"}
"""Metabolites that are drugs themselves, on which other drugs have no effect."""

CALLED = 0.05  # released p below which an effect is planted
ALWAYS = ("stool:acetate", "stool:propionate", "stool:butyrate")
SHORTER = {"adenosine 5'-monophosphate (AMP)": "AMP"}
LINKED = 0.15  # released residual correlation from which a genus goes with a fatty acid
SEEN = 0.95  # correlation of a counted CLR with the true one
MOST_EXPLAINED = 0.5  # share of a fatty acid's variance that genera may explain
N_FACTORS = 6
ONE_FACTOR = {"stool": np.sqrt(0.3), "serum": np.sqrt(0.1)}  # loadings of the 31: assumption


def solve_metabolites(reference: Reference) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the solved template and the table of producers."""
    table = start_metabolites()
    clr = genus_clr(reference.genera)
    weights = _solve_weights(table, clr, reference)
    produced = _produce(clr, clr, weights)
    table = _split_variance(table, produced, reference)
    table = _solve_effects(table, clr, weights, reference)
    table = _level(table, produced, reference).join(_skew(table))
    drop = [name for name in table if name.startswith("target_")]
    return table.drop(columns=drop), _tabulate(weights, clr)


def start_metabolites() -> pd.DataFrame:
    """Return one row per metabolite: released level, spread and shares, and target effects."""
    source = read_template("metabolites_source")
    names = [SHORTER.get(name, name) for name in source["metabolite"]]
    source.index = pd.Index(
        [
            f"{matrix}:{name.lower() if panel == 'SCFA' else name}"
            for matrix, panel, name in zip(source["matrix"], source["panel"], names, strict=True)
        ],
        name="feature",
    )
    table = source[
        ["matrix", "panel", "unit", "mean_hhc", "log_mean_hhc", "household_icc", "site_share"]
    ]
    table = table.assign(raw=(source["panel"] == "SCFA").astype(int))
    table["resid_sd"] = source["resid_log_sd"]
    for name in ("sex", "age", "bmi"):
        table[name] = shrink_by_p(source[f"{name}_effect"], source[f"{name}_p"])
    return table.join(target_effects(source))


def target_effects(source: pd.DataFrame) -> pd.DataFrame:
    """Return total effects against the own control: target_ms (untreated), target_<drug>.

    Missing, so that no own effect is planted, if no released test of untreated, all or (for
    drugs) treated patients has p < 0.05. Untreated patients' effect is shrunk towards 0, the
    treated patients' towards the untreated's, each drug's towards the treated's, by 1 - 1/z².
    The fatty acids of `ALWAYS` keep the untreated effect as released, and no drug restores them.
    """
    always = source.index.isin(ALWAYS)
    called = (source["untreated_p"] < CALLED) | (source["all_ms_p"] < CALLED) | always
    untreated = _towards(source, "untreated", 0.0).where(called, 0.0)
    untreated = untreated.where(~always, source["untreated_effect"])
    differs = (source["treated_p"] < CALLED) | always
    treated = _towards(source, "treated", untreated)
    targets = pd.DataFrame({"target_ms": untreated.where(called)})
    for drug in DRUGS:
        total, planted = treated, differs
        if drug in PUBLISHED_DRUGS:
            name = PUBLISHED_DRUGS[drug]
            total = _towards(source, name, treated.where(differs, untreated))
            planted = differs | (source[f"{name}_fdr"] < CALLED)
        total = total.where(~always, np.minimum(total, untreated))
        targets[f"target_{drug}"] = total.where(planted)
    for feature, owner in ITS_OWN.items():
        others = [f"target_{drug}" for drug in DRUGS if drug != owner]
        targets.loc[feature, others] = np.nan
    return targets


def _towards(source: pd.DataFrame, name: str, centre: pd.Series | float) -> pd.Series:
    """Return estimates shrunk towards a centre according to their standard errors."""
    away = source[f"{name}_effect"] - centre
    z = away.abs() / source[f"{name}_se"]
    return centre + shrink_by_p(away, pd.Series(two_sided_normal(z), away.index))


def _solve_weights(table: pd.DataFrame, clr: pd.DataFrame, reference: Reference) -> pd.DataFrame:
    """Return weights, genera x metabolites, that give the released residual correlations."""
    pairs = read_template("scfa_pairs_source")
    pairs = pairs[pairs["kind"].str.contains("genus") & pairs["item_b"].isin(clr.columns)]
    pairs = pairs.assign(feature=pairs["item_a"].str.replace(" ", ":", n=1).str.lower())
    residuals = pd.DataFrame(reference.fit(clr.to_numpy())[1], columns=clr.columns)
    linked = pairs[pairs["residual_pearson_r"].abs() >= LINKED]
    weights = pd.DataFrame(0.0, sorted(set(linked["item_b"])), table.index)
    for feature, rows in linked.groupby("feature"):
        genera, sd = list(rows["item_b"]), table.loc[feature, "resid_sd"]
        covariance = residuals[genera].cov().to_numpy()
        spread = np.sqrt(np.diag(covariance))
        wanted = rows["residual_pearson_r"].to_numpy() / SEEN * spread * sd
        solved = np.linalg.solve(covariance + 0.05 * np.diag(spread**2), wanted)
        explained = solved @ covariance @ solved / sd**2
        weights.loc[genera, feature] = solved * min(1, np.sqrt(MOST_EXPLAINED / explained))
    return weights


def _produce(clr: pd.DataFrame, typical: pd.DataFrame, weights: pd.DataFrame) -> np.ndarray:
    return (clr[weights.index] - typical[weights.index].mean()).to_numpy() @ weights.to_numpy()


def _split_variance(table: pd.DataFrame, produced: np.ndarray, reference: Reference):
    """Set the metabolites' own terms to what producers leave of the targets."""
    coefficients, residuals = reference.fit(produced)
    total = table["resid_sd"] ** 2
    own = np.maximum(total - residuals.var(axis=0), 0.3 * total)
    shared = table["household_icc"] * total - reference.shared(residuals)
    table = table.assign(
        spread=np.sqrt(own), household_share=(shared / own).clip(0, 0.95), resid_var=total
    )
    for name in ("sex", "age", "bmi"):
        table[name] -= coefficients.loc[name].to_numpy()
    site = np.sqrt(total * table["site_share"] / (1 - table["site_share"]))
    table = table.join(site_pattern(table.index).mul(site, axis=0))
    return table.drop(columns="resid_var").join(_factors(table, residuals))


def _factors(table: pd.DataFrame, residuals: np.ndarray) -> pd.DataFrame:
    """Return loadings that complete the released correlations of fatty acids."""
    acids = table.index[table["raw"] == 1]
    correlation = pd.DataFrame(np.eye(len(acids)), acids, acids)
    pairs = read_template("scfa_pairs_source")
    for row in pairs[~pairs["kind"].str.contains("genus")].itertuples():
        first, other = (name.replace(" ", ":", 1).lower() for name in (row.item_a, row.item_b))
        correlation.loc[first, other] = correlation.loc[other, first] = row.residual_pearson_r
    sd = table.loc[acids, "resid_sd"].to_numpy()
    inherited = np.cov(residuals[:, table["raw"] == 1].T)
    spread = table.loc[acids, "spread"].to_numpy()
    left = correlation.to_numpy() * np.outer(sd, sd) - inherited
    left = left / np.outer(spread, spread)
    np.fill_diagonal(left, 1.0)
    values, vectors = np.linalg.eigh(left)
    top = np.argsort(values)[::-1][:N_FACTORS]
    loadings = vectors[:, top] * np.sqrt(np.maximum(values[top], 0))
    loadings *= np.sign(loadings.sum(axis=0))
    loadings *= np.minimum(1, np.sqrt(0.98 / (loadings**2).sum(axis=1)))[:, None]
    names = [f"factor{number}" for number in range(1, N_FACTORS + 3)]
    result = pd.DataFrame(0.0, table.index, names)
    result.loc[acids, names[:N_FACTORS]] = loadings
    for name, matrix in zip(names[N_FACTORS:], ONE_FACTOR, strict=True):
        chosen = (table["matrix"] == matrix) & (table["raw"] == 0)
        result.loc[chosen, name] = ONE_FACTOR[matrix]
    return result


def _solve_effects(table: pd.DataFrame, clr, weights, reference: Reference) -> pd.DataFrame:
    """Subtract the effects through producers from each target; no target, no own effect."""
    patient = reference.patient
    worlds = {"control": {"group:MS": 0.0, "msss": 0.0}, "untreated": {}}
    worlds |= {drug: {f"treatment:{drug}": 1.0} for drug in DRUGS}
    made = {}
    for name, label in worlds.items():
        genera = reference.label(**label)[1]
        made[name] = _produce(genus_clr(genera)[patient], clr, weights).mean(axis=0)
    target = table["target_ms"]
    passed_on = made["untreated"] - made["control"]
    table = table.assign(ms=(target - passed_on).fillna(0.0))
    for drug in DRUGS:
        without = table["ms"] + made[drug] - made["control"]
        table[drug] = (table[f"target_{drug}"] - without).fillna(0.0)
    return table


def _level(table: pd.DataFrame, produced: np.ndarray, reference: Reference) -> pd.DataFrame:
    """Set the intercept by the controls' released mean; add the level and SD of everyone."""
    coefficients = build_coefficients(Template(table), reference.world.design)
    fixed = combine(reference.species.exposures, coefficients) + produced
    intercept = table["log_mean_hhc"] - fixed[~reference.patient].mean(axis=0)
    typical = intercept + fixed.mean(axis=0)
    total = np.sqrt(table["spread"] ** 2 + fixed.var(axis=0))
    return table.assign(intercept=intercept, typical=typical, total_sd=total)


def _skew(table: pd.DataFrame) -> pd.Series:
    """Return the left skew of individual variation, from the raw means of fatty acids.

    A normal log level of the released SD would have a mean of exp(mean + variance / 2); if the
    released mean is lower, the log level has a long left tail.
    """
    quantiles = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    strengths = np.arange(0, 1.21, 0.02)
    skews = pd.Series(0.0, table.index, name="skew")
    for feature, row in table[table["raw"] == 1].iterrows():
        means = [
            np.exp(row["log_mean_hhc"] + row["resid_sd"] * skew_left(quantiles, k)).mean()
            for k in strengths
        ]
        skews[feature] = strengths[np.argmin(np.abs(np.array(means) - row["mean_hhc"]))]
    return skews


def _tabulate(weights: pd.DataFrame, clr: pd.DataFrame) -> pd.DataFrame:
    long = weights.rename_axis(index="genus", columns="metabolite").stack().rename("weight")
    long = long[long != 0].reset_index()
    return long.assign(clr_typical=long["genus"].map(clr.mean()))
