"""A population: its people, their exposures, and who develops MS."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.simulate import places
from cohabit.simulate.design import PopulationDesign
from cohabit.simulate.dice import stream
from cohabit.simulate.genes import (
    ANCESTRIES,
    HLA,
    KINDRED,
    TWIN_FAMILY,
    Genes,
    Pedigree,
    add_up,
    draw_genes,
)
from cohabit.simulate.hazard import OVERWEIGHT_AT_20, Circles, Exposed, Hazard, draw_exposures
from cohabit.simulate.template import read_template

CENSUS = 2020
BORN = (1937, 1963, 1990)
"""Middle year of birth of each generation."""

ANCESTRY_RISK = {"north": 0.0, "south": -0.05, "tropical": -0.15}
"""Log hazard of each ancestry in addition to HLA (our illustration)."""

AGE_GROUPS = [-1, 18, 30, 40, 50, 60, 70, 80, 120]

DELAY = 2.0  # years from first signs to diagnosis, on average


@dataclass(frozen=True)
class Population:
    """People in families and their observable variables."""

    people: pd.DataFrame
    """One row per person, by number; columns in ``docs/methods.md``, The population."""

    dosage: np.ndarray
    """People x loci: copies of each locus's risk allele."""

    loci: pd.DataFrame
    """Locus, frequency and odds ratio, as in a published list."""

    pedigree: Pedigree
    design: PopulationDesign
    seed: int

    exposed: Exposed
    """The true inputs of the hazard, including unmeasured genes; not for analyses."""

    hazard: Hazard

    @cached_property
    def relatives(self) -> pd.DataFrame:
        """All pairs of relatives in both orders: person, relative, relation.

        Twins are "identical twin" or "fraternal twin", not siblings.
        """
        slots = self.pedigree.related
        start = np.arange(0, len(self.people), self.pedigree.size)[:, None]
        one, other = (
            (start + slots[name].to_numpy()).astype(np.int32) for name in ("one", "other")
        )
        kinds = list(dict.fromkeys(slots["relation"]))
        code = np.broadcast_to(pd.Index(kinds).get_indexer(slots["relation"]), one.shape).copy()
        twins = self.people["twin"].to_numpy()
        paired = twins[one] == other
        identical = paired & (self.people["zygosity"].to_numpy()[one] == "MZ")
        code[paired], code[identical] = len(kinds), len(kinds) + 1
        names = [*kinds, "fraternal twin", "identical twin"]
        relation = pd.Categorical.from_codes(code.ravel(), names)
        return pd.DataFrame(
            {"person": one.ravel(), "relative": other.ravel(), "relation": relation}
        )


