"""The rules of the house, executed."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "cohabit"
STATISTICS = [
    "composition",
    "diversity",
    "explained",
    "permanova",
    "mixed",
    "paired",
    "abundance",
    "comparisons",
    "levels",
    "clustered",
    "longitudinal",
    "association",
    "networks",
    "prediction",
    "epidemiology",
    "mediation",
    "formula",
]
WORLD = {"simulate", "calibrate", "power", "arena", "worlds", "traps"}
DISK = {"storage", "results", "importers", "report", "runner", "paths"}
KNOWS_BOTH_WORLDS = {"calibrate", "power", "arena", "validate", "worlds", "traps"}
ATTICS = {"utils", "util", "helpers", "common", "misc"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Rooms of cohabit, and outside packages, that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "cohabit":
            found |= {f"cohabit.{name.name}" for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return {
        name.split(".")[1] if name.startswith("cohabit.") else name.split(".")[0] for name in found
    }


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "-z", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


@pytest.mark.parametrize("name", STATISTICS)
def test_statistics__are_blind_to_the_simulator_to_disk_and_to_plots(name):
    paths = [path for path in modules() if room(path).split("_")[0] == name]
    assert paths, f"no module {name}"
    for path in paths:
        forbidden = WORLD | DISK | {"recovery", "exercises", "figures", "matplotlib", "seaborn"}
        assert not imported(path) & forbidden, path.name


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_module__imports_one_way(path):
    here, found = room(path), imported(path)
    if here == "schema":
        assert not found & ({room(other) for other in modules()} - {"naming", "schema"})
    if here == "simulate":
        assert not found & (set(STATISTICS) | DISK | {"recovery", "figures"})
    if here in ("figures", "cohort", "claims"):
        assert not found & DISK
    if here not in KNOWS_BOTH_WORLDS | {"simulate", "cli"}:
        assert "simulate" not in found
    assert not found & {"run_all", "notebooks"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_module__is_small_and_has_a_subject(path):
    text = path.read_text(encoding="utf-8")
    assert path.stem not in ATTICS
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "a module says in its first line what it is"


def test_truth__is_opened_by_recovery_alone():
    for path in modules():
        if room(path) not in {"recovery", "storage", "simulate"}:
            assert "effects.tsv" not in path.read_text(encoding="utf-8"), path.name


def test_dependencies__are_the_same_for_pip_and_conda():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = set(project["dependencies"]) | set(project["optional-dependencies"]["test"])
    wanted = {name.replace("[pandas]", "") for name in wanted}
    lines = re.findall(r"^\s+- (\S+)$", (ROOT / "env.yml").read_text(encoding="utf-8"), re.M)
    listed = {line for line in lines if line not in ("conda-forge", "pip", "pip:")}
    python = f"python{project['requires-python']}"
    assert listed == wanted | {python}


def test_lock__pins_everything_by_hash_and_names_no_address():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    pins = re.findall(
        r"^([a-zA-Z0-9_.\-\[\]]+)==\S+.*\\\n(?:    --hash=sha256:[0-9a-f]{64})", lock, re.M
    )
    assert len(pins) == len(re.findall(r"^[a-zA-Z0-9]", lock, re.M))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    names = {re.split(r"[\[<>=]", name)[0] for name in wanted}
    assert names <= {pin.split("[")[0] for pin in pins}


def test_text__names_no_absolute_path():
    absolute = re.compile(r"(?<![\w./<:])/(?:home|root|Users|work|tmp)/\w")
    for path in tracked():
        if path.suffix in {".png", ".biom", ".lock"} or path.name == Path(__file__).name:
            continue
        found = absolute.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)}: {found.group()}"


def test_files__are_small():
    large = [path.name for path in tracked() if path.stat().st_size > 1_000_000]
    assert large == []


def test_readme__lists_every_notebook_and_command():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        assert path.stem in readme, path.stem
    for command in ("make study", "make test", "make lab", "make classroom"):
        assert command in readme
