"""Run the notebooks and keep the tables that nbval holds them to.

After a change that is meant to move numbers::

    .venv/bin/python tests/keep_tables.py            # all, in order
    .venv/bin/python tests/keep_tables.py 05 07      # these

Only cells tagged ``keep_output`` keep what they show; read the difference before committing it.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def keep_tables(path: Path) -> None:
    """Execute one notebook and write it back with the outputs of its tagged cells."""
    executed = nbformat.read(path, as_version=4)
    NotebookClient(executed, timeout=600, resources={"metadata": {"path": path.parent}}).execute()
    source = nbformat.read(path, as_version=4)
    for cell, done in zip(source.cells, executed.cells, strict=True):
        if cell.cell_type == "code":
            kept = "keep_output" in cell.metadata.get("tags", [])
            cell.outputs = done.outputs if kept else []
            cell.execution_count = done.execution_count if kept else None
    nbformat.write(source, path)


def main(numbers: list[str]) -> None:
    """Keep the tables of the notebooks with these numbers; of all when none is given."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if not numbers or path.name.split("_")[0] in numbers:
            print(path.name, flush=True)
            keep_tables(path)


if __name__ == "__main__":
    main(sys.argv[1:])
