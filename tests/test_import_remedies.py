"""Every remedy that an import prints does what it says: each is followed here."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from biom import load_table
from field_files import COUNTS, separated, table
from own_cohort import FEATURES, MAPPING, Files, join, json_bytes, make_biom

from cohabit import cli
from cohabit.cli import make_parser
from cohabit.files.importers import import_cohort, read_mapping
from cohabit.files.importers.mapping import parse_mapping
from cohabit.files.importers.matching import find_id_rule
from cohabit.files.importers.sources import read_source


def take_in(paths, **options):
    mapping = read_mapping(paths["mapping"])
    return import_cohort(paths["metadata"], {"16s": paths["table"]}, mapping, **options)


def message(paths, **options):
    with pytest.raises(ValueError, match=r".") as caught:
        take_in(paths, **options)
    return str(caught.value)


def add_section(paths, section, lines):
    path = paths["mapping"]
    path.write_text(
        path.read_text(encoding="utf-8") + f"\n[{section}]\n{lines}\n", encoding="utf-8"
    )


def with_ids(change, in_table=lambda name: name):
    """Return files whose sample ids are written in two ways."""
    files = Files()
    for i, row in enumerate(files.rows):
        files.cells[0][i + 1] = in_table(f"{i + 7:03d}")
        row[0] = change(f"{i + 7:03d}")
    return files


IDS = {
    "zeros lost": (with_ids(lambda name: name.lstrip("0")), "strip_zeros = true"),
    "a suffix of numbers": (with_ids(lambda name: f"{name}.0"), 'strip_suffix = ".0"'),
    "both": (with_ids(lambda name: f"{int(name)}.0"), 'strip_suffix = ".0" and strip_zeros = true'),
    "letter case": (with_ids(lambda n: f"p{n}a", lambda n: f"P{n}A"), "ignore_case = true"),
    "what a pipeline appends": (
        with_ids(lambda n: f"p{n}a", lambda n: f"p{n}a_S1_L001"), 'strip_suffix = "_S1_L001"',
    ),
    "X of R": (with_ids(lambda name: name, lambda name: f"X{name}"), 'strip_prefix = "X"'),
    "points for dashes": (
        with_ids(lambda n: f"a-{n}", lambda n: f"a.{n}"), 'replace = { "-" = "." }',
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", IDS)
def test_ids__the_rule_printed_joins_all_people(kind, tmp_path):
    files, rule = IDS[kind]
    paths = files.write(tmp_path)
    said = message(paths)
    found = re.search(r"add \[ids\] (.*) to the mapping", said)[1]
    assert found == rule
    add_section(paths, "ids", found.replace(" and ", "\n"))
    cohort, _ = take_in(paths)
    assert cohort.table("16s").shape == (8, 4)


def test_ids__part_of_which_match_are_refused_not_left_out(tmp_path):
    files = with_ids(lambda name: name.lstrip("0"))
    paths = files.write(tmp_path)
    joined = {row[0] for row in files.rows} & set(files.cells[0])
    assert len(joined) == 0
    files.cells[0][1:4] = [row[0] for row in files.rows[:3]]
    assert "3 of 8 sample ids are in the metadata" in message(files.write(tmp_path))
    assert paths["mapping"].is_file()


def test_ids__people_named_apart_are_rewritten_by_the_same_rule(tmp_path):
    files = with_ids(lambda name: name.lstrip("0"))
    files.header[7] = "who"
    for i, row in enumerate(files.rows):
        row[7] = f"p-{i:03d}"
    files.mapping = MAPPING.replace('keep = ["pets"]', 'participant_id = "who"')
    files.mapping += '[ids]\nreplace = { "-" = "." }\nstrip_zeros = true\n'
    paths = files.write(tmp_path)
    cohort, _ = take_in(paths)
    assert cohort.participants.index.tolist()[:2] == ["p.000", "p.001"]


def test_id_rule__is_not_looked_for_where_all_ids_match():
    assert find_id_rule(["a", "b"], ["b", "a", "c"]) == ("", 2)


def test_shares__become_counts_by_the_column_that_the_remedy_asks_for(tmp_path):
    shares = (100 * COUNTS / COUNTS.sum(axis=0)).round(9).astype(str).tolist()
    files = Files(table=separated(table(numbers=shares), "\t"))
    said = message(files.write(tmp_path))
    assert "percentages; give the counts they came from, or name the column" in said
    files.header[7] = "n reads"
    for row, n in zip(files.rows, COUNTS.sum(axis=0), strict=True):
        row[7] = str(n)
    named = re.search(r'reads = "..."', said)[0].replace("...", "n reads")
    files.mapping = MAPPING.replace('keep = ["pets"]', named)
    cohort, log = take_in(files.write(tmp_path))
    assert (cohort.table("16s")[list(FEATURES)].to_numpy() == COUNTS.T).all()
    assert "percentages became counts" in log.describe()
    files.rows[2][7] = "NA"
    assert r"reads: 1 sample(s) have no number of reads (s2a)" in message(files.write(tmp_path))


def visits(times, unit="weeks"):
    """Return files in which everybody gave a sample at each time."""
    files = Files()
    files.header[7], files.mapping = "time", MAPPING.replace('keep = ["pets"]', "")
    files.header.append("who")
    files.mapping = files.mapping.replace('"id"', '"id"\nparticipant_id = "who"\nvisit = "time"')
    files.mapping += f'[visits]\nunit = "{unit}"\n'
    files.rows = [[f"{row[0]}.{i}", *row[1:7], time, row[0]]
                  for row in files.rows for i, time in enumerate(times)]  # fmt: skip
    files.cells = None
    files.__post_init__()
    return files


def test_visits__of_weeks_are_kept_apart_and_what_is_not_used_is_said(tmp_path):
    cohort, log = take_in(visits(["0", "1", "2"]).write(tmp_path))
    assert cohort.samples["visit"].value_counts().to_dict() == {0.0: 8, 0.23: 8, 0.46: 8}
    assert len(cohort.table("16s")) == 8
    assert len(cohort.table("16s", visit=0.23)) == 8
    assert cohort.table("16s").to_numpy().sum() < cohort.samples["depth"].sum()
    assert "16 sample(s) of visits other than 0 are kept; the notebooks use the 8" in log.describe()
    assert "summed" not in log.describe()


def test_visits__without_a_baseline_are_counted_from_the_first_as_advised(tmp_path):
    paths = visits(["1", "2", "3"]).write(tmp_path)
    said = message(paths)
    remedy = re.search(r'write (from = "first") under \[visits\]', said)[1]
    text = paths["mapping"].read_text(encoding="utf-8")
    paths["mapping"].write_text(text.replace("[visits]", f"[visits]\n{remedy}"), encoding="utf-8")
    cohort, _ = take_in(paths)
    assert sorted(cohort.samples["visit"].unique()) == [0.0, 0.23, 0.46]


def test_visits__in_words_are_numbers_by_their_levels(tmp_path):
    files = visits(["baseline", "week 4", "week 8"])
    assert "visit: 24 value(s) are not numbers" in message(files.write(tmp_path))
    files.mapping += '[levels.visit]\n0 = ["baseline"]\n4 = ["week 4"]\n8 = ["week 8"]\n'
    cohort, _ = take_in(files.write(tmp_path))
    assert sorted(cohort.samples["visit"].unique()) == [0, 1, 2]


def test_visits__within_half_a_month_of_baseline_are_baseline_and_said(tmp_path):
    cohort, log = take_in(visits(["3", "92"], "days").write(tmp_path))
    assert sorted(cohort.samples["visit"].unique()) == [0, 3]
    assert "8 sample(s) within half a month of 0 became visit 0" in log.describe()


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_encoding__the_command_printed_writes_what_is_read(encoding, tmp_path):
    path = tmp_path / "people of $1 & 'more'.tsv"
    path.write_bytes("id\ttown\na\tCórdoba\n".encode(encoding))
    with pytest.raises(ValueError, match="iconv") as caught:
        read_source(path).text()
    command = re.search(r"`(iconv .*)`", str(caught.value))[1]
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    written = shlex.split(command)[-1]
    assert "Córdoba" in read_source(tmp_path / written).text()


def test_next__is_a_line_that_a_shell_takes_whole(tmp_path, capsys):
    paths = Files().write(tmp_path)
    out = tmp_path / "Jörg's data $1" / "kohort ä [2]"
    arguments = ["--metadata", paths["metadata"], "--table", f"16s={paths['table']}"]
    arguments += ["--mapping", paths["mapping"], "--out", out]
    assert cli.main(["import", *map(str, arguments)]) == 0
    line = capsys.readouterr().out.splitlines()[-1].removeprefix("next: ")
    assert shlex.split(line)[-2:] == ["--cohort", str(out)]
    *_, command, _, folder = shlex.split(line)
    assert make_parser().parse_args([command, "--cohort", folder, "--list"]).cohort == str(out)


def test_assay__the_option_printed_names_the_table(tmp_path, capsys):
    paths = Files(table_name="my counts.tsv").write(tmp_path)
    arguments = ["import", "--metadata", paths["metadata"], "--mapping", paths["mapping"]]
    arguments += ["--out", tmp_path / "mine"]
    assert cli.main([*map(str, arguments), "--table", str(paths["table"])]) == 2
    said = capsys.readouterr().err.strip()
    option = shlex.split(said.rpartition("shotgun: ")[2])
    assert cli.main([*map(str, arguments), *option]) == 0
    assert Path(tmp_path / "mine" / "cohort.json").is_file()


def test_levels__words_for_missing_homes_can_be_left_out_as_said(tmp_path):
    files = Files()
    files.rows[0][1] = "Missing: Not provided"
    paths = files.write(tmp_path)
    said = message(paths)
    line = re.search(r'leave_out = \["Missing: Not provided"\]', said)[0]
    add_section(paths, "levels.household_id", line)
    assert len(take_in(paths)[0].participants) == 7


def test_table__that_has_its_words_left_out_is_read(tmp_path):
    files = Files()
    files.cells = [[row[0], "level" if i == 0 else "S", *row[1:]]
                   for i, row in enumerate(files.cells)]  # fmt: skip
    files.table = join(files.cells).encode()
    paths = files.write(tmp_path)
    name = re.search(r"hold no numbers \((.*)\); leave them out", message(paths))[1]
    place = files.cells[0].index(name)
    paths["table"].write_text(join([r[:place] + r[place + 1 :] for r in files.cells]))
    assert len(take_in(paths)[0].table("16s")) == 8


def test_table__without_a_single_count_is_refused(tmp_path):
    data = json_bytes(make_biom([row[0] for row in Files().rows]), data=[])
    for assay in ("16s", "shotgun"):
        paths = Files(table_name="counts.biom", table=data).write(tmp_path)
        mapping = read_mapping(paths["mapping"])
        with pytest.raises(ValueError, match="no sample of the metadata has a read; export"):
            import_cohort(paths["metadata"], {assay: paths["table"]}, mapping)


def test_ids__of_further_tables_are_joined_by_the_rule_printed(tmp_path):
    paths = with_ids(lambda name: name).write(tmp_path)
    diet = tmp_path / "diet.tsv"
    names = [f"{i + 7:03d}" if i < 3 else f"{i + 7}" for i in range(8)]
    diet.write_text(join([["id", "hei"], *([name, "60"] for name in names)]), encoding="utf-8")
    said = message(paths, measured={"diet": diet})
    add_section(paths, "ids", re.search(r"add \[ids\] (.*) to the mapping", said)[1])
    assert len(take_in(paths, measured={"diet": diet})[0].diet) == 8


FOLLOWED = {
    "iconv": "test_encoding__the_command_printed_writes_what_is_read",
    "biom convert": "test_biom__the_program_named_writes_what_is_read",
    "cohabit import --guess": "test_guess__once_its_questions_are_answered_is_imported",
    "reads = ": "test_shares__become_counts_by_the_column_that_the_remedy_asks_for",
    "leave_out = ": "test_levels__words_for_missing_homes_can_be_left_out_as_said",
    "from = ": "test_visits__without_a_baseline_are_counted_from_the_first_as_advised",
    "visit = ": "test_import__takes_in_every_table",
    "scale = ": "test_logs__are_read_by_the_line_that_the_remedy_asks_for",
    "household_id = ": "test_household__the_line_asked_for_is_enough",
    "group = ": "test_group__the_lines_asked_for_are_enough",
    "everyone = ": "test_group__the_lines_asked_for_are_enough",
}
"""What a message of the importers may tell to run or to write -> the test that does so."""


def test_remedies__each_command_and_line_has_the_test_that_follows_it():
    tests = Path(__file__).parent
    written = "".join(path.read_text(encoding="utf-8") for path in tests.glob("test_*.py"))
    assert [name for name in FOLLOWED.values() if f"def {name}(" not in written] == []
    folder = tests.parent / "src" / "cohabit" / "files" / "importers"
    for path in folder.glob("*.py"):
        if path.stem == "guess":  # writes a mapping whole, which `test_guess` reads
            continue
        for text in texts_of(path):
            if "row.names" in text or "rownames(" in text:  # the line for R, which R has run
                continue
            told = re.findall(r"`([a-z]+ [^`]*)`|\b([a-z_]+ = )[\"{]", text)
            for command, line in told:
                assert any((command or line).startswith(known) for known in FOLLOWED), text


def texts_of(path):
    """Yield the texts of a module that are no docstrings; places to fill in are left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = None
        parts = [node] if isinstance(node, ast.Constant) else getattr(node, "values", [])
        texts = [p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)]
        yield from texts


