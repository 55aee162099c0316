"""Executed notebooks as HTML: prose, folded code, figures and tables."""

import base64
import json
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from cohabit.data.schema import MissingInput
from cohabit.run.progress import ANSI
from cohabit.run.report.collect import NotebookResult
from cohabit.run.report.markup import render_markdown, render_math, sanitise

WRITTEN_FIGURE = re.compile(r"write_figure\(\s*[\w.]+,\s*[\"']([\w-]+)[\"']")

ERROR_MARK = "papermill-error-cell-tag"
"""Tag of cells that point to an error; the error itself appears in its own cell."""

LEFTOVERS = ("<Figure size", "<Axes", "[<matplotlib", "Text(", "PosixPath(", "WindowsPath(")
"""Outputs of calls that end a cell, dropped because the figure or table follows."""


@dataclass(frozen=True)
class Picture:
    """A figure to be embedded in the page."""

    data: bytes
    alt: str

    def to_html(self) -> str:
        """Return a button that enlarges the picture, with the picture embedded."""
        encoded = base64.b64encode(self.data).decode("ascii")
        alt = escape(self.alt, quote=True)
        return (
            '<figure class="picture"><button type="button" class="enlarge" '
            f'aria-label="Enlarge figure: {alt}">'
            f'<img alt="{alt}"{self._size()} src="data:image/png;base64,{encoded}">'
            "</button></figure>"
        )

    def _size(self) -> str:
        """Return the original width of the picture, so that all text has one size."""
        place = self.data.find(b"pHYs")
        if place < 0 or self.data[place + 12 : place + 13] != b"\x01":  # no unit of length
            return ""
        per_metre = int.from_bytes(self.data[place + 4 : place + 8], "big")
        inches = int.from_bytes(self.data[16:20], "big") / per_metre / 0.0254
        return f' style="width:{inches:.1f}in"'


def render_notebook(
    result: NotebookResult, folder: Path, targets: dict[str, str], *, aside: bool = False
) -> str:
    """Return the body of an executed notebook as HTML.

    `figures/` of the run hold sharper copies with a text for those who cannot see them; `targets`
    lead from a notebook's file name to its anchor on the page. `aside` folds the prose under its
    headings: it was written about other people.
    """
    if result.path is None:
        return ""
    notebook = _read(result)
    writer = _CellWriter(result.number, folder / "figures", targets, aside)
    parts = [writer.write(cell) for cell in notebook["cells"]]
    return "\n".join([*parts, *writer.write_unseen()])


