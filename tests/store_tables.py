"""The tables that source notebooks keep, made again: ``python tests/store_tables.py 05 07``.

nbval compares a tagged table with the one stored in the source. When the world or a
statistic has changed on purpose, the notebooks are run as a reader runs them and the tagged
tables are stored anew; every other output is left out. Read the difference before a commit.
"""

import json
import sys
from pathlib import Path

from cohabit.files import paths

KEPT = "keep_output"


def store_tables(path: Path) -> int:
    """Run one source notebook in its folder and store its tagged tables; return how many."""
    import nbformat
    from nbclient import NotebookClient
    from nbformat.v4.rwbase import split_lines

    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
    source = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in source["cells"] if cell["cell_type"] == "code"]
    ran = [cell for cell in split_lines(notebook).cells if cell.cell_type == "code"]
    for cell, done in zip(cells, ran, strict=True):
        kept = KEPT in cell["metadata"].get("tags", [])
        cell["outputs"] = json.loads(json.dumps(done.outputs, sort_keys=True)) if kept else []
        cell["execution_count"] = done.execution_count if kept else None
    text = json.dumps(source, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return sum(bool(cell["outputs"]) for cell in cells)


def main() -> None:
    """Store the tables of the notebooks named, or of all, in order."""
    for path in sorted(paths.notebooks().glob("[0-9]*_*.ipynb")):
        if not sys.argv[1:] or path.stem.partition("_")[0] in sys.argv[1:]:
            print(f"{path.name}: {store_tables(path)} tables stored", flush=True)


if __name__ == "__main__":
    main()