def simulate_population(
    design: PopulationDesign,
    *,
    n_people: int = 100_000,
    seed: int = 1,
    near: float | None = None,
) -> Population:
    """Draw a population.

    Parameters
    ----------
    design : PopulationDesign
    n_people : int
        Rounded down to whole kindreds of 19 people (of 4 in a twin register).
    seed : int
        Named streams: a dial that is turned moves no draw of another component.
    near : float, optional
        Latitude, in degrees, around which all kindreds come from; the whole map without it.

    Returns
    -------
    Population

    Raises
    ------
    ValueError
        When there are fewer people than one kindred has.
    """
    pedigree = TWIN_FAMILY if design.twin_families else KINDRED
    if n_people < pedigree.size:
        raise ValueError(
            f"n_people: expected at least {pedigree.size}, one kindred; got {n_people}"
        )
    constants = read_template("population").set_index("name")["value"].to_dict()
    return draw_population(design, constants, pedigree, n_people // pedigree.size, seed, near)


def draw_population(
    design: PopulationDesign,
    constants: dict,
    pedigree: Pedigree,
    n_kindreds: int,
    seed: int,
    near: float | None = None,
) -> Population:
    """Draw a population with given constants; see `simulate_population`."""
    loci = read_template("population_loci")
    kindreds = _draw_kindreds(design, pedigree, n_kindreds, seed, near)
    genes = draw_genes(kindreds, pedigree, loci, seed)
    people = _draw_people(kindreds, pedigree, genes, design, seed)
    exposed = _expose(people, genes, loci)
    hazard = Hazard(constants, design)
    people = _fall_ill(people, exposed, hazard, seed)
    return Population(people, genes.loci, loci, pedigree, design, seed, exposed, hazard)


def _draw_kindreds(
    design: PopulationDesign,
    pedigree: Pedigree,
    n_kindreds: int,
    seed: int,
    near: float | None,
) -> pd.DataFrame:
    kindreds = places.draw_kindreds(n_kindreds, design, seed, near)
    u = stream(seed, "population/twins").random((n_kindreds, len(pedigree.twins), 2))
    twins = u[..., 0] < pedigree.twin_share
    kinds = np.where(u[..., 1] < pedigree.identical_share, "MZ", "DZ")
    for number in range(len(pedigree.twins)):
        kindreds[f"zygosity_{number}"] = np.where(twins[:, number], kinds[:, number], "")
    return kindreds


def _draw_people(
    kindreds: pd.DataFrame, pedigree: Pedigree, genes: Genes, design: PopulationDesign, seed: int
) -> pd.DataFrame:
    size = pedigree.size
    kindred = np.repeat(np.arange(len(kindreds), dtype=np.int32), size)
    sibship = kindred * (pedigree.sibship.max() + 1) + np.tile(pedigree.sibship, len(kindreds))
    sex = _draw_sex(kindreds, pedigree, seed)
    born = _draw_births(kindreds, pedigree, seed)
    moved = places.move_people(kindreds, kindred, design, seed)
    circles = Circles(kindred, sibship, seed)
    met = draw_exposures(circles, sex, moved["light"].to_numpy())
    about = pd.DataFrame({"kindred": kindred, "sibship": sibship, "sex": pd.Categorical(sex)})
    about["birth_year"] = born
    about["twin"], about["zygosity"] = _name_twins(kindreds, pedigree)
    ancestry = pd.Index(ANCESTRIES).get_indexer(kindreds["ancestry"])[kindred]
    about["ancestry"] = pd.Categorical.from_codes(ancestry, list(ANCESTRIES))
    for number, name in enumerate(HLA):
        about[name] = genes.hla[:, number]
    return pd.concat([about, moved, met], axis=1).rename_axis("person")


def _draw_sex(kindreds: pd.DataFrame, pedigree: Pedigree, seed: int) -> np.ndarray:
    """Draw sex: opposite for partners, the same for identical twins."""
    shape = (len(kindreds), pedigree.size)
    female = stream(seed, "population/sex").random(shape) < 0.5
    for number, (first, second) in enumerate(pedigree.twins):
        same = kindreds[f"zygosity_{number}"].eq("MZ").to_numpy()
        female[same, second] = female[same, first]
    for first, second in pedigree.couples:
        female[:, second] = ~female[:, first]
    return np.where(female, "female", "male").ravel()


def _draw_births(kindreds: pd.DataFrame, pedigree: Pedigree, seed: int) -> np.ndarray:
    """Draw years of birth, the same for twins."""
    middle = np.array(BORN)[list(pedigree.generation)]
    spread = stream(seed, "population/births").uniform(-12, 12, (len(kindreds), pedigree.size))
    born = np.round(middle + spread).astype(np.int16)
    for number, (first, second) in enumerate(pedigree.twins):
        twins = kindreds[f"zygosity_{number}"].ne("").to_numpy()
        born[twins, second] = born[twins, first]
    return born.ravel()


def _name_twins(kindreds: pd.DataFrame, pedigree: Pedigree) -> tuple[np.ndarray, pd.Categorical]:
    """Return each person's twin (-1 without) and the type of twin."""
    shape = (len(kindreds), pedigree.size)
    twin, code = np.full(shape, -1, dtype=np.int32), np.zeros(shape, dtype=np.int8)
    start = np.arange(len(kindreds), dtype=np.int32) * pedigree.size
    for number, (first, second) in enumerate(pedigree.twins):
        kind = pd.Index(["", "DZ", "MZ"]).get_indexer(kindreds[f"zygosity_{number}"])
        for one, other in ((first, second), (second, first)):
            twin[kind > 0, one] = (start + other)[kind > 0]
            code[:, one] = kind
    return twin.ravel(), pd.Categorical.from_codes(code.ravel(), ["single", "DZ", "MZ"])


def _expose(people: pd.DataFrame, genes: Genes, loci: pd.DataFrame) -> Exposed:
    weights = np.log(loci["odds_ratio"].to_numpy())
    mean = 2 * (loci["frequency"].to_numpy() * weights).sum()
    risk = people["ancestry"].map(ANCESTRY_RISK).astype(float).to_numpy()
    taken = ("light", "vitamin_d", "ebv_age", "ebv", "mononucleosis", "smoker")
    taken += ("smoking_start", "smoking_stop")
    return Exposed(
        female=people["sex"].eq("female").to_numpy(),
        drb1=genes.hla[:, 0],
        a0201=genes.hla[:, 1],
        loci_score=add_up(genes.loci, weights) - mean,
        unmeasured=genes.unmeasured,
        combination=genes.combination,
        ancestry_risk=risk,
        overweight_child=people["bmi_child"].to_numpy() > 20,
        overweight_20=people["bmi_20"].to_numpy() >= OVERWEIGHT_AT_20,
        in_cluster=people["grew_up_in"].isin(places.find_cluster()).to_numpy(),
        **{name: people[name].to_numpy() for name in taken},
    )


def _fall_ill(people: pd.DataFrame, exposed: Exposed, hazard: Hazard, seed: int) -> pd.DataFrame:
    """Add onset, diagnosis and survival to the census; blank out exposures that never occurred."""
    u = stream(seed, "population/onset").random((len(people), 4))
    onset = hazard.draw_onset(exposed, u[:, 0])
    ill = ~np.isnan(onset)
    care = places.draw_care(people["latitude"].to_numpy(), hazard.design)
    diagnosed = ill & (u[:, 1] < care)
    age = CENSUS - people["birth_year"].to_numpy()
    people["age"] = age.astype(np.int16)
    people["age_group"] = pd.cut(pd.Series(age), AGE_GROUPS, right=False)
    people["alive"] = u[:, 3] < np.exp(-((age / 88.0) ** 8))
    people["ms"], people["onset_age"] = ill, onset
    people["care"], people["diagnosed"] = care, diagnosed
    delay = -DELAY * np.log1p(-u[:, 2])
    people["diagnosis_age"] = np.where(diagnosed, onset + delay, np.nan)
    people["prevalent"] = people["alive"] & diagnosed & (people["diagnosis_age"] <= age)
    never = {"smoking_start": "smoker", "smoking_stop": "smoker", "ebv_age": "ebv"}
    for column, happened in never.items():
        people[column] = people[column].where(people[happened])
    return people


REMEMBERED = 0.85
"""Share of true exposures that a healthy person reports years later (our choice)."""

FALSE_MEMORIES = 0.15
"""Share of unexposed patients who report an exposure at recall bias 1 (our choice)."""


def ask_before(population: Population, people: pd.Index, exposures: list[str]) -> pd.DataFrame:
    """Return the exposures reported at enrolment, before anyone was ill.

    Parameters
    ----------
    population : Population
    people : Index
        The people asked.
    exposures : list of str
        Columns of true and false.
    """
    return population.people.loc[people, exposures]


def ask_after(
    population: Population,
    people: pd.Index,
    exposures: list[str],
    *,
    design: PopulationDesign | None = None,
) -> pd.DataFrame:
    """Return the exposures reported by patients and healthy people after the diagnosis.

    Everyone forgets a little. Two dials of the design affect patients: `recall_bias`, by which they
    report exposures that did not happen, and `reverse_causation`, by which early symptoms cause the
    exposure. Another `design` asks the same people with other dials.
    """
    design = design or population.design
    truth = population.people.loc[people, exposures].to_numpy()
    ill = population.people.loc[people, "ms"].to_numpy()[:, None]
    u = _uniforms(population, people, exposures)
    exposed = truth | (ill & (u[0] < design.reverse_causation))
    bias = design.recall_bias * ill
    remembered = u[1] < REMEMBERED + (1 - REMEMBERED) * bias
    invented = u[2] < FALSE_MEMORIES * bias
    return pd.DataFrame((exposed & remembered) | (~exposed & invented), people, exposures)


def _uniforms(population: Population, people: pd.Index, exposures: list[str]) -> np.ndarray:
    """Return three draws per person and question, independent of who else is asked."""
    drawn = [
        stream(population.seed, f"population/survey/{name}").random((3, len(population.people)))
        for name in exposures
    ]
    return np.stack(drawn, axis=-1)[:, people]
