"""Hashes of everything that a notebook's result depends on."""

import ast
import hashlib
import importlib.metadata
import json
import platform
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from threading import Lock

import cohabit

PACKAGE = Path(cohabit.__file__).parent
PARSING = Lock()
"""Lock for parsing, which is not thread-safe in Python 3.11 (SystemError: AST ... depth)."""


def hash_text(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def hash_value(value: object) -> str:
    """Return the SHA-256 of plain data, independent of the order of keys."""
    return hash_text(json.dumps(value, sort_keys=True))


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_folder(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file in a folder, by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


@cache
def hash_library(code: str) -> str:
    """Return a hash of the parts of cohabit that a notebook's code can reach.

    Imports are followed from module to module; data files of every package on the way count too.
    """
    files = library_files(code)
    return hash_value({path.relative_to(PACKAGE).as_posix(): _hash_once(path) for path in files})


@cache
def _hash_once(path: Path) -> str:
    return hash_file(path)


def library_files(code: str) -> list[Path]:
    """Return a sorted list of the files of cohabit that `code` can reach by imports.

    Code that is not plain Python may import anything, so it gets every file.
    """
    try:
        found, waiting = set(), list(_imports(code, "cohabit"))
    except SyntaxError:
        return sorted({*PACKAGE.rglob("*.py"), *_data_files()})
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imports_of(path))
    packages = {path.parent for path in found} | {PACKAGE}
    return sorted(found | {path for path in _data_files() if _package_of(path) in packages})


@cache
def _imports_of(path: Path) -> frozenset[Path]:
    if path.suffix == ".pyi":  # it names everything; who takes what is known already
        return frozenset()
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    here = ".".join(parts[:-1])
    return frozenset(_imports(path.read_text(encoding="utf-8"), here))


def _imports(code: str, package: str) -> Iterable[Path]:
    """Yield the files of cohabit that a piece of code imports anywhere."""
    tree = _parse(code)
    for name in _names_of_package(tree):
        yield from _files_of(f"{PACKAGE.name}.{name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of(alias.name)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            for alias in node.names:
                yield from _files_of(f"{module}.{alias.name}")


def _names_of_package(tree: ast.AST) -> set[str]:
    """Return the names taken from the imported package, as in `cohabit.permanova`.

    If the package is used in another way, as in `getattr(cohabit, name)`, the result is ``*``.
    """
    bound = _names_bound(tree)
    taken = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_one_of(node.value, bound)
    ]
    uses = sum(_is_one_of(node, bound) for node in ast.walk(tree))
    return {node.attr for node in taken} | ({"*"} if uses > len(taken) else set())


def _names_bound(tree: ast.AST) -> set[str]:
    """Return the names by which the code refers to the imported package."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    aliases = [alias for node in imports for alias in node.names]
    whole = {alias.asname or alias.name for alias in aliases if alias.name == PACKAGE.name}
    within = (alias.name.split(".")[0] for alias in aliases if alias.asname is None)
    return whole | ({PACKAGE.name} & set(within))


def _is_one_of(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


@cache
def _front_door() -> Mapping[str, str]:
    """Return the module of each name of the package, read from its stub."""
    stub = PACKAGE / "__init__.pyi"
    tree = _parse(stub.read_text(encoding="utf-8") if stub.is_file() else "")
    return {
        alias.asname or alias.name: f"{PACKAGE.name}.{node.module}.{alias.name}"
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }


def _parse(code: str) -> ast.Module:
    with PARSING:
        return ast.parse(code)


def _files_of(name: str) -> Iterable[Path]:
    """Yield the files loaded by importing a dotted name: the packages and the module."""
    parts = name.split(".")
    if parts[0] != PACKAGE.name:
        return
    for short, place in _front_door().items():
        if parts[1:] in ([short], ["*"]):
            yield PACKAGE / "__init__.pyi"
            yield from _files_of(place)
    folder = PACKAGE
    yield folder / "__init__.py"
    for part in parts[1:]:
        if (folder / f"{part}.py").is_file():
            yield folder / f"{part}.py"
        folder = folder / part
        if not (folder / "__init__.py").is_file():
            return
        yield folder / "__init__.py"


@cache
def _data_files() -> tuple[Path, ...]:
    skipped = {".py", ".pyc", ".pyi", ".pyo"}
    return tuple(
        path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in skipped
    )


def _package_of(path: Path) -> Path:
    return next(folder for folder in path.parents if (folder / "__init__.py").is_file())


@cache
def describe_code() -> Mapping[str, str]:
    """Return the versions that two processes must share to compute the same results.

    The versions, and one hash over all files of the package as they are at the first call: an
    edited copy keeps its version.
    """
    files = sorted({*PACKAGE.rglob("*.py"), *_data_files()})
    hashes = {path.relative_to(PACKAGE).as_posix(): _hash_once(path) for path in files}
    return {**find_versions(), "code of cohabit": hash_value(hashes)}


@cache
def hash_environment() -> str:
    """Return a hash of Python, the processor family and the versions of requirements."""
    return hash_value({"machine": platform.machine(), **find_versions()})


@cache
def find_versions() -> Mapping[str, str]:
    """Return the versions of Python, cohabit and the packages that it requires."""
    required = importlib.metadata.requires("cohabit") or []
    names = [re.match(r"[\w.-]+", line)[0] for line in required if "extra ==" not in line]
    versions = {name: importlib.metadata.version(name) for name in sorted(names)}
    return {"python": platform.python_version(), "cohabit": cohabit.__version__, **versions}
