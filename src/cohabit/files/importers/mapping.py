"""Your names for our columns and levels: a small TOML file."""

import os
import tomllib
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from cohabit.data import schema
from cohabit.data.schema import nearest
from cohabit.files.importers.log import inert

PEOPLE = (*schema.PARTICIPANT_COLUMNS, *schema.ONLY_PATIENTS, "smoking", "education")
"""Columns of a person that the collection knows."""

SAMPLES = ("sample_id", "participant_id", "visit", "kit", "replicate", "batch")
"""Columns of a sample; a table of people needs `sample_id` alone."""

NUMBERS = tuple(schema.PLAUSIBLE)
CASE = "case"
"""Another name for the level ``MS`` of `group`: whoever is ill in this cohort."""

EVERYONE, MISSING, LEAVE_OUT = "everyone", "missing", "leave_out"
VISIT_MONTHS = {"months": 1.0, "years": 12.0, "weeks": 12 / 52.1775, "days": 12 / 365.2425}
VISIT_COLUMNS = (
    *("visit", "treatment", "edss", "relapses", "new_lesions", "smoking", "bmi", "hei_total"),
)
"""Columns of a visit that the collection knows, beside whose it is."""

TABLE_KINDS = ("diet", "pathways", "metabolites", "blood")
MATRICES = ("stool", "serum")
SCALES = ("concentration", "log")
SECTIONS = ("cohort", "columns", "levels", "missing", "ids", "visits", *TABLE_KINDS)
TABLE_KEYS = ("participant_id", "columns")


@dataclass(frozen=True)
class TableMapping:
    """What the columns of one further table are called."""

    id_column: str | None = None
    """Whose row it is; None for the first column."""

    columns: MappingType[str, str] = field(default_factory=dict)
    """Our column -> theirs."""

    scale: str = "concentration"
    """Of metabolites: ``"concentration"`` or ``"log"`` (natural)."""

    matrix: str | None = None
    """Of metabolites: ``"stool"`` or ``"serum"``; None when the columns say so."""


@dataclass(frozen=True)
class Mapping:
    """How somebody's metadata becomes a cohort's."""

    columns: MappingType[str, str]
    """Our column -> theirs."""

    name: str = ""
    assay: str | None = None
    """``"16s"`` or ``"shotgun"``, of a table given without one."""

    keep: tuple[str, ...] = ()
    """Further columns of theirs that go into `participants.tsv`."""

    levels: MappingType[str, MappingType[str, tuple[str, ...]]] = field(default_factory=dict)
    """Our column -> our level -> theirs; `missing` and `leave_out` are levels too."""

    missing: tuple[str, ...] = ("", "NA", "N/A", "nan", "NaN", "None", "null", "\\N")
    """Words for a missing value, where they are not named as a level."""

    zero_in_controls: tuple[str, ...] = ()
    """Columns in which a control's 0 (of treatment: untreated) is no measurement."""

    replace: MappingType[str, str] = field(default_factory=dict)
    """Characters exchanged in every sample id, in every file."""

    strip_prefix: str = ""
    """Text that may stand before a sample id, as R's ``X``."""

    visit_unit: str = "months"
    visit_from: str = "zero"
    """``"zero"``: visit 0 is baseline; ``"first"``: each person's first sample is."""

    tables: MappingType[str, TableMapping] = field(default_factory=dict)
    """Of ``diet``, ``pathways``, ``metabolites``, ``blood`` and ``visits``: their columns."""

    def rename_ids(self, ids: list[str]) -> list[str]:
        """Return ids as this mapping writes them."""
        return [self._rename(name) for name in ids]

    def missing_in(self, column: str) -> set[str]:
        """Return the words for a missing value of one of our columns; a level is none."""
        named = self.levels.get(column, {}).values()
        return set(self.missing) - {word for written in named for word in written}

    def _rename(self, name: str) -> str:
        name = name.removeprefix(self.strip_prefix)
        for old, new in self.replace.items():
            name = name.replace(old, new)
        return inert(name)


