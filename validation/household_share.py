"""Whether the share of variance that a household was given is found again.

Latent table: sums and differences of the two partners, each with the planted factors taken out
by least squares, give the share by moments. Observed: the household model on CLR counts, where
reads and zeros weaken it.
"""

import numpy as np
import pandas as pd

from cohabit.simulate import StudyDesign, simulate_cohort
from cohabit.simulate.community import RICHNESS_HOUSEHOLD_SHARE, Community
from cohabit.stats import composition
from cohabit.stats.mixed import fit_household_model
from validation import coverage

TITLE = "Household share: asked, latent, observed"
SEEDS = range(101, 121)
DIALS = (1.0, 0.5)
LARGEST_ERROR = 0.05


def parts() -> list[int]:
    """Return the seeds."""
    return list(SEEDS)


def measure(seed: int) -> pd.DataFrame:
    """Return asked, latent and observed shares of every species of one study at each dial."""
    return pd.concat([compare_shares(seed, dial) for dial in DIALS], ignore_index=True)


def compare_shares(seed: int, dial: float, **changes: object) -> pd.DataFrame:
    """Return one row a species."""
    design = StudyDesign.preset("study").replace(household_sharing=dial, **changes)
    community = coverage.draw_design(design, seed)
    table = pd.DataFrame({"asked": find_asked(community, dial), "latent": find_latent(community)})
    table = table.set_axis(community.taxa).join(find_observed(design, seed))
    return table.rename_axis("feature").reset_index().assign(dial=dial, seed=seed)


def find_asked(community: Community, dial: float) -> np.ndarray:
    """Return the planted share of what the factors leave: the gut's richness, and the rest."""
    rich = community.template.column("richness_loading") ** 2
    own = np.clip(dial * community.template.column("household_share"), 0, 1)
    return (1 - rich) * own + rich * np.clip(dial * RICHNESS_HOUSEHOLD_SHARE, 0, 1)


def find_latent(community: Community) -> np.ndarray:
    """Return the share by moments of pair sums and differences."""
    order = np.argsort(community.people["household_id"].to_numpy(), kind="stable")
    x = community.exposures.assign(one=1.0).to_numpy()[order]
    y = community.log_abundance[order]
    together = _variance(y[::2] + y[1::2], x[::2] + x[1::2])
    apart = _variance(y[::2] - y[1::2], x[::2] - x[1::2])
    return (together - apart) / (together + apart)


def _variance(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    solution, _, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    return ((y - x @ solution) ** 2).sum(axis=0) / (len(y) - rank)


def find_observed(design: StudyDesign, seed: int) -> pd.Series:
    """Return the household's share in the counts, by the model a reader would fit."""
    cohort = simulate_cohort(design, seed=seed)
    counts = composition.filter_features(cohort.table("shotgun"), min_prevalence=0.5)
    people = cohort.participants.dropna(subset=["bmi"])
    values = composition.clr(counts).loc[lambda table: table.index.isin(people.index)]
    fitted = fit_household_model(values, people, "group + sex + age + bmi + site")
    return (
        fitted.drop_duplicates("feature").set_index("feature")["household_icc"].rename("observed")
    )


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a dial: error and bias on the latent table, attenuation in the counts."""
    return pd.DataFrame([_summary(dial, rows) for dial, rows in measured.groupby("dial")])


def _summary(dial: float, rows: pd.DataFrame) -> dict[str, object]:
    error = rows["latent"] - rows["asked"]
    by_seed = error.groupby(rows["seed"]).mean()
    spread = by_seed.std() / np.sqrt(len(by_seed))
    seen = rows.dropna(subset="observed")
    median = error.abs().groupby(rows["seed"]).median().max()
    return {
        "dial": dial,
        "studies": len(by_seed),
        "median_asked": rows["asked"].median(),
        "largest_median_error": median,
        "bias": by_seed.mean(),
        "bias_std_error": spread,
        "observed": seen["observed"].median(),
        "asked_of_observed": seen["asked"].median(),
        "attenuation": seen["observed"].median() / seen["asked"].median(),
        "holds": median < LARGEST_ERROR and not abs(by_seed.mean()) > 0.005 + 3.3 * spread,
    }


def conclude(summary: pd.DataFrame) -> str:
    """Say how close the share comes, and what counts leave of it."""
    kept = "is found again" if summary["holds"].all() else "is not found again"
    return (
        f"On the latent table the share {kept}: in the worst study half the species err by less "
        f"than {summary['largest_median_error'].max():.3f}, mean error "
        f"{summary['bias'].abs().max():.4f} at most. In counts, "
        f"{summary['attenuation'].min():.0%} to {summary['attenuation'].max():.0%} of it is left."
    )
