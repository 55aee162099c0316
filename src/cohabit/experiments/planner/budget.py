"""Money in, design out: what a study costs, and which one sees most for it."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from cohabit.experiments.planner.estimate import estimate_power
from cohabit.experiments.planner.questions import Questions
from cohabit.experiments.planner.scenario import Scenario
from cohabit.simulate.dials import OURS, Dials, dial


def _price(default: float, doc: str):
    return dial(default, 0.0, 1e9, "money", OURS, doc)


@dataclass(frozen=True, kw_only=True)
class Costs(Dials):
    """Prices, in whatever currency; the defaults are round numbers, not a quotation."""

    presets: ClassVar[Mapping[str, dict]] = {"study": {}}

    household: float = _price(100.0, "finding and visiting one home, whoever takes part there")
    participant: float = _price(50.0, "consent, questionnaires and care of one person")
    sample: float = _price(150.0, "kit, courier, extraction and sequencing of one sample")
    visit: float = _price(30.0, "one contact of one person to give a sample")
    site: float = _price(0.0, "opening a site")

    def __post_init__(self):
        self.validate()

    def of(self, scenario: Scenario) -> float:
        """Return what a study is expected to cost.

        A pair that shares a home pays for one home, a patient and a stranger for two. A
        control who never gives a sample was found and enrolled, but costs no visit and no
        sample. Patients who are not analysed are paid for.
        """
        per_pair, per_site = self._parts(scenario)
        return scenario.n * per_pair + per_site

    def afford(self, scenario: Scenario, budget: float) -> int:
        """Return how many patients a budget recruits for this design; 0 when none."""
        per_pair, per_site = self._parts(scenario)
        if per_pair <= 0:
            raise ValueError("costs: a pair costs nothing, so a budget buys any number of them")
        return max(0, int((budget - per_site) / per_pair + 1e-9))

    def _parts(self, scenario: Scenario) -> tuple[float, float]:
        homes = 1 if scenario.paired else 2
        sampled = 2 - scenario.missing_partners
        each_visit = self.visit + self.sample
        per_pair = homes * self.household + 2 * self.participant
        return per_pair + sampled * scenario.visits * each_visit, scenario.sites * self.site


def list_designs(base: Scenario, choices: Mapping[str, Sequence]) -> list[Scenario]:
    """Return every combination of choices as a scenario, the first field changing slowest.

    Parameters
    ----------
    base : Scenario
        Whatever is not chosen.
    choices : mapping
        Field of `Scenario` -> the values to try, as in ``{"controls": ["household", "site"]}``.
    """
    return [
        base.replace(**dict(zip(choices, values, strict=True)))
        for values in itertools.product(*choices.values())
    ]


def compare_designs(
    designs: Sequence[Scenario],
    budget: float,
    costs: Costs | None = None,
    questions: Questions | None = None,
    **options,
) -> pd.DataFrame:
    """Give each design what the budget buys, and return their powers, the best first.

    Parameters
    ----------
    designs : sequence of Scenario
        Their `n` is replaced by what the budget affords.
    budget : float
        In the currency of the costs.
    costs : Costs, optional
    questions : Questions, optional
        With several questions, designs are ordered by the first.
    **options
        As in `estimate_power`.

    Returns
    -------
    DataFrame
        As from `estimate_power`, with `cost`, and `beaten`: whether a design's interval lies
        wholly below that of the best for the same question. What is not beaten cannot be told
        from the best with these many cohorts.

    Raises
    ------
    ValueError
        When the budget buys fewer than 8 patients in a design.
    """
    costs, questions = costs or Costs(), questions or Questions()
    bought = [_buy(design, budget, costs) for design in designs]
    table = estimate_power(bought, questions, **options)
    per_design = np.repeat(np.arange(len(bought)), len(questions.ask))
    table.insert(0, "design", per_design)
    table["cost"] = [costs.of(bought[place]) for place in per_design]
    best = table.groupby("question")["power"].transform("idxmax")
    table["beaten"] = table["high"] < table.loc[best, "low"].to_numpy()
    first = table[table["question"] == questions.ask[0]]
    order = first.sort_values("power", ascending=False, kind="stable")["design"]
    rank = pd.Series(range(len(order)), index=order)
    return table.sort_values("design", key=rank.get, kind="stable", ignore_index=True)


def _buy(design: Scenario, budget: float, costs: Costs) -> Scenario:
    n = costs.afford(design, budget)
    if n < 8:
        raise ValueError(
            f"budget {budget:g}: buys {n} patient(s) with controls={design.controls!r}, "
            f"visits={design.visits}; expected at least 8, raise it or choose a cheaper design"
        )
    return design.replace(n=min(n, 5000))
