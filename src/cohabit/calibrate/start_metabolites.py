"""The metabolite template before it is solved: levels, and which effects are planted."""

import numpy as np
import pandas as pd

from cohabit.calibrate.start_pathways import shrink
from cohabit.simulate.template import read_template

PUBLISHED_DRUGS = {
    "interferon": "rrms_interferon_beta",
    "dimethyl_fumarate": "rrms_dimethyl_fumarate",
    "fingolimod": "rrms_fingolimod",
    "glatiramer": "rrms_glatiramer_acetate",
}
DRUGS = (*PUBLISHED_DRUGS, "natalizumab", "anti_cd20")
CALLED = 0.05  # released p below which an effect is planted
STATEMENTS = {
    ("serum:fumarate", "dimethyl_fumarate"): 0.6635,
    ("serum:propionate", "interferon"): 0.2367,
    ("stool:acetate", "interferon"): -0.4442,
    ("stool:propionate", "interferon"): -0.3869,
}
"""Drug effects against the own household control that stay as released."""

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
    table = source[["matrix", "panel", "unit", "log_mean_hhc", "household_icc", "site_share"]]
    table = table.assign(raw=(source["panel"] == "SCFA").astype(int))
    table["resid_sd"] = source["resid_log_sd"]
    for name in ("sex", "age", "bmi"):
        table[name] = shrink(source[f"{name}_effect"], source[f"{name}_p"])
    return table.join(target_effects(source))


def target_effects(source: pd.DataFrame) -> pd.DataFrame:
    """Return total effects against the own control: target_ms (untreated), target_<drug>.

    Exactly 0 where no released test of untreated, all or (for drugs) treated patients has
    p < 0.05. Effects are shrunk towards 0, and each drug's towards the treated mean.
    """
    called = (source["untreated_p"] < CALLED) | (source["all_ms_p"] < CALLED)
    called |= source.index.isin(ALWAYS)
    targets = pd.DataFrame(index=source.index)
    targets["target_ms"] = _towards(source, "untreated", 0.0).where(called, 0.0)
    treated = _towards(source, "treated", targets["target_ms"])
    differs = (source["treated_p"] < CALLED) | source.index.isin(ALWAYS)
    treated = treated.where(differs, targets["target_ms"])
    for drug in DRUGS:
        targets[f"target_{drug}"] = treated
        if drug in PUBLISHED_DRUGS:
            name = PUBLISHED_DRUGS[drug]
            own = _towards(source, name, treated)
            planted = differs | (source[f"{name}_fdr"] < CALLED)
            targets[f"target_{drug}"] = own.where(planted, targets["target_ms"])
    for (feature, drug), value in STATEMENTS.items():
        targets.loc[feature, f"target_{drug}"] = value
    return targets


def _towards(source: pd.DataFrame, name: str, centre: pd.Series | float) -> pd.Series:
    """Return estimates shrunk towards a centre by their own spread around it, by matrix."""
    away = source[f"{name}_effect"] - centre
    variance = source[f"{name}_se"] ** 2
    noise = variance.groupby(source["matrix"]).transform("median")
    observed = (away**2).groupby(source["matrix"]).transform("median") / 0.455
    true = np.maximum(observed - noise, 0.05 * noise)
    return centre + away * true / (true + variance)
