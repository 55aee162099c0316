"""The metabolite template before it is solved: levels, and which effects are planted."""

import numpy as np
import pandas as pd
from scipy import stats

from calibration.start_pathways import shrink
from cohabit.simulate.template import read_template

PUBLISHED_DRUGS = {
    "interferon": "rrms_interferon_beta",
    "dimethyl_fumarate": "rrms_dimethyl_fumarate",
    "fingolimod": "rrms_fingolimod",
    "glatiramer": "rrms_glatiramer_acetate",
}
DRUGS = (*PUBLISHED_DRUGS, "natalizumab", "anti_cd20")
ITS_OWN = {"serum:fumarate": "dimethyl_fumarate"}
"""Metabolites that are one drug itself: no other drug has an effect on them."""

CALLED = 0.05  # released p below which an effect is planted
ALWAYS = ("stool:acetate", "stool:propionate", "stool:butyrate")
SHORTER = {"adenosine 5'-monophosphate (AMP)": "AMP"}


def start_metabolites() -> pd.DataFrame:
    """Return one row a metabolite: released level, spread and shares, and target effects."""
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
        table[name] = shrink(source[f"{name}_effect"], source[f"{name}_p"])
    return table.join(target_effects(source))


def target_effects(source: pd.DataFrame) -> pd.DataFrame:
    """Return total effects against the own control: target_ms (untreated), target_<drug>.

    Missing, so nothing of its own is planted, where no released test of untreated, all or (for
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
    """Return estimates shrunk towards a centre by their standard errors from it."""
    away = source[f"{name}_effect"] - centre
    z = away.abs() / source[f"{name}_se"]
    return centre + shrink(away, pd.Series(2 * stats.norm.sf(z), away.index))
