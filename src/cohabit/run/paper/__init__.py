"""What a run gives to a paper: methods text, checklist, flow of samples, references."""

import os
from pathlib import Path

from cohabit.files.storage import write_atomically, write_table
from cohabit.run.paper.facts import read_facts
from cohabit.run.paper.flow import count_flow, draw_flow_of
from cohabit.run.paper.methods import write_methods
from cohabit.run.paper.storms import fill_checklist, show_checklist


def write_paper(run: str | os.PathLike) -> Path:
    """Write a run's `paper/`: methods, references, STORMS checklist and flow of samples.

    Parameters
    ----------
    run : str or path
        Its name, a folder in `results/`, or the path of its folder.

    Returns
    -------
    Path
        The folder, written anew: `methods.md` and `references.bib`, `storms.tsv` and
        `storms.html`, `flow.tsv`, `flow.svg` and `flow.pdf`.

    Raises
    ------
    ValueError
        When there is no such run; names the nearest.
    """
    facts = read_facts(run)
    folder = facts.folder / "paper"
    with write_atomically(folder) as scratch:
        scratch.mkdir()
        flow = count_flow(facts)
        write_table(flow, scratch / "flow.tsv", index=False)
        draw_flow_of(flow, scratch)
        text, references = write_methods(facts)
        (scratch / "methods.md").write_text(text, encoding="utf-8")
        (scratch / "references.bib").write_text(references, encoding="utf-8")
        checklist = fill_checklist(facts)
        write_table(checklist, scratch / "storms.tsv", index=False)
        (scratch / "storms.html").write_text(show_checklist(facts, checklist), encoding="utf-8")
    return folder