def read_mapping(path: str | os.PathLike) -> Mapping:
    """Read a mapping from a TOML file.

    Raises
    ------
    ValueError
        When it is no TOML, or a section, column or level is unknown; names the nearest.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a mapping; make one with --guess")
    return parse_mapping(path.read_bytes(), path.name)


def read_preset(name: str) -> Mapping:
    """Read a mapping that comes with cohabit, for example ``"imsms"``.

    Raises
    ------
    ValueError
        When there is no such preset; names the nearest.
    """
    folder = resources.files("cohabit.files.importers") / "presets"
    known = sorted(Path(entry.name).stem for entry in folder.iterdir() if ".toml" in entry.name)
    if name not in known:
        raise ValueError(f"no preset {name!r}: {nearest(name, known)}")
    return parse_mapping((folder / f"{name}.toml").read_bytes(), f"{name}.toml")


def parse_mapping(data: bytes, name: str) -> Mapping:
    """Check the text of a mapping and return it."""
    try:
        found = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{name}: not readable as TOML ({error})") from None
    for section in found:
        _known(section, SECTIONS, f"{name}: section")
    sections = {key: _table(found.get(key, {}), f"{name}: [{key}]") for key in SECTIONS}
    columns = _parse_columns(sections["columns"], name)
    options = _parse_options(sections, name)
    options["tables"] = _parse_tables(found, name)
    return Mapping(columns=columns, levels=_parse_levels(sections["levels"], name), **options)


def _parse_columns(found: dict, name: str) -> dict[str, str]:
    columns = {key: value for key, value in found.items() if key != "keep"}
    for ours, theirs in columns.items():
        _known(ours, (*SAMPLES, *PEOPLE), f"{name}: [columns]")
        _text(theirs, f"{name}: [columns] {ours}")
    if "household_id" not in columns:
        raise ValueError(
            f'{name}: [columns] needs household_id = "..."; the column that says who lives together'
        )
    return columns


def _parse_levels(found: dict, name: str) -> dict:
    levels = {}
    for column, table in found.items():
        where = f"{name}: [levels.{column}]"
        _known(column, (*PEOPLE, "kit"), f"{name}: [levels]")
        levels[column] = {}
        for level, words in _table(table, where).items():
            known = (*schema.LEVELS.get(column, (level,)), MISSING, LEAVE_OUT)
            if column == "group":
                known = (CASE, EVERYONE, *known)
            _known(level, known, where)
            words = [words] if isinstance(words, str) else words
            ours = "MS" if column == "group" and level == CASE else level
            levels[column][ours] = _texts(words, f"{where} {level}")
    return levels


def _parse_options(sections: dict, name: str) -> dict:
    cohort, missing, ids, visits = (sections[key] for key in ("cohort", "missing", "ids", "visits"))
    allowed = {
        "cohort": ("name", "assay"),
        "missing": ("codes", "zero_in_controls"),
        "ids": ("replace", "strip_prefix"),
        "visits": ("unit", "from", *TABLE_KEYS),
    }
    allowed |= dict.fromkeys(TABLE_KINDS, TABLE_KEYS) | {"metabolites": (*TABLE_KEYS, "scale")}
    for section, keys in allowed.items():
        for key in sections[section]:
            _known(key, keys, f"{name}: [{section}]")
    options: dict = {"keep": _texts(sections["columns"].get("keep", []), f"{name}: keep")}
    options["name"] = _text(cohort.get("name", ""), f"{name}: [cohort] name")
    if "assay" in cohort:
        options["assay"] = _one_of(cohort["assay"], schema.ASSAYS, f"{name}: assay")
    if "codes" in missing:
        options["missing"] = ("", *_texts(missing["codes"], f"{name}: codes"))
    zero = _texts(missing.get("zero_in_controls", []), f"{name}: zero_in_controls")
    for column in zero:
        _known(column, (*NUMBERS, "treatment"), f"{name}: zero_in_controls")
    replaced = _table(ids.get("replace", {}), f"{name}: [ids] replace")
    for old, new in replaced.items():
        _text(new, f"{name}: [ids] replace {old}")
    options |= {"zero_in_controls": zero, "replace": replaced}
    options["strip_prefix"] = _text(ids.get("strip_prefix", ""), f"{name}: strip_prefix")
    unit, start = visits.get("unit", "months"), visits.get("from", "zero")
    options["visit_unit"] = _one_of(unit, VISIT_MONTHS, f"{name}: [visits] unit")
    options["visit_from"] = _one_of(start, ("zero", "first"), f"{name}: [visits] from")
    return options


def _parse_tables(found: dict, name: str) -> dict[str, TableMapping]:
    """Return the sections of further tables that are there."""
    tables = {}
    for kind in (*TABLE_KINDS, "visits"):
        section, where = found.get(kind, {}), f"{name}: [{kind}]"
        options = {"columns": _table(section.get("columns", {}), f"{where} columns")}
        for ours, theirs in options["columns"].items():
            _text(theirs, f"{where} {ours}")
            if kind == "visits":
                _known(ours, VISIT_COLUMNS, f"{where} columns")
        if "participant_id" in section:
            options["id_column"] = _text(section["participant_id"], f"{where} participant_id")
        if "scale" in section:
            options["scale"] = _one_of(section["scale"], SCALES, f"{where} scale")
        if section:
            tables[kind] = TableMapping(**options)
    return tables


def _known(key: str, known, where: str) -> None:
    if key not in known:
        raise ValueError(f"{where} {key!r} is unknown: {nearest(key, known)}")


def _one_of(value: object, known, where: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{where}: expected one of {', '.join(known)}; got {value!r}")
    return value


def _table(value: object, where: str) -> dict:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected a table of names; got {value!r}")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f'{where}: expected text in quotes, "{value}"; got {value!r}')
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise ValueError(f'{where}: expected a list of texts, ["a", "b"]; got {value!r}')
    return tuple(value)
