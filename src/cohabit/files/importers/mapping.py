"""The mapping from your column names and levels to ours, a small TOML file."""

import json
import os
import re
import tomllib
from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from cohabit.data import schema
from cohabit.data.schema import nearest
from cohabit.files.importers.log import inert

if TYPE_CHECKING:
    import pandas as pd

PEOPLE = (*schema.PARTICIPANT_COLUMNS, *schema.ONLY_PATIENTS, "smoking", "education")
"""Columns of a person in the vocabulary."""

SAMPLES = ("sample_id", "participant_id", "visit", "kit", "replicate", "batch", "reads")
"""Columns of a sample; a table of people needs only `sample_id`."""

NUMBER_COLUMNS = tuple(schema.PLAUSIBLE)
CASE = "case"
"""Another name for the level ``MS`` of `group`, for cohorts of other diseases."""

EVERYONE, MISSING, LEAVE_OUT = "everyone", "missing", "leave_out"
VISIT_MONTHS = {"months": 1.0, "years": 12.0, "weeks": 12 / 52.1775, "days": 12 / 365.2425}
AGE_UNITS = {"years": 1.0, "months": 1 / 12}
VISIT_FIELDS = (
    *("visit", "treatment", "edss", "relapses", "new_lesions", "smoking", "bmi", "hei_total"),
)
"""Columns of a visit in the vocabulary, besides the participant."""

INSDC_MISSING = {"not applicable", "not collected", "not provided", "restricted access"}
"""Terms of the INSDC for a missing value, in lower case, besides ``missing: ...``."""

TABLE_KINDS = ("diet", "pathways", "metabolites", "blood")
MATRICES = ("stool", "serum")
SCALES = ("concentration", "log")
SECTIONS = {
    "cohort": ("name", "assay", "case"),
    "columns": (*SAMPLES, *PEOPLE, "keep"),
    "levels": (*PEOPLE, "kit", "visit"),
    "units": ("age",),
    "model": ("covariates", "contrasts", "reference"),
    "missing": ("codes", "zero_in_controls"),
    "ids": ("replace", "strip_prefix", "strip_suffix", "strip_zeros", "ignore_case"),
    "visits": ("participant_id", "columns", "unit", "from"),
    "metabolites": ("participant_id", "columns", "scale"),
    **dict.fromkeys(("diet", "pathways", "blood"), ("participant_id", "columns")),
}
"""Sections of the file -> their allowed keys."""


@dataclass(frozen=True)
class TableMapping:
    """Column names of one additional table."""

    id_column: str | None = None
    """Column with the id of each row; None for the first column."""

    columns: MappingType[str, str] = field(default_factory=dict)
    """Our column -> theirs."""

    scale: str = "concentration"
    """For metabolites: ``"concentration"`` or ``"log"`` (natural)."""

    matrix: str | None = None
    """For metabolites: ``"stool"`` or ``"serum"``; None when the column names tell."""


