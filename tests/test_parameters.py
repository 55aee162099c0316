"""Parameters and profiles: what is written in a parameters cell is what may be set."""

import math
from pathlib import Path

import pytest

from cohabit.run.graph import discover, find_needs
from cohabit.run.parameters import read_parameters
from cohabit.run.profiles import Profile, read_profile, resolve_parameters

CELL = """\
# people
n_pairs: int = 576  # households; 2 to 5_000
share: float = 0.5  # of the effect; -1 to 1e0
label: str = "a = b"  # any text, with an equals sign
method: str = "lmm_clr"  # how; one of lmm_clr, lmm_asin
quiet: bool = False  # say nothing
depths: list[int] = [100, 1000]  # reads; 1 to 1000000
window: float | None = None  # years; 0 to 40
min_share: float = (
    0.5  # a line that a formatter broke; 0 to 1
)
"""


@pytest.fixture(scope="module")
def parameters():
    return read_parameters(CELL)


def test_read_parameters__keeps_type_default_meaning_and_range(parameters):
    pairs = parameters["n_pairs"]
    assert (pairs.kind, pairs.default, pairs.low, pairs.high) == ("int", 576, 2, 5000)
    assert pairs.meaning == "households"
    assert parameters["label"].default == "a = b"
    assert parameters["label"].meaning == "any text, with an equals sign"
    assert parameters["method"].choices == ("lmm_clr", "lmm_asin")
    assert parameters["window"].optional
    assert (parameters["min_share"].default, parameters["min_share"].high) == (0.5, 1)
    assert list(parameters)[:3] == ["n_pairs", "share", "label"]
    assert len(parameters) == 8


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n_pairs", "12", 12),
        ("share", "1", 1.0),
        ("share", "-0.25", -0.25),
        ("label", " x=y; z ", "x=y; z"),
        ("method", "lmm_asin", "lmm_asin"),
        ("quiet", "yes", True),
        ("quiet", "False", False),
        ("depths", "10, 20", [10, 20]),
        ("depths", "[10]", [10]),
        ("window", "none", None),
        ("window", "3", 3.0),
    ],
)
def test_parse__reads_the_type(parameters, name, text, value):
    parsed = parameters[name].parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("n_pairs", "1", "expected int, 2 to 5,000 (households); got 1"),
        ("n_pairs", "2.5", "expected int"),
        ("n_pairs", "many", "got 'many'"),
        ("share", "1.01", "-1 to 1"),
        ("share", "nan", "-1 to 1"),
        ("share", "inf", "-1 to 1"),
        ("method", "lmm", "one of lmm_clr, lmm_asin"),
        ("quiet", "2", "expected bool"),
        ("depths", "0,10", "list of int, 1 to 1,000,000"),
        ("window", "41", "0 to 40, or none"),
    ],
)
def test_parse__refuses_by_name_with_the_range(parameters, name, text, words):
    with pytest.raises(ValueError, match=f"^{name}: expected ") as caught:
        parameters[name].parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("n_pairs", True), ("n_pairs", 3.0), ("share", "1"), ("depths", 3)]
)
def test_check__refuses_a_wrong_type(parameters, name, value):
    with pytest.raises(ValueError, match=f"{name}: expected"):
        parameters[name].check(value)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("x = 3", "line 1: expected `name: type = literal"),
        ("x: int", "line 1: expected"),
        ("\nx: complex = 3", "line 2: expected"),
        ("x: int = 1 + len('a')", "line 1: expected"),
        ("x: int = 30  # n; 1 to 10", "the default is not allowed: x: expected int, 1 to 10"),
        ("x: int = 1\nx: int = 2", "line 2: x is defined twice"),
        ("x: int = (1", "line 1: expected"),
        ("import os", "line 1: expected"),
    ],
)
def test_read_parameters__refuses_another_form(cell, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        read_parameters(cell)
    assert words in str(caught.value)


def test_resolve__lets_profile_win_over_defaults_and_settings_over_both(tree):
    profile = Profile("p", "study", {"05": {"n": 4}, "07": {"wrong": True}})
    found = resolve_parameters(tree.notebooks, profile, seed=9, settings=["sums.n=5", "7.seed=2"])
    assert found["05"] == {"seed": 9, "n": 5}
    assert found["07"] == {"seed": 2, "wrong": True}
    assert "cohort_dir" not in found["02"]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ({"5_sum": {}}, "no notebook '5_sum': did you mean '05_sums'"),
        ({"05": {"m": 4}}, "notebook 05_sums has no parameter 'm'"),
        ({"05": {"n": 11}}, "05.n: expected int, 1 to 10"),
        ({"05": {"n": "4"}}, "05.n: expected int, 1 to 10"),
        ({"05": {"run_dir": "x"}}, "05.run_dir is the runner's"),
        ({"05": 3}, "as a table"),
    ],
)
def test_resolve__checks_profiles_like_the_command_line(tree, profile, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below
        resolve_parameters(tree.notebooks, Profile("p", "study", profile))
    assert words in str(caught.value)


def test_read_profile__names_the_nearest(tree):
    assert read_profile("study", tree.root / "config").preset == "study"
    with pytest.raises(ValueError, match="no profile 'stdy': did you mean 'study'"):
        read_profile("stdy", tree.root / "config")


def test_read_profile__refuses_a_strange_key(tree):
    path = tree.root / "config" / "odd.toml"
    path.write_text('presets = "study"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="no key 'presets': did you mean 'preset'"):
        read_profile("odd", path.parent)


ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = discover(ROOT / "notebooks")
PROFILES = sorted(path.stem for path in (ROOT / "config").glob("*.toml"))


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_notebook__says_meaning_and_range_of_every_parameter(number):
    for parameter in NOTEBOOKS[number].parameters.values():
        assert parameter.meaning, f"{number}.{parameter.name} needs `# meaning`"
        bounded = math.isfinite(parameter.low) and math.isfinite(parameter.high)
        number_like = parameter.kind in ("int", "float")
        assert bounded or not number_like, f"{number}.{parameter.name} needs `; low to high`"


@pytest.mark.parametrize("name", PROFILES)
def test_profile__holds_differences_alone(name):
    profile = read_profile(name, ROOT / "config")
    resolve_parameters(NOTEBOOKS, profile)
    for number, table in profile.notebooks.items():
        for key, value in table.items():
            default = NOTEBOOKS[number].parameters[key].default
            assert value != default, f"{name}: {number}.{key} is the default"


def test_collection__has_an_order():
    assert list(find_needs(NOTEBOOKS))
