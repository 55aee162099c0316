"""The command `cohabit plan`: the sample size for a power, or the best design for a budget."""

import argparse
import sys
from pathlib import Path

from cohabit.cli.values import read_setting, split_names
from cohabit.files import paths

STORE = "results/plan/batches"


def add_plan(commands) -> None:
    """Add `plan` to the command line without importing anything slow."""
    plan = commands.add_parser(
        "plan",
        help="find the sample size for a power or the best design for a budget",
        description="Simulate cohorts of each design. Without --budget: power at several sizes, "
        "and the size that reaches --power. With --budget: designs at equal cost, best first.",
    )
    add = plan.add_argument
    add("--out", required=True, metavar="FILE", help="table of powers, such as plan.tsv.gz")
    add("--budget", type=float, metavar="MONEY", help="largest cost of the study")
    add("--power", type=float, default=0.8, metavar="SHARE", help="default: 0.8")
    add("--sizes", default="25,50,100,150,200,300", metavar="N,N", help="numbers of patients")
    add("--controls", default="household,site", metavar="WHO,WHO", help="household, site, anyone")
    add("--visits", default="1", metavar="N,N", help="numbers of samples per person to try")
    add("--ask", default="community,taxon,discoveries", metavar="WHAT,WHAT", help="questions")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="dial or question option")
    add("--cost", action="append", default=[], metavar="NAME=MONEY", help="a price, sample=150")
    add("--cohort", metavar="PATH", help="plan from your own cohort folder's species table")
    add("--effects", type=int, default=20, metavar="N", help="taxa that differ with --cohort")
    add("--effect-size", type=float, default=0.4, metavar="SD", help="effect in SD (default: 0.4)")
    add("--half-width", type=float, default=0.05, metavar="SHARE", help="of intervals of power")
    add("--most", type=int, default=600, metavar="N", help="most cohorts per design (default: 600)")
    add("--seed", type=int, default=1, metavar="N", help="default: 1")
    add("--store", default=STORE, metavar="DIR", help=f"finished batches (default: {STORE})")
    add("--jobs", type=int, metavar="N", help="processes (default: cores)")
    add("--scheduler", metavar="ADDRESS", help="run on a Dask scheduler, tcp://host:port")
    plan.set_defaults(command=plan_study)


def plan_study(options: argparse.Namespace) -> int:
    """Simulate the requested designs, print the answer and write the table."""
    from cohabit.experiments import planner

    template = None if options.cohort is None else _read_template(options)
    dials, asked = _split_settings(options.set)
    if template is not None and "taxon" not in asked:
        asked["taxon"] = template.index[template["ms"] != 0][0]
    questions = planner.Questions(ask=split_names([options.ask]), **asked)
    costs = planner.Costs().replace(**_read_all(options.cost, "--cost", "sample=150"))
    visits = _numbers(options.visits, "visits")
    choices = {"controls": split_names([options.controls]), "visits": visits}
    designs = planner.list_designs(planner.Scenario().replace(**dials), choices)
    how = {
        "stop": planner.Stop(options.half_width, options.most),
        "template": template,
        "seed": options.seed,
        "store": paths.from_root(options.store) if options.store == STORE else options.store,
        "scheduler": options.scheduler,
        "jobs": options.jobs,
    }
    if options.budget is None:
        table, answer = _over_sizes(options, designs, questions, costs, how)
    else:
        table = planner.compare_designs(designs, options.budget, costs, questions, **how)
        answer = table[["question", *choices, "n", "cost", "power", "low", "high", "beaten"]]
    planner.write_powers(table, Path(options.out))
    print(answer.round(3).to_string(index=False))
    print(f"table: {options.out}")
    return 0


def _over_sizes(options, designs, questions, costs, how):
    """Return powers and costs at each size, and the size that reaches the target power."""
    from cohabit.experiments import planner

    sizes = _numbers(options.sizes, "sizes")
    if len(set(sizes)) < 2:
        raise ValueError(f"--sizes: expected at least two numbers; got {options.sizes!r}")
    scenarios = [design.replace(n=n) for design in designs for n in sizes]
    print(f"{len(scenarios)} designs and sizes, up to {options.most} cohorts each", file=sys.stderr)
    table = planner.estimate_power(scenarios, questions, **how)
    paid = [costs.of(scenario) for scenario in scenarios for _ in questions.ask]
    table = table.assign(cost=paid)
    answer = planner.find_sizes(table, ["question", "controls", "visits"], options.power)
    return table, answer


def _read_template(options: argparse.Namespace):
    """Fit a template to a cohort folder and plant effects in it."""
    from cohabit.experiments.realism import fit_template, plant_effects
    from cohabit.files.storage import read_cohort
    from cohabit.stats.composition import filter_features

    cohort = read_cohort(options.cohort)
    rank = "genus" if cohort.main_assay == "16s" else None
    counts = filter_features(cohort.table(cohort.main_assay, rank=rank))
    fitted = fit_template(counts, cohort.participants)
    return plant_effects(fitted, options.effects, size=options.effect_size, rng=options.seed)


def _split_settings(settings: list[str]) -> tuple[dict, dict]:
    """Split settings into dials of the scenario and of the questions."""
    import dataclasses

    from cohabit.experiments.planner import Questions

    known = {item.name for item in dataclasses.fields(Questions)} - {"ask"}
    values = _read_all(settings, "--set", "spillover=0.4")
    asked = {name: value for name, value in values.items() if name in known}
    return {name: value for name, value in values.items() if name not in known}, asked


def _read_all(settings: list[str], option: str, example: str) -> dict[str, object]:
    example = f"NAME=VALUE, for example {example}"
    return dict(read_setting(text, option=option, example=example) for text in settings)


def _numbers(text: str, name: str) -> list[int]:
    try:
        return [int(part) for part in split_names([text])]
    except ValueError:
        raise ValueError(f"--{name}: expected whole numbers, 50,100; got {text!r}") from None