def test_biom__the_program_named_writes_what_is_read(tmp_path):
    from biom.cli.table_converter import _convert

    files = Files(table_name="counts.biom")
    paths = files.write(tmp_path)
    plain = tmp_path / "plain.tsv"
    plain.write_text(join(files.cells), encoding="utf-8")
    _convert(load_table(str(plain)), str(paths["table"]), to_hdf5=True, table_type="OTU table")
    assert take_in(paths)[0].table("16s").shape == (8, 4)


def test_logs__are_read_by_the_line_that_the_remedy_asks_for(tmp_path):
    paths = Files().write(tmp_path)
    acids = tmp_path / "stool.tsv"
    rows = [[row[0], "-0.5", "1.5"] for row in Files().rows]
    acids.write_text(join([["id", "lysine", "leucine"], *rows]), encoding="utf-8")
    said = message(paths, measured={"stool": acids})
    add_section(paths, "metabolites", re.search(r'scale = "log"', said)[0])
    assert len(take_in(paths, measured={"stool": acids})[0].metabolites) == 8


def test_household__the_line_asked_for_is_enough(tmp_path):
    with pytest.raises(ValueError, match="household_id") as caught:
        parse_mapping(b"[columns]\n", "mine")
    line = re.search(r'household_id = "..."', str(caught.value))[0].replace("...", "house")
    columns = parse_mapping(f"[columns]\n{line}\n".encode(), "mine").columns
    assert columns == {"household_id": "house"}


def test_group__the_lines_asked_for_are_enough(tmp_path):
    files = Files(mapping=MAPPING.replace('group = "status"\n', ""))
    said = message(files.write(tmp_path))
    assert "no column says who is a case" in said
    line = re.search(r'group = "..."', said)[0].replace("...", "status")
    files.mapping = files.mapping.replace("[columns]", f"[columns]\n{line}")
    assert set(take_in(files.write(tmp_path))[0].participants["group"]) == {"MS", "control"}
    for line in re.findall(r'everyone = \["\w+"\]', said):
        bare = MAPPING.replace('group = "status"\n', "")
        files.mapping = bare.replace('case = ["ill"]\ncontrol = ["well"]', line)
        assert take_in(files.write(tmp_path))[0].participants["group"].nunique() == 1
