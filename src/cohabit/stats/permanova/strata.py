"""Error strata: what differs between households, within them, and within persons.

Samples lie in persons and persons in households. The sums of squares fall apart into what
differs between the units of the outermost level and what differs within the units of each level.
A stratum keeps one row per unit (or per contrast of two units), in which a term is adjusted for
the other terms, compared with what is left, and permuted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse

from cohabit.data import schema
from cohabit.stats.alignment import check_complete
from cohabit.stats.permanova.exchange import Exchange, Flips, Shuffle
from cohabit.stats.permanova.geometry import Geometry
from cohabit.stats.permanova.terms import Term, in_stratum

ALL = "all samples"
"""Name of the only stratum where nobody lives together."""


@dataclass(frozen=True, eq=False)
class Level:
    """Units of one level of nesting: households, persons or samples."""

    name: str
    """Plural, as in ``households``."""

    codes: np.ndarray
    """Unit of each sample, 0, 1, ..., shape (n_samples,)."""

    names: np.ndarray
    """Name of each unit."""

    @property
    def size(self) -> np.ndarray:
        """Number of samples of each unit."""
        return np.bincount(self.codes)

    @property
    def first(self) -> np.ndarray:
        """Position of the first sample of each unit."""
        return np.unique(self.codes, return_index=True)[1]

    def sums(self) -> sparse.csr_matrix:
        """Return weights (n_units, n_samples) that give unit means times the root of their size."""
        n = len(self.codes)
        return sparse.csr_matrix((self.size[self.codes] ** -0.5, (self.codes, np.arange(n))))


@dataclass(frozen=True, eq=False)
class Design:
    """How samples are nested, outermost level first, and the place of each sample."""

    levels: tuple[Level, ...]
    place: np.ndarray
    """Code of the place within which outermost units change places, shape (n_samples,)."""

    blocks: str | None
    strata: str | None

    @property
    def household(self) -> np.ndarray:
        """Outermost unit of each sample, shape (n_samples,)."""
        return self.levels[0].codes


@dataclass(frozen=True, eq=False)
class ErrorStratum:
    """One error stratum and its permutations."""

    name: str
    exchange: Exchange
    units: str
    """Name of what changes places."""

    df: int
    """Degrees of freedom of everything in the stratum."""

    placed: Exchange | None = None
    """The exchange within places, for terms that vary there."""

    rows: sparse.csr_matrix | None = None
    """Weights that turn samples into the rows of the stratum; None: samples are the rows."""

    nuisance: np.ndarray | None = None
    """Orthonormal directions among the rows that do not belong to the stratum."""

    parent: np.ndarray | None = None
    """For contrasts within units: the unit of each row."""

    notes: tuple[str, ...] = field(default=())

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.df + 1 if self.rows is None else self.rows.shape[0]

    def part_of(self, geometry: Geometry) -> Geometry:
        """Return the part of a geometry of samples that lies in this stratum."""
        made = geometry if self.rows is None else geometry.combine(self.rows)
        return made if self.nuisance is None else made.residuals(self.nuisance)

    def part_of_term(self, term: Term) -> Term:
        """Return the part of a term that varies in this stratum."""
        if self.rows is None:
            return term
        columns = self.rows @ term.columns
        if self.nuisance is not None:
            columns = columns - self.nuisance @ (self.nuisance.T @ columns)
        return in_stratum(term, columns)


def read_design(
    people: pd.DataFrame, blocks: str | None, strata: str | None, persons: str | None
) -> Design:
    """Read how samples are nested; levels of which every unit is one sample are left out.

    ``site`` and ``participant_id``, the default names, may be absent.
    """
    samples = _level(people.index.to_series(), "samples")
    levels = [samples]
    if persons in people:
        levels.insert(0, _level(_complete(people, persons, "persons"), "persons"))
    elif persons not in (None, "participant_id"):
        schema.check_choice("persons: no column", persons, people)
    if blocks is not None:
        levels.insert(0, _level(_complete(people, blocks, "blocks"), "households"))
    levels = [level for level in levels[:-1] if level.size.max() > 1] + [samples]
    levels = [a for a, b in zip(levels, [*levels[1:], None], strict=True) if not _same(a, b)]
    for outer, inner in zip(levels, levels[1:], strict=False):
        _check_nested(outer, inner)
    strata = None if strata == "site" and "site" not in people else strata
    place = np.zeros(len(people), dtype=np.int64)
    if strata is not None:
        place = _level(_complete(people, strata, "strata"), strata).codes
    return Design(tuple(levels), place, blocks, strata)


def _complete(people: pd.DataFrame, column: str, option: str) -> pd.Series:
    schema.check_choice(f"{option}: no column", column, people)
    check_complete(people, column, f"fill them in, leave these people out, or pass {option}=None")
    return people[column]


def _level(column: pd.Series, name: str) -> Level:
    codes, names = pd.factorize(column.astype(str), sort=True)
    return Level(name, codes, np.asarray(names))


def _same(outer: Level, inner: Level | None) -> bool:
    return inner is not None and len(outer.names) == len(inner.names)


def _check_nested(outer: Level, inner: Level) -> None:
    torn = pd.Series(outer.codes).groupby(inner.codes).nunique().to_numpy() > 1
    if torn.any():
        raise ValueError(
            f"{torn.sum()} of the {inner.name} belong to several {outer.name}, first "
            f"{[*map(str, inner.names[torn][:5])]}: expected one; correct them, or pass "
            "persons=None"
        )


def sample_order(design: Design, ids: pd.Index) -> np.ndarray:
    """Return the order of samples by household, person and ID."""
    codes = [level.codes for level in design.levels[:-1]]
    rank = pd.Index(ids.astype(str)).argsort().argsort()
    return np.lexsort((rank, *reversed(codes)))


def take(design: Design, order: np.ndarray) -> Design:
    """Return the same samples in another order."""
    levels = tuple(Level(x.name, x.codes[order], x.names) for x in design.levels)
    return Design(levels, design.place[order], design.blocks, design.strata)


def one_stratum(design: Design, scheme: str) -> ErrorStratum:
    """Return all samples as one stratum, permuted freely or within households or persons."""
    codes = design.household if scheme == "within" else np.zeros_like(design.household)
    placed = Shuffle(design.place) if scheme == "auto" and design.strata else None
    notes = [] if scheme == "auto" else _said_of(scheme, design)
    units = "samples" if any(x.name == "persons" for x in design.levels) else "people"
    return ErrorStratum(ALL, Shuffle(codes), units, len(codes) - 1, placed, notes=tuple(notes))


def _said_of(scheme: str, design: Design) -> list[str]:
    outer = design.levels[0].name
    if scheme == "within":
        return [f"permuted within {outer}"]
    return ["permuted as if nobody lived together"] if len(design.levels) > 1 else []


def error_strata(design: Design) -> list[ErrorStratum]:
    """Return the strata of nested samples, outermost first; one where nothing is nested."""
    levels = design.levels
    if len(levels) == 1:
        return [one_stratum(design, "auto")]
    inner = [_within(*pair) for pair in zip(levels, levels[1:], strict=False)]
    return [_between(design), *inner]


def _between(design: Design) -> ErrorStratum:
    """Return what differs between the outermost units of equal structure."""
    level = design.levels[0]
    structure = _structures(level, design.levels[1])
    nuisance = _directions(structure, level.size)
    place = check_places(design)[level.first]
    placed = Shuffle(structure * (place.max() + 1) + place) if design.strata else None
    name = f"between {level.name}"
    df = len(structure) - nuisance.shape[1]
    return ErrorStratum(name, Shuffle(structure), level.name, df, placed, level.sums(), nuisance)


def check_places(design: Design) -> np.ndarray:
    """Return the place codes; ValueError when an outermost unit lies in several places."""
    level = design.levels[0]
    spread = pd.Series(design.place).groupby(level.codes).nunique().to_numpy()
    torn = level.names[spread > 1]
    if len(torn):
        raise ValueError(
            f"strata {design.strata!r}: expected one value per household; {len(torn)} household(s) "
            f"have more, first {[*torn[:5]]}; correct them, or pass strata=None"
        )
    return design.place


def _structures(outer: Level, inner: Level) -> np.ndarray:
    """Return a code of the sorted sizes of the inner units of each outer unit."""
    sizes = pd.Series(inner.size).groupby(outer.codes[inner.first])
    return pd.factorize(sizes.agg(lambda found: str(sorted(found))))[0]


def _directions(groups: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return orthonormal columns that hold, in each group of rows, the root of the rows' size."""
    columns = (groups[:, None] == np.unique(groups)) * np.sqrt(size)[:, None]
    return columns / np.linalg.norm(columns, axis=0)


