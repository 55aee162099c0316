"""Planted effects of MS, drugs, severity and covariates on species.

Released coefficients on the arcsine-square-root scale are shrunk for chance and divided by the
gain, the change on that scale per unit of log abundance.
"""

import numpy as np
import pandas as pd
from scipy import special

from cohabit.simulate.dice import stream
from cohabit.simulate.effects import DRUGS
from cohabit.simulate.template import read_template

SEVEN = (
    "Faecalibacterium prausnitzii",
    "Blautia obeum",
    "Fusicatenibacter saccharivorans",
    "Dorea longicatena",
    "Roseburia intestinalis",
    "Roseburia inulinivorans",
    "[Eubacterium] rectale",
)
"""The society's summary counts seven species reduced in untreated MS without naming them; these
seven are our illustration."""

RESTORED = 0.2  # part of the seven's decrease that every therapy restores
LARGEST_D = 0.4  # of the seven in untreated MS, in units of the SD of log abundance
RESTORED_ELSEWHERE = 0.1  # part of every other disease effect that every therapy restores
N_DISEASE = 80  # species with a disease effect
NAMED_GENERA = ("Akkermansia", "Faecalibacterium", "Blautia", "Prevotella")
GENUS_P = 0.03  # genera below it are planted, where the template can
COVARIATE_SCALE = 1.25  # so that sex and BMI explain what they do of the distances
PREVOTELLA_SCALE = 1.15  # seldom carried in numbers: counts show less than true shares
FAMILY_SCALE = 0.5  # beyond it, families tell patients apart better than the real ones
FAMILY_P = 0.011  # families below it passed a false discovery rate of 0.05

DRUG_SHARES = {
    "interferon": 87 / 576,
    "dimethyl_fumarate": 86 / 576,
    "fingolimod": 71 / 576,
    "glatiramer": 68 / 576,
    "natalizumab": 27 / 576,
    "anti_cd20": 28 / 576,
}
"""Shares of all patients in the released metadata."""

DRUG_EFFECTS = {
    "interferon": {"Odoribacteraceae": 0.3, "Desulfovibrionaceae": 0.3, "Prevotellaceae": -0.3},
    "dimethyl_fumarate": {"Akkermansiaceae": 0.25, "Clostridiaceae": -0.2},
    "fingolimod": {"Odoribacteraceae": 0.25, "Acidaminococcaceae": -0.3},
    "glatiramer": {"Eggerthellaceae": 0.3, "Peptoniphilaceae": -0.3},
    "natalizumab": {"Bifidobacteriaceae": -0.4},
    "anti_cd20": {},
}
"""Drug -> family -> change in log abundance: nominal directions of the released data with sizes
of our choice."""

SEVERITY = {
    "Butyrivibrio crossotus": -0.12,
    "Butyrivibrio crossotus CAG:259": -0.12,
    "Roseburia intestinalis": -0.096,
    "Roseburia inulinivorans": -0.072,
    "Faecalibacterium prausnitzii": -0.084,
    "Blautia obeum": -0.06,
    "Prevotella copri": -0.072,
    "Alistipes finegoldii": 0.12,
    "Alistipes putredinis": 0.072,
    "Bacteroides uniformis": 0.06,
    "Collinsella aerofaciens": 0.12,
    "Rikenella microfusus": 0.12,
    "Firmicutes bacterium CAG:475": 0.12,
    "Streptococcus thermophilus": 0.12,
    "Oscillibacter sp. KLE 1745": 0.072,
    "Akkermansia muciniphila": 0.072,
}
"""Species -> change in log abundance per MSSS point: directions of the authors' code, of
released untreated progressive patients and of a review, with sizes of our choice."""

SEVERITY_GENERA = {
    "Lachnospiraceae unclassified": -0.036,
    "Ruminococcaceae unclassified": 0.048,
    "Oscillospira": 0.072,
    "Christensenellaceae unclassified": 0.072,
    "Enterobacteriaceae unclassified": 0.096,
}
"""The same for 16S genera without species."""