@dataclass(frozen=True)
class Mapping:
    """Translation of a user's metadata into a cohort's."""

    columns: MappingType[str, str]
    """Our column -> theirs."""

    name: str = ""
    case: str = ""
    """What a case is called in figures and reports; empty: as in the metadata."""

    age_unit: str = "years"
    """``"years"`` or ``"months"``."""

    model: MappingType[str, object] = field(default_factory=dict)
    """Declared `covariates`, `contrasts` (lists of columns) and `reference` levels."""

    assay: str | None = None
    """``"16s"`` or ``"shotgun"``, for a table given without an assay."""

    keep: tuple[str, ...] = ()
    """More of the user's columns to keep in `participants.tsv`."""

    levels: MappingType[str, MappingType[str, tuple[str, ...]]] = field(default_factory=dict)
    """Our column -> our level -> their words; `missing` and `leave_out` count as levels."""

    missing: tuple[str, ...] = ("", "NA", "N/A", "nan", "NaN", "None", "null", "\\N")
    """Words for a missing value, unless they are defined as a level."""

    zero_in_controls: tuple[str, ...] = ()
    """Columns in which a control's 0 (or untreated) means not measured."""

    replace: MappingType[str, str] = field(default_factory=dict)
    """Characters replaced in the sample ids of all files."""

    strip_prefix: str = ""
    """Optional prefix of sample ids, such as R's ``X``."""

    strip_suffix: str = ""
    """Optional end of sample ids, such as ``.0`` of ids that were read as numbers."""

    strip_zeros: bool = False
    """Whether zeros before the first digit count for nothing, as a spreadsheet loses them."""

    ignore_case: bool = False
    """Whether ids that differ in case alone are one."""

    visit_unit: str = "months"
    visit_from: str = "zero"
    """``"zero"``: visit 0 is baseline; ``"first"``: each person's first sample is baseline."""

    tables: MappingType[str, TableMapping] = field(default_factory=dict)
    """Columns of ``diet``, ``pathways``, ``metabolites``, ``blood`` and ``visits``."""

    def rename_ids(self, ids: list[str]) -> list[str]:
        """Return ids rewritten by the rules of this mapping."""
        return [inert(self.rewrite(name)) for name in ids]

    def is_missing(self, values: "pd.Series", column: str = "") -> "pd.Series":
        """Return True where text of one of our columns means that a value is missing.

        Besides `missing`, INSDC's terms and all that begins with ``missing`` do, in any case,
        unless the word is a level of the column.
        """
        named = {word for words in self.levels.get(column, {}).values() for word in words}
        known = {word: word not in named and self._means_missing(word) for word in set(values)}
        return values.map(known).astype(bool)

    def _means_missing(self, word: str) -> bool:
        low = word.strip().lower()
        return word in self.missing or low.startswith("missing") or low in INSDC_MISSING

    def rewrite(self, name: str) -> str:
        """Return one id rewritten by [ids]."""
        name = name.removeprefix(self.strip_prefix).removesuffix(self.strip_suffix)
        if self.strip_zeros:
            name = re.sub(r"^0+(?=\d)", "", name)
        if self.ignore_case:
            name = name.lower()
        for old, new in self.replace.items():
            name = name.replace(old, new)
        return name


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
    """Read a mapping shipped with cohabit, for example ``"imsms"``.

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
    """Check the text of a mapping and return the mapping."""
    try:
        found = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{name}: not readable as TOML ({error})") from None
    sections: dict[str, dict] = dict.fromkeys(SECTIONS, {})
    for section, content in found.items():
        _known(section, SECTIONS, f"{name}: section")
        sections[section] = _table(content, f"{name}: [{section}]")
        for key in content:
            _known(key, SECTIONS[section], f"{name}: [{section}]")
    return Mapping(
        columns=_parse_columns(sections["columns"], name),
        keep=_texts(sections["columns"].get("keep", []), f"{name}: keep"),
        levels=_parse_levels(sections["levels"], name),
        tables=_parse_tables(sections, name),
        **_parse_cohort(sections["cohort"], name),
        **_parse_missing(sections["missing"], name),
        **_parse_ids(sections["ids"], name),
        **_parse_time(sections["visits"], name),
        age_unit=_one_of(sections["units"].get("age", "years"), AGE_UNITS, f"{name}: [units] age"),
        model=_parse_model(sections["model"], name),
    )


def _parse_model(found: dict, name: str) -> dict[str, object]:
    """Return the declared model; its columns are checked against the metadata later."""
    lists = {
        key: _texts(found[key], f"{name}: [model] {key}") for key in found if key != "reference"
    }
    reference = _table(found.get("reference", {}), f"{name}: [model.reference]")
    for column, level in reference.items():
        _text(level, f"{name}: [model.reference] {column}")
    model = {key: list(names) for key, names in lists.items()}
    return model | ({"reference": reference} if reference else {})


def _parse_columns(found: dict, name: str) -> dict[str, str]:
    columns = {key: value for key, value in found.items() if key != "keep"}
    for ours, theirs in columns.items():
        _text(theirs, f"{name}: [columns] {ours}")
    if "household_id" not in columns:
        raise ValueError(
            f'{name}: [columns] needs household_id = "..."; the column that says who lives together'
        )
    return columns


def _parse_levels(found: dict, name: str) -> dict:
    """Return column -> our level -> their words, each of which belongs to one level."""
    levels: dict[str, dict[str, tuple[str, ...]]] = {}
    for column, table in found.items():
        where, of = f"{name}: [levels.{column}]", levels.setdefault(column, {})
        for level, words in _table(table, f"{name}: [levels.{column}]").items():
            ours = () if column in schema.OPEN else schema.LEVELS.get(column, ())
            known = (*(ours or (level,)), MISSING, LEAVE_OUT)
            _known(level, (CASE, EVERYONE, *known) if column == "group" else known, where)
            words = _texts([words] if isinstance(words, str) else words, f"{where} {level}")
            ours = "MS" if column == "group" and level == CASE else level
            for other, taken in of.items():
                if set(words) & set(taken) and other != ours:
                    both = ", ".join(sorted(set(words) & set(taken)))
                    raise ValueError(f"{where}: {both} is named for {other} and for {ours}")
            of[ours] = (*of.get(ours, ()), *words)
    return levels


def _parse_cohort(found: dict, name: str) -> dict:
    options = {
        key: _text(found.get(key, ""), f"{name}: [cohort] {key}") for key in ("name", "case")
    }
    if "assay" in found:
        options["assay"] = _one_of(found["assay"], schema.ASSAYS, f"{name}: assay")
    return options


def _parse_missing(found: dict, name: str) -> dict:
    zero = _texts(found.get("zero_in_controls", []), f"{name}: zero_in_controls")
    for column in zero:
        _known(column, (*NUMBER_COLUMNS, "treatment"), f"{name}: zero_in_controls")
    if "codes" not in found:
        return {"zero_in_controls": zero}
    return {"zero_in_controls": zero, "missing": ("", *_texts(found["codes"], f"{name}: codes"))}


def _parse_ids(found: dict, name: str) -> dict:
    replaced = _table(found.get("replace", {}), f"{name}: [ids] replace")
    for old, new in replaced.items():
        _text(new, f"{name}: [ids] replace {old}")
    ends = ("strip_prefix", "strip_suffix")
    flags = ("strip_zeros", "ignore_case")
    texts = {key: _text(found.get(key, ""), f"{name}: {key}") for key in ends}
    return {"replace": replaced, **texts, **{key: _flag(found, key, name) for key in flags}}


def _flag(found: dict, key: str, name: str) -> bool:
    if not isinstance(value := found.get(key, False), bool):
        raise ValueError(f"{name}: {key}: expected true or false; got {value!r}")
    return value


def _parse_time(found: dict, name: str) -> dict:
    unit, start = found.get("unit", "months"), found.get("from", "zero")
    return {
        "visit_unit": _one_of(unit, VISIT_MONTHS, f"{name}: [visits] unit"),
        "visit_from": _one_of(start, ("zero", "first"), f"{name}: [visits] from"),
    }


def _parse_tables(sections: dict, name: str) -> dict[str, TableMapping]:
    """Return the mapping's sections for additional tables."""
    tables = {}
    for kind in (*TABLE_KINDS, "visits"):
        section, where = sections[kind], f"{name}: [{kind}]"
        options = {"columns": _table(section.get("columns", {}), f"{where} columns")}
        for ours, theirs in options["columns"].items():
            _text(theirs, f"{where} {ours}")
            if kind == "visits":
                _known(ours, VISIT_FIELDS, f"{where} columns")
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


def quote(text: str) -> str:
    """Return text as a TOML string on one line."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def quote_all(words: Iterable[str]) -> str:
    """Return texts as a list in TOML."""
    return f"[{', '.join(map(quote, words))}]"