def reads_cohort(result: NotebookResult) -> bool:
    """Return True when a notebook reads the run's cohort; False if it was never run."""
    cells = _read(result)["cells"] if result.path else []
    code = [_joined(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return any("read_cohort(" in source for source in code)


def _read(result: NotebookResult) -> dict:
    return json.loads(result.path.read_text(encoding="utf-8"))


def _joined(text: str | list[str]) -> str:
    """Return text as a single string; notebook files can store it as lines."""
    return text if isinstance(text, str) else "".join(text)


class _CellWriter:
    """Writer of a notebook's cells that records which figures were shown."""

    def __init__(self, number: str, figures: Path, targets: dict[str, str], aside: bool = False):
        self.number, self.targets, self.aside = number, targets, aside
        self.figures = {p.stem[len(number) + 1 :]: p for p in figures.glob(f"{number}_*.png")}
        self.shown: set[str] = set()
        self.count = 0

    def write(self, cell: dict) -> str:
        """Return one cell as HTML, or an empty string for an empty cell."""
        source = _joined(cell["source"])
        if not source.strip() or ERROR_MARK in cell.get("metadata", {}).get("tags", []):
            return ""
        if cell["cell_type"] == "markdown":
            return self._write_prose(source)
        if cell["cell_type"] != "code":
            return ""
        outputs = self._write_outputs(source, cell.get("outputs", []))
        folded = _fold_code(source, cell.get("metadata", {}).get("tags", []))
        return folded + (f'<div class="outputs">{outputs}</div>' if outputs else "")

    def write_unseen(self) -> list[str]:
        """Return the figures that were saved but not shown in any cell."""
        unseen = sorted(self.figures.keys() - self.shown)
        return [self._read_saved(name).to_html() for name in unseen]

    def _write_prose(self, source: str) -> str:
        if not self.aside:
            return f'<div class="prose">{self._write_markdown(source)}</div>'
        heading = next((line for line in source.splitlines() if line.startswith("## ")), "")
        told = f'<div class="prose">{render_markdown(heading)}</div>' if heading else ""
        return (
            f'{told}<details class="aside"><summary>Words of the MS study</summary>'
            f'<div class="prose">{self._write_markdown(source)}</div></details>'
        )

    def _write_markdown(self, source: str) -> str:
        lines = source.strip().splitlines()
        if self.count == 0 and lines[0].startswith("# "):  # the section has the title already
            source = "\n".join(lines[1:])
        self.count += 1
        return render_markdown(source, targets=self.targets)

    def _write_outputs(self, source: str, outputs: list[dict]) -> str:
        names = [name for name in WRITTEN_FIGURE.findall(source) if name in self.figures]
        parts = []
        for output in outputs:
            data = output.get("data", {})
            if "image/png" in data:
                parts.append(self._write_picture(_joined(data["image/png"]), names))
            else:
                parts.append(_write_output(output, data))
        parts += [self._show(name).to_html() for name in names if name not in self.shown]
        return "".join(parts)

    def _write_picture(self, encoded: str, names: list[str]) -> str:
        """Return a figure, preferring the saved copy, which is sharper and has a description."""
        waiting = [name for name in names if name not in self.shown]
        if waiting:
            return self._show(waiting[0]).to_html()
        if names:
            return ""  # a cell that saves its figures shows each of them once
        alt = f"Figure of notebook {self.number}, described in the text beside it."
        return Picture(base64.b64decode(encoded), alt).to_html()

    def _show(self, name: str) -> Picture:
        self.shown.add(name)
        return self._read_saved(name)

    def _read_saved(self, name: str) -> Picture:
        path = self.figures[name]
        words = path.with_suffix(".txt")
        told = words.read_text(encoding="utf-8").strip() if words.exists() else ""
        return Picture(path.read_bytes(), told or f"Figure: {name.replace('_', ' ')}.")


def _fold_code(source: str, tags: list[str]) -> str:
    labels = {"parameters": "Parameters", "injected-parameters": "Parameters of this run"}
    label = next((labels[tag] for tag in tags if tag in labels), "Code")
    return (
        f'<details class="code"><summary>{label}</summary>'
        f'<pre tabindex="0"><code>{highlight_python(source)}</code></pre></details>'
    )


def highlight_python(source: str) -> str:
    """Return Python source as escaped HTML with a class for each kind of token."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip()


def _write_output(output: dict, data: dict) -> str:
    """Return an output that is not a picture as safe HTML."""
    if output["output_type"] == "error" and output.get("ename") == MissingInput.__name__:
        return _write_text(f"Skipped: {output.get('evalue')}", "text")
    if output["output_type"] == "error":
        text = "\n".join(output.get("traceback") or [str(output.get("evalue"))])
        return _write_text(text, "error")
    if output["output_type"] == "stream":
        kind = "warning" if output.get("name") == "stderr" else "text"
        return _write_text(_joined(output["text"]), kind)
    if "text/html" in data:
        table = sanitise(_joined(data["text/html"]))
        return f'<div class="table-scroll" tabindex="0">{table}</div>'
    if "text/markdown" in data:
        return f'<div class="prose">{render_markdown(_joined(data["text/markdown"]))}</div>'
    if "text/latex" in data:
        return render_math(_joined(data["text/latex"]).strip().strip("$"), display=True)
    text = _joined(data.get("text/plain", ""))
    return "" if text.startswith(LEFTOVERS) else _write_text(text, "text")


def _write_text(text: str, kind: str) -> str:
    text = ANSI.sub("", text).rstrip()
    return f'<pre class="{kind}" tabindex="0">{escape(text)}</pre>' if text else ""
