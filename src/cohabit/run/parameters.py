"""Typed parameters, read from a notebook's parameters cell without running it.

A parameter is one line, ``name: type = literal  # meaning; low to high``. The type is `int`,
`float`, `str` or `bool` or a list of one of them, with ``| None`` if a missing value is allowed;
text can end in ``one of a, b, c`` instead of a range.
"""

import ast
import io
import math
import re
import tokenize
from dataclasses import dataclass

FORM = "name: type = literal  # meaning; low to high"
KINDS = {"int": int, "float": float, "str": str, "bool": bool}
NUMBER = r"-?\d[\d_]*(?:\.\d*)?(?:e-?\d+)?"
RANGE = re.compile(rf"^({NUMBER}) to ({NUMBER})\b", re.IGNORECASE)
CHOICES = re.compile(r"^one of (.+)$")
YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Parameter:
    """A notebook parameter with its meaning and allowed values."""

    name: str
    kind: str
    """`int`, `float`, `str` or `bool`; for a list, the type of its items."""

    default: object
    meaning: str = ""
    is_list: bool = False
    optional: bool = False
    """True if None is allowed."""

    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """Description of the allowed values."""
        words = f"list of {self.kind}" if self.is_list else self.kind
        if self.choices:
            words += f", one of {', '.join(self.choices)}"
        elif math.isfinite(self.low):
            words += f", {_plain(self.low)} to {_plain(self.high)}"
        return words + (", or none" if self.optional else "")

    def check(self, value: object) -> object:
        """Return `value` in the type that the notebook receives, or raise an error.

        Raises
        ------
        ValueError
            When the type is wrong or the value lies outside the range.
        """
        if value is None and self.optional:
            return None
        if self.is_list != isinstance(value, list | tuple) or value in ([], ()):
            raise self._refuse(value)
        if self.is_list:
            return [self._check_one(item, value) for item in value]
        return self._check_one(value, value)

    def parse(self, text: str) -> object:
        """Read and check a value from the command line.

        Raises
        ------
        ValueError
            When the text is not an allowed value; names the range.
        """
        if self.optional and text.lower() == "none":
            return None
        if not self.is_list:
            return self.check(self._parse_one(text.strip(), text))
        items = [item.strip().strip("'\"") for item in text.strip().strip("[]()").split(",")]
        return self.check([self._parse_one(item, text) for item in items if item])

    def _parse_one(self, text: str, given: str) -> object:
        if self.kind == "bool" and text.lower() in YES_OR_NO:
            return YES_OR_NO[text.lower()]
        if self.kind == "str":
            return text
        try:
            return KINDS[self.kind](text) if self.kind != "bool" else text
        except ValueError:
            raise self._refuse(given) from None

    def _check_one(self, value: object, given: object) -> object:
        if self.kind == "float" and type(value) is int:
            value = float(value)
        if type(value) is not KINDS[self.kind]:
            raise self._refuse(given)
        if self.kind in ("int", "float") and not self.low <= value <= self.high:
            raise self._refuse(given)
        if self.kind == "float" and not math.isfinite(value):
            raise self._refuse(given)
        if self.choices and value not in self.choices:
            raise self._refuse(given)
        return value

    def _refuse(self, value: object) -> ValueError:
        meaning = f" ({self.meaning})" if self.meaning else ""
        return ValueError(f"{self.name}: expected {self.expected}{meaning}; got {value!r}")


def read_parameters(source: str) -> dict[str, Parameter]:
    """Read the parameters from the source of a parameters cell.

    Raises
    ------
    ValueError
        When a line has another form, or a default lies outside its own range.
    """
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise ValueError(f"line {error.lineno}: expected `{FORM}`; got {error.msg}") from None
    comments = _read_comments(source)
    found = {}
    for statement in statements:
        lines = range(statement.lineno, statement.end_lineno + 1)
        comment = " ".join(comments[line] for line in lines if line in comments)
        parameter = _read_one(statement, source, comment)
        if parameter.name in found:
            raise ValueError(f"line {statement.lineno}: {parameter.name} is defined twice")
        found[parameter.name] = parameter
    return found


def _read_comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _read_one(statement: ast.stmt, source: str, comment: str) -> Parameter:
    """Read a parameter from a statement and its trailing comment."""
    line = f"line {statement.lineno}"
    try:
        kind, is_list, optional = _read_type(statement.annotation)
        default = ast.literal_eval(statement.value)
        name = statement.target.id
    except (AttributeError, ValueError, TypeError):
        written = ast.get_source_segment(source, statement)
        raise ValueError(f"{line}: expected `{FORM}`; got `{written}`") from None
    meaning, _, allowed = comment.rpartition(";")
    limits = _read_limits(allowed.strip())
    meaning = meaning.strip() if limits else comment
    parameter = Parameter(name, kind, default, meaning, is_list, optional, **limits)
    try:
        parameter.check(default)
    except ValueError as error:
        raise ValueError(f"{line}: the default is not allowed: {error}") from None
    return parameter


def _read_type(annotation: ast.expr) -> tuple[str, bool, bool]:
    """Return the type, whether it is a list, and whether None is allowed."""
    optional = isinstance(annotation, ast.BinOp) and ast.unparse(annotation.right) == "None"
    inner = annotation.left if optional else annotation
    is_list = isinstance(inner, ast.Subscript) and ast.unparse(inner.value) == "list"
    kind = ast.unparse(inner.slice if is_list else inner)
    if kind not in KINDS:
        raise ValueError(kind)
    return kind, is_list, optional


def _read_limits(allowed: str) -> dict:
    if found := RANGE.match(allowed):
        low, high = (float(number) for number in found.groups())
        return {"low": low, "high": high}
    if found := CHOICES.match(allowed):
        return {"choices": tuple(item.strip() for item in found[1].split(","))}
    return {}


def _plain(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:g}"
