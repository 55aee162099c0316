"""Declared shapes of TOML and JSON content, one for each type of file.

A shape is a type, a tuple of types, a list with the shape of every item, a mapping with the shape
of each known key (none of them required), or ``{str: shape}`` for a mapping with any keys.
"""

from collections.abc import Mapping

Number = (int, float)
_WORDS = {str: "text", bool: "true or false", dict: "a table", list: "a list", Number: "a number"}


def check_shape(content: object, shape: object, where: str) -> None:
    """Raise ValueError when content does not have the declared shape.

    Parameters
    ----------
    content : object
        As `tomllib` or `json` read it.
    shape : object
        As in this module's docstring.
    where : str
        What to call it: the file, then the key.

    Raises
    ------
    ValueError
        Names the first place that differs and what was expected there.
    """
    kind = shape if isinstance(shape, type | tuple) else type(shape)
    if not isinstance(content, kind) or (isinstance(content, bool) and kind is not bool):
        raise ValueError(f"{where}: expected {_WORDS[kind]}; got {repr(content)[:80]}")
    if isinstance(shape, list):
        for item in content:
            check_shape(item, shape[0], where)
    elif isinstance(shape, Mapping):
        for key, value in content.items():
            if str in shape or key in shape:
                check_shape(value, shape.get(key, shape.get(str)), f"{where}: {key}")
