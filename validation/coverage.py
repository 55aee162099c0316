"""Whether the household model covers what was planted, on the true log abundances.

The model of the latent table with every planted factor in it, site as a factor. One species of
each study enters the count, so that studies are independent; `pooled` is over all species. A
miss is a coefficient outside its 95% interval. Coverage on counts is another matter: closure
and zeros stand between, and no interval on counts is owed for these coefficients.
"""

import pandas as pd

from cohabit.simulate import StudyDesign, draw_world
from cohabit.simulate.community import Community
from cohabit.stats.mixed import fit_household_model
from validation import gates

TITLE = "Coverage of planted coefficients"
WORLDS = ("study", "strangers")
N_PARTS, STUDIES_PER_PART, SHARE_OF_STUDY = 40, 25, 1 / 4


def parts() -> list[str]:
    """Return the names of the blocks of studies."""
    return [f"block-{number:02d}" for number in range(N_PARTS)]


def measure(part: str) -> pd.DataFrame:
    """Return misses of one block of studies, one row a world and coefficient."""
    first = 60_000 + STUDIES_PER_PART * int(part.removeprefix("block-"))
    return run(range(first, first + STUDIES_PER_PART))


def run(seeds: range) -> pd.DataFrame:
    """Return misses of several studies, one row a world and coefficient."""
    studies = [count_misses(world, seed) for seed in seeds for world in WORLDS]
    return gates.add_up(pd.concat(studies))


def count_misses(world: str, seed: int) -> pd.DataFrame:
    """Return, for one study, which coefficients of one species are missed, and of all."""
    fitted = fit(draw(world, seed))
    missed = ~fitted["planted"].between(fitted["low"], fitted["high"])
    rows = fitted.assign(missed=missed, drawn=fitted["place"] == seed % fitted["place"].nunique())
    own = rows[rows["drawn"]].groupby("coefficient", sort=False)["missed"].agg(["sum", "size"])
    every = rows.groupby("coefficient", sort=False)["missed"].agg(["sum", "size"])
    table = own.set_axis(["rejected", "n_replicates"], axis=1)
    table = table.join(every.set_axis(["pooled_rejected", "pooled_n"], axis=1))
    return table.reset_index().assign(world=world, owed=True)


def draw(world: str, seed: int) -> Community:
    """Return the true community of a smaller study."""
    design = StudyDesign.preset(world)
    sizes = {site: max(2, round(n * SHARE_OF_STUDY)) for site, n in design.pairs_per_site.items()}
    return draw_design(design.replace(pairs_per_site=sizes), seed)


def draw_design(design: StudyDesign, seed: int) -> Community:
    """Return the true community of a study, every answer given, fibre as it was eaten."""
    return draw_world(design, seed).species


def fit(community: Community) -> pd.DataFrame:
    """Return one row a species and coefficient with its interval, beside what was planted."""
    people, exposures = community.people, community.exposures
    acting = community.coefficients.any(axis=1) & (exposures.nunique() > 1)
    names = [name for name in acting.index[acting] if not name.startswith("site:")]
    short = [name.replace(":", "_") for name in names]
    metadata = exposures[names].set_axis(short, axis=1)
    metadata = metadata.assign(household_id=people["household_id"], site=people["site"])
    values = pd.DataFrame(community.log_abundance, people.index, community.taxa)
    table = fit_household_model(values, metadata, " + ".join([*short, "site"]))
    asked = pd.concat([community.coefficients.loc[names].set_axis(short), _sites(community)])
    asked = asked.stack().rename("planted").rename_axis(["coefficient", "feature"])
    table = table[table["coefficient"].isin(asked.index.levels[0])].dropna(subset=["low", "high"])
    place = pd.Series(range(len(community.taxa)), community.taxa, name="place")
    return table.join(asked, on=["coefficient", "feature"]).join(place, on="feature")


def _sites(community: Community) -> pd.DataFrame:
    """Return the planted differences of each site from the first in the alphabet."""
    first, *others = sorted(community.people["site"].unique())
    site = community.coefficients.loc[[f"site:{name}" for name in others]]
    away = site - community.coefficients.loc[f"site:{first}"]
    return away.set_axis([f"site[{name}]" for name in others])


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a world and coefficient: how often the interval misses, judged."""
    table = gates.judge(gates.add_up(measured))
    misses = table.rename(columns={"rejected": "missed", "rejection": "miss_rate"})
    pooled = misses.pop("pooled_rejected") / misses.pop("pooled_n")
    words = {gates.OFTEN: "misses too often", gates.SELDOM: "misses too seldom"}
    return misses.assign(pooled=pooled, verdict=misses["verdict"].replace(words))


def conclude(summary: pd.DataFrame) -> str:
    """Say how many coefficients are covered as promised."""
    return gates.conclude(summary, ("world", "coefficient"))
