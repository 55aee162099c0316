"""How often each household PERMANOVA rejects when nothing is there, and when something is.

Gaussian worlds of pairs in four places. A cell is a term in a stratum, a formula and a permutation.
Cells that should hold in a world are a gate; the others show how a wrong permutation fails, and in
which direction.
"""

from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pandas as pd

from cohabit.stats.permanova.analysis import analyse
from cohabit.stats.permanova.geometry import FeatureGeometry
from cohabit.stats.permanova.model import Options, PreparedModel, prepare_model
from validation import gates

TITLE = "PERMANOVA: error and power of every scheme"
N_PARTS, REPLICATES_PER_PART, SEED = 40, 50, 20240301
N_PAIRS = 60
N_FEATURES = 10
REPLICATES_PER_DESIGN = 25
SITE_SHARES = (0.45, 0.3, 0.15, 0.1)


@dataclass(frozen=True)
class World:
    """What is true: standard deviations of shared effects, and the shift that sex makes."""

    name: str
    household: float = 0.0
    site: float = 0.0
    sex: float = 0.0


WORLDS = (
    World("strangers"),
    World("households", household=1.0),
    World("sites", site=0.5),
    World("households, sites", household=1.0, site=0.5),
    World("households, sites, sex", household=1.0, site=0.5, sex=0.6),
)
EVERYWHERE = tuple(world.name for world in WORLDS)
NO_SEX = EVERYWHERE[:4]
NO_SITES = ("strangers", "households")
ALONE = ("strangers", "sites")
EFFECTS = {"group": 0.1, "sex": 0.1, "age": 0.15, "income": 0.15, "site": 0.2, "household_id": 0.3}
"""Standard deviations that a term adds to every feature when its power is asked for."""


@dataclass(frozen=True)
class Cell:
    """A term in a stratum, the formula it stands in, and how it is permuted."""

    term: str
    formula: str
    options: dict = field(default_factory=dict)
    holds_in: tuple[str, ...] = ()
    """Worlds in which rejection at the nominal level is owed."""

    stratum: str = ""
    """The first letters of the stratum's name, if the term has several."""

    def p_value(self, table: pd.DataFrame) -> float:
        """Return the p-value of the cell in a table of PERMANOVA."""
        rows = table.loc[[self.term]]
        return rows.loc[rows["stratum"].str.startswith(self.stratum), "p_value"].item()


RAW, FREE, WITHIN = {"permute": "raw"}, {"scheme": "free"}, {"scheme": "within"}
ALL_FIVE = "site + sex + age + income + group"
CELLS = (
    Cell("group", "group", {}, NO_SEX),
    Cell("group", "group", FREE, ALONE),
    Cell("group", "sex + group", {}, EVERYWHERE),
    Cell("group", "sex + group", RAW, NO_SEX),
    Cell("group", "sex + group", WITHIN, ALONE),
    Cell("group", "household_id + group", {}, NO_SEX),
    Cell("group", "household_id + group", FREE | RAW, ("strangers",)),
    Cell("group", "household_id + sex + group", {}, EVERYWHERE),
    Cell("group", ALL_FIVE, {}, EVERYWHERE),
    *(Cell("sex", ALL_FIVE, {}, NO_SEX, part) for part in ("within", "between")),
    *(Cell("sex", "sex", {}, NO_SEX, part) for part in ("within", "between")),
    Cell("sex", "sex", FREE, ("strangers",)),
    *(Cell("age", ALL_FIVE, {}, EVERYWHERE, part) for part in ("within", "between")),
    *(Cell("age", "age", {}, NO_SEX, part) for part in ("within", "between")),
    Cell("age", "age", FREE, ("strangers",)),
    Cell("age", "age", {"strata": None}, NO_SITES, "between"),
    Cell("income", ALL_FIVE, {}, EVERYWHERE),
    Cell("income", "income", {}, EVERYWHERE),
    Cell("income", "income", FREE, ("strangers",)),
    Cell("income", "income", {"strata": None}, NO_SITES),
    Cell("site", "site", {}, NO_SITES),
    Cell("site", "site", FREE, ("strangers",)),
    Cell("site", ALL_FIVE, {}, NO_SITES),
    Cell("site", "site", WITHIN),
    Cell("household_id", "household_id", {}, ALONE),
    Cell("household_id", "household_id", FREE, ("strangers",)),
)


def simulate_people(rng: np.random.Generator) -> pd.DataFrame:
    """Return pairs: most of opposite sex, ages alike at home and different between places."""
    site = np.sort(rng.choice(len(SITE_SHARES), N_PAIRS, p=SITE_SHARES))
    woman = rng.random(N_PAIRS) < 0.72
    partner = np.where(rng.random(N_PAIRS) < 0.92, ~woman, woman)
    sex = np.where(np.stack([woman, partner], axis=1).ravel(), "female", "male")
    shared = 50 + 4 * site + 8 * rng.normal(size=N_PAIRS)
    return pd.DataFrame(
        {
            "household_id": np.repeat([f"H{i:03d}" for i in range(N_PAIRS)], 2),
            "group": ["MS", "control"] * N_PAIRS,
            "site": np.repeat([f"site {code}" for code in site], 2),
            "sex": sex,
            "age": np.repeat(shared, 2) + 4 * rng.normal(size=2 * N_PAIRS),
            "income": np.repeat(site + rng.normal(size=N_PAIRS), 2),
        },
        index=[f"p{i:03d}" for i in range(2 * N_PAIRS)],
    )