FIBRE = {
    "Prevotella copri": 0.2,
    "Faecalibacterium prausnitzii": 0.12,
    "[Eubacterium] rectale": 0.12,
    "[Eubacterium] eligens": 0.15,
    "Roseburia intestinalis": 0.15,
    "Roseburia faecis": 0.12,
    "Roseburia hominis": 0.12,
    "Bifidobacterium adolescentis": 0.15,
    "Bifidobacterium longum": 0.12,
    "Coprococcus eutactus": 0.2,
    "Bacteroides vulgatus": -0.06,
    "Bilophila wadsworthia": -0.15,
    "Alistipes putredinis": -0.1,
    "[Ruminococcus] gnavus": -0.2,
    "[Ruminococcus] torques": -0.15,
    "Flavonifractor plautii": -0.15,
    "Eggerthella lenta": -0.15,
}
"""Species -> change in log abundance per SD of fibre: common directions, sizes ours."""

CARRIAGE = {"Akkermansia": 0.15}  # genus -> probit of carriage in MS


def shrink(coefficient: pd.Series, std_error: pd.Series) -> pd.Series:
    """Return coefficients shrunk by the share of their spread due to chance.

    All are multiplied by 1 - 1 / var(z): chance is a share of the spread of z-scores, which unlike
    coefficients do not grow with abundance.
    """
    z = coefficient / std_error
    return coefficient * max(1 - 1 / (z**2).mean(), 0.1)


def std_error_from_p(coefficient: pd.Series, p_value: pd.Series) -> pd.Series:
    """Return the standard error that gives a two-sided normal p-value."""
    return (coefficient / special.ndtri(1 - p_value.clip(1e-12, 0.999) / 2)).abs()


def plant_species(table: pd.DataFrame) -> pd.DataFrame:
    """Add the effect columns to the species template; disease and covariates are solved."""
    table = table.copy()
    chosen = table.index.isin(choose_planted(table))
    table["ms_all"] = np.where(chosen, 1e-3, 0.0)
    table["carriage_ms"] = table["genus"].map(CARRIAGE).where(chosen).fillna(0.0)
    table["severity"] = pd.Series(SEVERITY).reindex(table.index).fillna(0.0)
    for name in ("sex", "age", "bmi"):
        table[name] = 0.0
    table["fibre"] = pd.Series(FIBRE).reindex(table.index).fillna(0.0)
    table["smoking"] = _scatter(table, "smoking", 30, 0.3)
    table["batch"] = 0.12 * stream(0, "calibrate/batch").standard_normal(len(table))
    return split_disease(table)


def choose_planted(table: pd.DataFrame) -> pd.Index:
    """Return the species with a disease effect: the hits and the most likely others.

    The 32 hits, every Akkermansia, two species of each significant family and one of each
    significant genus, and by p-value up to `N_DISEASE`.
    """
    source = _species_source()
    chosen = [*source.index[source["ms_fdr"] < 0.05]]
    chosen += [*table.index[table["genus"] == "Akkermansia"]]
    for family in family_targets().index:
        members = table.index[table["family_calibration"] == family]
        known = source["ms_p"].reindex(members).fillna(1.0)
        chosen += [*known.sort_values(kind="stable").index[:2]]
    for genus in genus_targets().index:
        members = table.index[table["genus"] == genus]
        known = source["ms_p"].reindex(members).fillna(1.0)
        first = 2 if genus in NAMED_GENERA else 1
        chosen += [*known.sort_values(kind="stable").index[:first]]
    chosen = [*dict.fromkeys(chosen)]
    rest = source["ms_p"].drop(index=chosen, errors="ignore").nsmallest(N_DISEASE - len(chosen))
    return pd.Index([*chosen, *rest.index])


def disease_targets() -> tuple[pd.Series, pd.Series]:
    """Return all-MS coefficients of species and genera on the arcsine-square-root scale."""
    source = _species_source()
    return shrink(source["ms_coef_asin"], source["ms_se_asin"]), genus_targets()


