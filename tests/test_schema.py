import pandas as pd
import pytest

from cohabit.data import schema


def people(**columns):
    table = {"household_id": ["h1", "h1"], "group": ["MS", "control"], **columns}
    return pd.DataFrame(table, index=["a", "b"])


def test_order_levels__puts_the_reference_first():
    ordered = schema.order_levels(people(sex=["female", "male"]))
    assert list(ordered["group"].cat.categories) == ["control", "MS"]
    assert list(ordered["sex"].cat.categories) == ["male", "female"]


def test_order_levels__refuses_an_unknown_level_by_row():
    with pytest.raises(ValueError, match=r"'group'.*control, MS.*'case'.*\['b'\]"):
        schema.order_levels(people(group=["MS", "case"]))


def test_check_participants__tells_every_problem_at_once():
    table = people(group=["MS", None])
    table.index = ["a", "a"]
    with pytest.raises(ValueError, match="participant_id: repeats.*group: empty"):
        schema.check_participants(table)


def test_check_participants__names_missing_columns():
    with pytest.raises(ValueError, match="household_id"):
        schema.check_participants(people().drop(columns="household_id"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="kit"), "kit"),
        (lambda table: table.rename(index={"s2": "s1"}), "repeated"),
        (lambda table: table.replace("b", "z"), "belong to no participant.*s2"),
    ],
)
def test_check_samples__names_what_is_wrong(change, message):
    columns = {"participant_id": ["a", "b"], "visit": 0, "assay": "16s", "kit": "swab"}
    samples = pd.DataFrame({**columns, "replicate": 1, "depth": 10}, index=["s1", "s2"])
    assert schema.check_samples(samples, people()) is samples
    with pytest.raises(ValueError, match=message):
        schema.check_samples(change(samples), people())


def test_nearest__suggests_and_lists():
    assert schema.nearest("sex_", ["age", "sex"]) == "did you mean 'sex'? known: age, sex"
    assert schema.nearest("zzz", ["age"]) == "known: age"
