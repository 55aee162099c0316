"""Which species carry which pathway: stated rules, no random numbers.

A pathway's carriers are named by genus, family or phylum where biology says who has it (`NAMED`,
`RULES`). Every other pathway has a breadth between 0 and 1, narrower the more it varies between
people: a family carries it when its hash falls below the breadth, and every second genus decides
for itself by its own hash. A pathway that was released as lower (higher) in MS is carried at half
that breadth, and besides by two thirds of the genera that fall (rise) in this world, again by
hash. A species without a genus or a family is hashed by its own name or its genus.
"""

import hashlib
import re
from functools import lru_cache

import numpy as np
import pandas as pd

from cohabit.data import schema

OWN_WAY = 0.5  # share of genera that differ from their family
GRAM_NEGATIVE = ("Bacteroidetes", "Proteobacteria", "Verrucomicrobia")
FALLING = ("Faecalibacterium", "Roseburia", "Blautia", "Dorea", "Agathobacter")
LEANING = 2 / 3  # share of the falling or rising genera that a leaning pathway has
FALLS = (*FALLING, "Lachnospira", "Coprococcus", "Anaerostipes", "Fusicatenibacter", "Prevotella")
RISES = (
    *("Akkermansia", "Alistipes", "Parabacteroides", "Ruthenibacterium", "Hungatella"),
    *("Eisenbergiella", "Methanobrevibacter", "Mediterraneibacter", "Oscillibacter"),
)
BUTYRATE = ("Faecalibacterium", "Roseburia", "Agathobacter", "Anaerostipes", "Coprococcus")

NAMED = {
    **dict.fromkeys(
        ("GLUCUROCAT-PWY", "GALACT-GLUCUROCAT-PWY", "GALACTUROCAT-PWY", "PWY-6507", "PWY-7242"),
        (*FALLING, "Enterobacteriaceae", "Lachnospira"),
    ),
    "PWY-5097": ("Lachnospiraceae", "Ruminococcaceae", "Clostridiaceae"),
    "PWY-4702": ("Akkermansia", "Enterobacteriaceae"),
    **dict.fromkeys(("CENTFERM-PWY", "PWY-5676", "PWY-6590"), BUTYRATE),
    "P108-PWY": ("Bacteroidaceae", "Porphyromonadaceae", "Akkermansiaceae", "Veillonellaceae"),
}
"""Pathway -> genera and families that carry it: the study's own pathways, and fermentation."""

RULES = (
    ("methanogen|f420|archae", ("Methanobacteriaceae", "Methanomassiliicoccaceae")),
    ("ubiquino|enterobact|aerobic|glyoxylate|phenylprop", ("Enterobacteriaceae",)),
    ("lipopolysacch|lipid iv|kdo|lipid a|menaquin", GRAM_NEGATIVE),
    ("teichoic|sporul", ("Firmicutes",)),
)
"""Pattern in a pathway's name -> taxa that carry it."""


def find_breadth(log_sd: float) -> float:
    """Return how broadly a pathway is carried, 0.05 to 0.9, from its log SD between people."""
    return float(np.clip(0.9 - log_sd, 0.05, 0.9))


def name_carriers(pathways: pd.DataFrame) -> pd.DataFrame:
    """Return who carries each pathway: carriers by name (joined by semicolons), and breadth.

    Parameters
    ----------
    pathways : DataFrame
        Index pathway; columns name, log_sd, leans (-1, 0 or 1).
    """
    rows = {}
    for pathway, row in pathways.iterrows():
        by_name = [taxa for pattern, taxa in RULES if re.search(pattern, row["name"], re.I)]
        taxa = NAMED.get(pathway) or next(iter(by_name), ())
        breadth = 0.0 if taxa else find_breadth(row["log_sd"])
        if not taxa and row["leans"]:
            pool = RISES if row["leans"] > 0 else FALLS
            taxa = [name for name in pool if hash_uniform(f"{pathway} in {name}") < LEANING]
            breadth /= 2
        rows[pathway] = {"carriers": ";".join(taxa), "breadth": breadth}
    return pd.DataFrame.from_dict(rows, orient="index")


def build_content(species: pd.DataFrame, pathways: pd.DataFrame) -> np.ndarray:
    """Return who carries what, species x pathways, 0 or 1.

    Parameters
    ----------
    species : DataFrame
        Index species; columns phylum, family, genus, tail. The rare tail carries nothing.
    pathways : DataFrame
        Index pathway; columns carriers and breadth.
    """
    real = np.flatnonzero(species["tail"].to_numpy() == 0)
    content = np.zeros((len(species), len(pathways)))
    rules = zip(pathways.index, pathways["carriers"], pathways["breadth"], strict=True)
    content[real] = _decide_all(_find_homes(species.iloc[real]), tuple(rules))
    return content


def _find_homes(species: pd.DataFrame) -> tuple[tuple[str, str, str], ...]:
    """Return phylum, family and genus of each species; the next lower name where one is unknown."""
    lower, names = species.index.to_series(), {}
    for rank in ("genus", "family", "phylum"):
        known = species[rank].astype(str)
        lower = names[rank] = known.mask(known.isin(["", schema.UNCLASSIFIED]), lower)
    return tuple(zip(names["phylum"], names["family"], names["genus"], strict=True))


@lru_cache(maxsize=4)
def _decide_all(homes: tuple, rules: tuple) -> np.ndarray:
    """Return who carries what, homes x pathways."""
    distinct = list(dict.fromkeys(homes))
    found = np.zeros((len(distinct), len(rules)))
    for column, (pathway, carriers, breadth) in enumerate(rules):
        named = set(carriers.split(";")) - {""}
        has = {family: hash_uniform(f"{family} has {pathway}") for _, family, _ in distinct}
        for row, home in enumerate(distinct):
            found[row, column] = not named.isdisjoint(home) or (
                breadth > 0 and _decide(has[home[1]], home[2], pathway) < breadth
            )
    position = {home: row for row, home in enumerate(distinct)}
    return found[[position[home] for home in homes]]


def _decide(family: float, genus: str, pathway: str) -> float:
    """Return the number that counts for a genus: its family's, or one of its own."""
    own_way, own = hash_uniforms(f"{genus} has {pathway}")
    return own if own_way < OWN_WAY else family


def hash_uniform(text: str) -> float:
    """Return a number from 0 to 1 that depends on the text alone."""
    return hash_uniforms(text)[0]


def hash_uniforms(text: str) -> tuple[float, float]:
    """Return two numbers from 0 to 1 that depend on the text alone."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48, int.from_bytes(digest[6:12], "big") / 2**48