def genus_targets() -> pd.Series:
    """Return the all-MS coefficients of genera, shrunk unless significant or named.

    If all were shrunk, far fewer genera would pass in a study of this size than did.
    """
    genera = known_genera()
    tested = genera["tested"] == 1
    coefficient = shrink(genera["status_coef"][tested], genera["status_se"][tested])
    passed = genera.index[tested & (genera["status_fdr"] < 0.05)].union(NAMED_GENERA)
    coefficient[passed] = genera.loc[passed, "status_coef"]
    coefficient["Prevotella"] *= PREVOTELLA_SCALE
    return coefficient[genera["status_p"][tested] < GENUS_P]


def family_targets() -> pd.Series:
    """Return the shrunk all-MS coefficients of all significant families."""
    families = read_template("families_source").set_index("family")
    families = families[families["tested"] == 1]
    error = std_error_from_p(families["status_coef"], families["status_p"])
    coefficient = shrink(families["status_coef"], error)
    return FAMILY_SCALE * coefficient[families["status_p"] < FAMILY_P]


def covariate_targets(name: str) -> tuple[pd.Series, pd.Series]:
    """Return shrunk coefficients of sex, age or BMI on the arcsine-square-root scale."""
    source, genera = _species_source(), known_genera()
    error = std_error_from_p(source[f"{name}_coef_asin"], source[f"{name}_p"])
    species = shrink(source[f"{name}_coef_asin"], error)
    own = shrink(genera[f"{name}_coef"], genera[f"{name}_se"])
    return COVARIATE_SCALE * species, COVARIATE_SCALE * own


def _species_source() -> pd.DataFrame:
    return read_template("species_source").set_index("species")


def split_disease(table: pd.DataFrame) -> pd.DataFrame:
    """Split the all-MS effect into effects of disease and of drugs.

    The disease effect plus the drugs' mean over patients is the all-MS effect, so nothing is
    counted twice.
    """
    table = table.copy()
    restored = pd.Series(RESTORED_ELSEWHERE, table.index)
    restored[list(SEVEN)] = RESTORED
    own = {drug: table["family"].map(DRUG_EFFECTS[drug]).fillna(0.0) for drug in DRUGS}
    mean_own = sum(DRUG_SHARES[drug] * own[drug] for drug in DRUGS)
    planted = table["ms_all"] != 0
    treated = sum(DRUG_SHARES.values())
    table["ms"] = ((table["ms_all"] - mean_own) / (1 - restored * treated)).where(planted, 0.0)
    limit = LARGEST_D * table.loc[list(SEVEN), "log_sd"]
    table.loc[list(SEVEN), "ms"] = table.loc[list(SEVEN), "ms"].clip(-limit, -0.05)
    taken_back = table["ms"] * (1 - restored * treated) + mean_own
    table["ms_all"] = taken_back.where(planted, 0.0)
    for drug in DRUGS:
        table[drug] = own[drug] - restored * table["ms"]
    return table


def _scatter(table: pd.DataFrame, name: str, size: int, sd: float) -> np.ndarray:
    """Return effects on a few random species, zero elsewhere."""
    rng = stream(0, f"calibrate/{name}")
    effect = np.zeros(len(table))
    chosen = rng.choice(int((table["tail"] == 0).sum()), size, replace=False)
    effect[chosen] = sd * rng.standard_normal(size)
    return effect


def plant_genera(table: pd.DataFrame) -> pd.DataFrame:
    """Add effects to the 16S template, zero for genera that follow their species."""
    table, source = table.copy(), known_genera()
    own = (table["follows"] == 0) & (table["tail"] == 0)
    for name in ("sex", "age", "bmi"):
        table[name] = np.where(own, 1e-4, 0.0)
    chosen = source.index[(source["status_p"] < GENUS_P) & (source["tested"] == 1)]
    table["ms"] = np.where(own & table.index.isin(chosen), 1e-3, 0.0)
    table["batch"] = 0.25 * stream(0, "calibrate/batch/16s").standard_normal(len(table))
    table.loc["Odoribacter", "batch"] = -9.0
    table["severity"] = pd.Series(SEVERITY_GENERA).reindex(table.index).fillna(0.0)
    for name in (*DRUGS, "smoking", "fibre"):
        table[name] = 0.0
    return table


def known_genera() -> pd.DataFrame:
    """Return the released genera by name."""
    return read_template("genera_source").set_index("genus")
