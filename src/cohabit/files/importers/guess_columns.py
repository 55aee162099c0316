"""Which column of the metadata is which of ours: by names, by values and by structure."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from cohabit.data import schema
from cohabit.files.importers.mapping import VISIT_MONTHS, Mapping
from cohabit.files.importers.matching import find_id_rule
from cohabit.files.importers.vocabulary import CONTROL_WORDS, MISSING_WORDS, NAMES, PARTS, PRIVATE

LARGEST_FAMILY = 12
"""Largest mean number of rows of one value in a column that may name homes."""

_FIRST_TIMES = r"baseline|screening|pre|start|before"
_DATE = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*"


@dataclass(frozen=True)
class Guess:
    """A column matched to one of ours, with confidence (0 to 1) and reason."""

    ours: str
    theirs: str
    confidence: float
    reason: str


def guess_columns(grid: pd.DataFrame, ids: Collection[str]) -> dict[str, Guess]:
    """Propose matches of the user's columns with ours, each used at most once.

    Parameters
    ----------
    grid : DataFrame of str, one row per sample
    ids : collection of str
        Ids of the feature tables.

    Returns
    -------
    dict
        Our column -> guess, in the order of the vocabulary.
    """
    found = []
    for theirs in grid:
        for ours in NAMES:
            named = _name_fits(ours, theirs)
            if ours == "sample_id" or named:
                found.append(_judge(ours, theirs, grid[theirs], ids, named))
    taken = _take_best(found)
    people = grid[taken["participant_id"].theirs] if "participant_id" in taken else None
    taken = _take_best([*taken.values(), *_find_homes(grid, people, taken)])
    taken = _take_best([*taken.values(), *_find_cases(grid, taken)])
    return {ours: taken[ours] for ours in NAMES if ours in taken}


def _take_best(found: list[Guess]) -> dict[str, Guess]:
    """Return the surest guess of each column of ours."""
    taken: dict[str, Guess] = {}
    for guess in sorted(found, key=lambda guess: -guess.confidence):
        used = {other.theirs for other in taken.values()}
        if guess.confidence >= 0.4 and guess.ours not in taken and guess.theirs not in used:
            taken[guess.ours] = guess
    return taken


def _plain(name: str) -> str:
    """Return a name in lower case, its words separated by spaces."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[\W_]+", name.lower())).strip()


def _name_fits(ours: str, theirs: str) -> float:
    """Return 1 for a usual name, 0.6 for a name with a usual part, otherwise 0."""
    plain = _plain(theirs)
    if is_named(theirs, NAMES[ours]) or is_named(plain, NAMES[ours]):
        return 1.0
    parts = set(plain.split())
    return 0.6 * bool(parts & PARTS.get(ours, set()) and not parts & {"date", "name", "zip"})


def _judge(ours: str, theirs: str, values: pd.Series, ids: Collection[str], named: float) -> Guess:
    values = values[~means_missing(values, ours)]
    fits, reason = _fits(ours, values, ids)
    same = theirs.lower() in (ours, ours.removesuffix("_id"))
    if ours == "sample_id":
        confidence = 0.95 * fits + 0.05 * (named == 1)
    else:
        confidence = 0.6 * named + 0.35 * fits + 0.05 * same
        numeric = ours in schema.PLAUSIBLE or ours == "visit"
        confidence *= fits >= 0.5 or not numeric  # an import would refuse the column
    return Guess(ours, theirs, round(confidence, 2), reason)


def _fits(ours: str, values: pd.Series, ids: Collection[str]) -> tuple[float, str]:
    """Return how well values fit one of our columns, 0 to 1, and the reason."""
    if not len(values):
        return 0.0, "empty"
    levels = values.nunique()
    if ours == "sample_id":
        plain = len(set(ids) & set(values)) / len(values)
        if ids and (plain > 0.9 or levels < 0.9 * len(values)):
            return plain, "ids of the table"
        if ids:
            return find_id_rule(set(ids), set(values))[1] / len(values), "ids of the table"
        return float(levels == len(values)) * 0.6, f"{levels} different values"
    if ours == "visit" and read_times(values) is not None:
        return 0.9, f"{levels} times in words"
    if ours in schema.PLAUSIBLE or ours == "visit":
        low, high, _ = schema.PLAUSIBLE.get(ours, (-60, 1e6, ""))
        share = pd.to_numeric(values, errors="coerce").between(low, high).mean()
        return float(share), f"{share:.0%} are numbers from {low:g} to {high:g}"
    if ours in ("participant_id", "household_id"):
        sizes = values.value_counts()
        fits = float((sizes > 1).mean()) if ours == "household_id" else 1.0
        return fits, f"{levels} values, {sizes.max()} rows at most"
    if ours == "group":
        controls = values.map(is_control).mean()
        return float(0 < controls < 1 and levels <= 8), f"{levels} levels"
    return float(levels <= max(12, len(values) / 5)), f"{levels} levels"


