"""Write docs/api.md from the docstrings: ``make api``."""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

PAGE = Path(__file__).with_suffix(".md")
ROOMS = {
    "The world": ("simulate",),
    "A cohort": ("data.cohort", "files.storage"),
    "Tables": ("stats.composition", "stats.formula"),
    "Statistics": tuple(
        f"stats.{name}"
        for name in (
            *(
                "permanova",
                "explained",
                "mixed",
                "paired",
                "nonparametric",
                "abundance",
                "partners",
            ),
            *("molecules", "cluster_robust", "longitudinal"),
            *("diversity", "association", "networks", "prediction", "epidemiology"),
            "mediation",
        )
    ),
    "Two worlds": ("experiments.two_worlds", "experiments.traps"),
    "Ways against each other": ("experiments.arena",),
    "Published and planted": ("judge.claims", "judge.recovery"),
}
ONLY = {"files.storage": ["read_cohort", "write_cohort"]}
SECTION = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", re.M)
LISTED = {"Parameters", "Returns", "Raises", "Yields", "Attributes", "Warns"}
HEAD = """# Every public name

Made from the docstrings by `make api`; a test keeps it so. Import a name from the module it
stands under: `from cohabit.stats.permanova import permanova`. Formulas are in
[methods](methods.md).
"""


def make_page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for title, rooms in ROOMS.items():
        parts.append(f"## {title}\n")
        for room in rooms:
            module = import_module(f"cohabit.{room}")
            parts.append(f"### cohabit.{room}\n\n{inspect.getdoc(module).splitlines()[0]}\n")
            parts += [describe(name, getattr(module, name)) for name in public(room, module)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def public(room: str, module) -> list[str]:
    """Return the names a module hands out: `__all__`, or what it (or its package) defines."""
    own = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_")
        and (
            str(getattr(thing, "__module__", "")).startswith(module.__name__)
            or (name.isupper() and hasattr(module, "__path__"))
        )
    ]
    return ONLY.get(room) or getattr(module, "__all__", own)


def describe(name: str, thing: object) -> str:
    """Return one name's entry."""
    if not callable(thing):
        return f"#### `{name}`\n\n{', '.join(f'`{item}`' for item in thing)}\n"
    entry = f"#### `{name}`\n\n{heading(name, thing)}\n{render(inspect.getdoc(thing))}\n"
    if inspect.isclass(thing):
        entry += "".join([*fields(thing), *methods(thing)])
    return entry


def heading(name: str, thing: object) -> str:
    """Return the signature without types, which the text below gives in words."""
    blank = inspect.Parameter.empty
    signature = inspect.signature(thing)
    shown = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    bare = [p.replace(annotation=blank) for p in shown]
    call = str(signature.replace(parameters=bare, return_annotation=blank))
    call = re.sub(r"<[^>]*>", "...", call)
    call = re.sub(r"'[^']*'", lambda text: text[0].replace(" ", "\0"), call)  # kept on one line
    lines = textwrap.wrap(name + call, 88, subsequent_indent="    ", break_long_words=False)
    return "\n".join(["```python", *lines, "```\n"]).replace("\0", " ")


def fields(thing: type) -> Iterator[str]:
    """Yield the fields of a dataclass: from their metadata, or the text below each."""
    texts = {f.name: f.metadata.get("doc") for f in _own_fields(thing)}
    body = ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0].body
    for node, following in zip(body, body[1:], strict=False):
        said = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
        if isinstance(node, ast.AnnAssign) and said:
            texts[node.target.id] = " ".join(following.value.value.replace("``", "`").split())
    for item in _own_fields(thing):
        low, high, unit = (item.metadata.get(key) for key in ("low", "high", "unit"))
        limits = f" ({low:g} to {high:g}; {unit})" if low is not None else ""
        yield f"- `{item.name}`{limits}{': ' + texts[item.name] if texts[item.name] else ''}\n"


def _own_fields(thing: type) -> tuple[dataclasses.Field, ...]:
    return dataclasses.fields(thing) if dataclasses.is_dataclass(thing) else ()


def methods(thing: type) -> Iterator[str]:
    """Yield the public methods and properties of a class, those of our own bases included."""
    bases = [base for base in thing.__mro__[::-1] if base.__module__.startswith("cohabit")]
    for name, member in {n: m for base in bases for n, m in vars(base).items()}.items():
        member = getattr(member, "__func__", member)
        if not name.startswith("_") and (inspect.isfunction(member) or hasattr(member, "__get__")):
            called = heading(f".{name}", member) if inspect.isfunction(member) else ""
            yield f"\n##### `.{name}`\n\n{called}\n{render(inspect.getdoc(member))}\n"


def render(text: str) -> str:
    """Return a numpydoc docstring as Markdown."""
    text = re.sub(r":math:`([^`]+)`", r"$\1$", text).replace("``", "`")
    first, *rest = SECTION.split(re.sub(r"\[(\d)\]_", r"[\1]", text))
    parts = [first.strip()]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        if title == "Examples":
            body = f"```python\n{textwrap.dedent(body.strip().removeprefix('::')).strip()}\n```"
        elif title in LISTED:
            body = re.sub(r"^(\S.*)$", r"- `\1`", body.strip(), flags=re.M)
        parts += [f"**{title}**", re.sub(r"^\.\. \[(\d)\]", r"\1.", body.strip(), flags=re.M)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(make_page(), encoding="utf-8")