def _within(outer: Level, inner: Level) -> ErrorStratum:
    """Return what differs between the inner units of each outer unit that has several."""
    parent = outer.codes[inner.first]
    members = np.bincount(parent)
    alone = int((members == 1).sum())
    units = "singleton(s)" if outer.name == "households" else f"of the {outer.name}"
    notes = (f"{alone} {units} have nobody to swap with",) if alone else ()
    name, several = f"within {outer.name}", np.flatnonzero(members[parent] > 1)
    if members.max() == 2:
        return _contrasts(name, inner, parent, several, notes)
    parent, size = parent[several], inner.size[several]
    cells = pd.factorize(pd.MultiIndex.from_arrays([parent, size]))[0]
    lonely = (np.bincount(cells) == 1).sum()
    if lonely:
        notes += (f"{lonely} of the {inner.name} have no other of their size to swap with",)
    nuisance = _directions(parent, size)
    df = len(several) - nuisance.shape[1]
    rows = inner.sums()[several]
    return ErrorStratum(name, Shuffle(cells), inner.name, df, None, rows, nuisance, parent, notes)


def _contrasts(
    name: str, inner: Level, parent: np.ndarray, several: np.ndarray, notes: Sequence[str]
) -> ErrorStratum:
    """Return one row per outer unit of two: the difference of its members, of unit length."""
    first, second = several[np.argsort(parent[several], kind="stable")].reshape(-1, 2).T
    size = inner.size.astype(float)
    weight = np.sqrt(size[[second, first]] / (size[first] + size[second]))
    row = np.arange(len(first))
    places = np.r_[row, row], np.r_[first, second]
    contrast = sparse.csr_matrix(
        (np.r_[weight[0], -weight[1]], places), shape=(len(first), len(size))
    )
    uneven = int((size[first] != size[second]).sum())
    if uneven:
        notes = (*notes, f"{uneven} pair(s) of unequal numbers of samples: taken as symmetric")
    rows = sparse.csr_matrix(contrast @ inner.sums())
    df = len(first)
    return ErrorStratum(
        name, Flips(df), inner.name, df, None, rows, None, parent[first], tuple(notes)
    )