def read_times(values: pd.Series) -> tuple[dict[str, str], str] | None:
    """Return word -> number for times such as ``baseline`` and ``week 4``, and their unit.

    None when a word is no time or two are alike; the unit is empty when it is none of ours.
    """
    words = values.unique()
    found = {word: re.findall(r"\d+(?:\.\d+)?", word) for word in words}
    times = {word: numbers[0] for word, numbers in found.items() if len(numbers) == 1}
    times |= {w: "0" for w in words if not found[w] and is_named(_plain(w), _FIRST_TIMES)}
    units = {re.sub(r"[\W\d_]", "", word).lower().rstrip("s") for word in words if found[word]}
    if not len(times) == len(words) == len(set(times.values())) > 1 or len(units) != 1:
        return None
    unit = units.pop()
    return (times, f"{unit}s" if f"{unit}s" in VISIT_MONTHS else "") if unit else None


def _find_homes(grid: pd.DataFrame, people: pd.Series | None, taken: dict) -> list[Guess]:
    """Return columns that group rows as homes or, where each person has several, people."""
    found = []
    for theirs in grid:
        values = grid[theirs][~means_missing(grid[theirs], "household_id")]
        sizes = values.value_counts()
        if len(sizes) < 4 or sizes.mean() > LARGEST_FAMILY or _is_measured(theirs, values):
            continue
        regular = float((sizes == sizes.mode().iloc[0]).mean())
        if sizes.max() > 1 and sizes.median() > 1 and regular >= 0.5:
            found.append((len(sizes), theirs, regular, sizes))
    coarse = sorted(found, key=lambda home: home[0])
    guesses = []
    for n, theirs, regular, sizes in coarse[:1]:
        words = f"{n} values x {sizes.mode().iloc[0]} rows, as a family"
        guesses.append(Guess("household_id", theirs, round(0.5 + 0.15 * regular, 2), words))
    if people is None and len(coarse) > 1 and _is_within(grid, coarse[-1][1], coarse[0][1]):
        n, theirs, regular, sizes = coarse[-1]
        words = f"{n} values x {sizes.mode().iloc[0]} rows, within one family each"
        guesses.append(Guess("participant_id", theirs, round(0.45 + 0.15 * regular, 2), words))
    used = {guess.theirs for guess in taken.values()}
    return [guess for guess in guesses if guess.theirs not in used]


def _is_measured(theirs: str, values: pd.Series) -> bool:
    """Return True for decimal numbers and columns that have another meaning by name."""
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().all() and (numbers % 1 != 0).any():
        return True
    others = [ours for ours in NAMES if ours not in ("household_id", "participant_id")]
    return is_private(theirs, values) or any(_name_fits(ours, theirs) for ours in others)


def _is_within(grid: pd.DataFrame, fine: str, coarse: str) -> bool:
    return bool((grid.groupby(fine)[coarse].nunique() == 1).all())


def _find_cases(grid: pd.DataFrame, taken: dict[str, Guess]) -> list[Guess]:
    """Return a column of two levels in which the two people of a home differ."""
    if "household_id" not in taken or "group" in taken:
        return []
    used = {guess.theirs for guess in taken.values()}
    who = taken["participant_id"].theirs if "participant_id" in taken else None
    people = grid.drop_duplicates(who) if who else grid
    homes = people.groupby(people[taken["household_id"].theirs])
    pairs = homes.filter(lambda home: len(home) == 2).groupby(taken["household_id"].theirs)
    found = []
    for theirs in [name for name in grid if name not in used]:
        values = people[theirs][~means_missing(people[theirs], "group")]
        if pairs.ngroups < 3 or values.nunique() != 2 or is_private(theirs, values):
            continue
        differ = int((pairs[theirs].nunique() == 2).sum())
        if differ >= 0.9 * pairs.ngroups:
            words = f"the two people of {differ} of {pairs.ngroups} homes differ"
            found.append(Guess("group", theirs, round(0.6 * differ / pairs.ngroups, 2), words))
    return found


def is_private(theirs: str, values: pd.Series) -> bool:
    """Return True for names, dates, addresses and postal codes, which a cohort never keeps."""
    if set(_plain(theirs).split()) & PRIVATE or _plain(theirs).replace(" ", "") in PRIVATE:
        return True
    given = values[values != ""]
    return bool(len(given)) and bool(given.str.fullmatch(_DATE).mean() > 0.5)


def is_named(word: str, pattern: str) -> bool:
    """Return True when a pattern matches all of a word, in any case."""
    return len(word) < 200 and bool(re.fullmatch(pattern, word, re.IGNORECASE))


def is_control(word: str) -> bool:
    """Return True for a word in common use for somebody who is well."""
    return is_named(word, CONTROL_WORDS)


def means_missing(values: pd.Series, ours: str = "") -> pd.Series:
    """Return True for words in common use for a missing value, unless valid as a level."""
    words = {"", *MISSING_WORDS} - ({"none"} if ours in ("group", "treatment") else set())
    return Mapping({}, missing=()).is_missing(values) | values.str.lower().isin(words)
