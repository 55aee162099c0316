"""The notebooks' words, where the people are not those of the study's simulated world.

Every notebook opens by saying that its data are simulated, and its captions tell what the study's
world shows. Of other people that is untrue, so they are given an executed copy that says so.
"""

import json
import re
from html import escape
from pathlib import Path

from cohabit.run.graph import Notebook

SIMULATED = (
    "The data are simulated: a finding here is a statement about the method, not about people."
)
OWN = (
    "The cohort is your own: what is computed from it is about its people, what is simulated or "
    "planted beside it is about the method. The words, captions too, were written for the "
    "simulated study: findings that they tell of are not about your people."
)
MS = "MS"
CAPTION = re.compile(r"(\*\*Figure \d+)\.\*\*")
THEIRS = r"\1** *(the words are the simulated study's)*."


def write_source(
    notebook: Notebook, folder: Path, *, simulated: bool, of_study: bool, case: str = MS
) -> Path:
    """Return the notebook to execute: the source, or a copy with words that hold.

    Parameters
    ----------
    notebook : Notebook
    folder : Path
        Where the copy goes.
    simulated : bool
        Whether the people of the run's cohort were made up.
    of_study : bool
        Whether they live in the study's simulated world, for which the words were written.
    case : str
        What the cases of an own cohort have.
    """
    if of_study or not notebook.reads_cohort:
        return notebook.path
    content = json.loads(json.dumps(notebook.content))
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = reword("".join(cell["source"]), simulated=simulated, case=case)
    copy = folder / notebook.path.name
    copy.write_text(json.dumps(content), encoding="utf-8")
    return copy


def reword(text: str, *, simulated: bool, case: str = MS) -> str:
    """Say whose words the captions are, and of real people what they are and what they have."""
    if not simulated:
        stands = "" if case == MS else f" **MS stands for {escape(case)}** in tables and figures."
        text = text.replace(SIMULATED, OWN + stands)
    return CAPTION.sub(THEIRS, text)
