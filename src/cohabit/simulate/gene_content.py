"""Which species carry which pathway: stated rules, no random numbers.

A pathway's carriers are named by genus, family or phylum where biology says who has it (`NAMED`,
`RULES`). Every other pathway has a breadth between 0 and 1, narrower the more it varies between
people: a family carries it when its hash falls below the breadth, and every second genus decides
for itself by its own hash. A pathway that was released as lower (higher) in MS is carried at half
that breadth, and besides by two thirds of the genera that fall (rise) in this world, again by
hash. Species without a family or a genus are hashed by their own name.
"""

import hashlib
import re
from functools import cache

import numpy as np
import pandas as pd

from cohabit import schema

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
    species = species.reset_index()
    real = species[species["tail"] == 0]
    homes, of_home = np.unique(_find_homes(real), axis=0, return_inverse=True)
    found = np.zeros((len(homes), len(pathways)))
    for column, (pathway, rule) in enumerate(pathways.iterrows()):
        taxa, breadth = set(rule["carriers"].split(";")), rule["breadth"]
        found[:, column] = [
            not taxa.isdisjoint(home) or _decide(*home[1:], pathway, breadth) for home in homes
        ]
    content = np.zeros((len(species), len(pathways)))
    content[real.index] = found[of_home.ravel()]
    return content


def _find_homes(species: pd.DataFrame) -> np.ndarray:
    """Return phylum, family and genus of each species, its own name where one is unknown."""
    ranks = species[["phylum", "family", "genus"]].astype(str)
    unknown = ranks.isin(["", schema.UNCLASSIFIED])
    return ranks.mask(unknown, species["feature"], axis=0).to_numpy(dtype=str)


@cache
def _decide(family: str, genus: str, pathway: str, breadth: float) -> bool:
    own_way = hash_uniform(f"{genus} differs in {pathway}") < OWN_WAY
    return hash_uniform(f"{genus if own_way else family} has {pathway}") < breadth


def hash_uniform(text: str) -> float:
    """Return a number from 0 to 1 that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:6], "big") / 2**48