def simulate_values(
    people: pd.DataFrame, world: World, tested: str, rng: np.random.Generator
) -> np.ndarray:
    """Return features of a world, (n_people, N_FEATURES), with the effect of a term, or none."""
    home, place = (pd.factorize(people[name])[0] for name in ("household_id", "site"))
    values = rng.normal(size=(len(people), N_FEATURES))
    shared = world.household + (EFFECTS[tested] if tested == "household_id" else 0)
    values += shared * rng.normal(size=(home.max() + 1, N_FEATURES))[home]
    local = world.site + (EFFECTS[tested] if tested == "site" else 0)
    values += local * rng.normal(size=(place.max() + 1, N_FEATURES))[place]
    values += world.sex * (people["sex"] == "female").to_numpy()[:, None] * np.ones(N_FEATURES)
    if tested in ("group", "sex", "age", "income"):
        signs = rng.choice([-1, 1], N_FEATURES)
        values += EFFECTS[tested] * _score(people[tested])[:, None] * signs
    return values - values.mean(axis=0)


def _score(column: pd.Series) -> np.ndarray:
    numbers = column if column.dtype.kind == "f" else pd.Series(pd.factorize(column)[0])
    return ((numbers - numbers.mean()) / numbers.std()).to_numpy()


def rejection_counts(
    world: World, planted: bool, n_replicates: int, seed, n_permutations: int = 99
) -> pd.DataFrame:
    """Return one row a cell: how many replicates reject at `LEVEL`, and how many had a p-value.

    With `planted`, each cell meets a world in which its own term has its effect.
    """
    rng = np.random.default_rng(seed)
    rejected, tried = np.zeros(len(CELLS), int), np.zeros(len(CELLS), int)
    for replicate in range(n_replicates):
        if replicate % REPLICATES_PER_DESIGN == 0:
            people = simulate_people(rng)
            models = [_model(cell, people, n_permutations) for cell in CELLS]
        names = EFFECTS if planted else [""]
        values = {name: simulate_values(people, world, name, rng) for name in names}
        for row, (cell, model) in enumerate(zip(CELLS, models, strict=True)):
            geometry = FeatureGeometry(values[cell.term if planted else ""])
            p_value = cell.p_value(analyse(model, geometry, rng))
            rejected[row] += p_value <= gates.LEVEL
            tried[row] += not np.isnan(p_value)
    return pd.DataFrame({"rejected": rejected, "n_replicates": tried})


def _model(cell: Cell, people: pd.DataFrame, n_permutations: int) -> PreparedModel:
    return prepare_model(
        people, cell.formula, Options(n_permutations=n_permutations, **cell.options)
    )


def parts() -> list[str]:
    """Return the names of the blocks of replicates."""
    return [f"block-{number:02d}" for number in range(N_PARTS)]


def measure(part: str) -> pd.DataFrame:
    """Return what one block rejects in every world and cell, without an effect and with one."""
    return run(REPLICATES_PER_PART, [SEED, int(part.removeprefix("block-"))])


def run(n_replicates: int, seed: list[int]) -> pd.DataFrame:
    """Return one row a world, effect and cell: rejections and replicates."""
    parts = []
    for (number, world), planted in product(enumerate(WORLDS), (False, True)):
        counts = rejection_counts(world, planted, n_replicates, [*seed, number, int(planted)])
        cells = pd.DataFrame(
            {
                "world": world.name,
                "term": [cell.term for cell in CELLS],
                "formula": [cell.formula for cell in CELLS],
                "stratum": [cell.stratum for cell in CELLS],
                "options": [_words(cell.options) for cell in CELLS],
                "effect": [planted or _has_effect(cell.term, world) for cell in CELLS],
                "planted": [EFFECTS[cell.term] * planted for cell in CELLS],
                "owed": [world.name in cell.holds_in and not planted for cell in CELLS],
            }
        )
        parts.append(cells.join(counts))
    return pd.concat(parts, ignore_index=True)


def _has_effect(term: str, world: World) -> bool:
    """Return whether the world itself has an effect of the term."""
    own = {"site": world.site, "sex": world.sex, "household_id": world.household}
    return own.get(term, 0) > 0


def _words(options: dict) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items()) or "auto"


def summarise(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row a world, effect and cell; permutation tests are exact and judged as such."""
    return gates.judge(gates.add_up(measured), highest=gates.LEVEL)


def conclude(summary: pd.DataFrame) -> str:
    """Say how many cells hold where they owe it."""
    return gates.conclude(summary, ("world", "term", "stratum", "formula", "options"))
