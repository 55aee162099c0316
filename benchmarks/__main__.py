"""``python -m benchmarks``: every module that measures, one table in docs/benchmarks.md.

``python -m benchmarks mixed`` runs the modules named and prints, without writing.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from datetime import date
from importlib import import_module, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
LIBRARIES = ("numpy", "scipy", "pandas", "scikit-bio", "statsmodels")
R_PACKAGES = ("vegan", "lme4", "lmerTest", "glmmTMB")
COLUMNS = {
    "peer": "peer",
    "n": "n",
    "n_features": "features",
    "ours_seconds": "cohabit (s)",
    "peer_seconds": "peer (s)",
    "ratio": "ratio",
    "target": "promised",
    "agrees": "largest difference",
    "note": "note",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"some of: {', '.join(modules())}")
    parser.add_argument("--measure", metavar="MODULE", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.measure:
        print(json.dumps(import_module(f"benchmarks.{options.measure}").measure()))
        return 0
    found, failed = {}, []
    for name in options.modules or modules():
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            found[name] = run(name)
        except subprocess.CalledProcessError as error:
            failed.append(name)
            print(f"{name} failed:\n{error.stderr}", file=sys.stderr)
    if options.modules or failed:
        print(page(found))
    else:
        write(found)
    return 1 if failed else 0


def modules() -> list[str]:
    return sorted(
        path.stem
        for path in Path(__file__).parent.glob("*.py")
        if "def measure(" in path.read_text(encoding="utf-8") and not path.stem.startswith("_")
    )


def run(name: str) -> list[dict]:
    """Measure in a fresh process, so that no module inherits another's threads or memory."""
    command = [sys.executable, "-m", "benchmarks", "--measure", name]
    environment = {"OMP_WAIT_POLICY": "passive", **os.environ}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def write(found: dict[str, list[dict]]) -> None:
    from benchmarks import curves

    drawn = curves.draw(found, PAGE.with_suffix(".png"))
    figure = f"\n![Seconds against size, ours and the peers'.]({PAGE.stem}.png)\n" if drawn else ""
    PAGE.write_text(page(found) + figure, encoding="utf-8")


def page(found: dict[str, list[dict]]) -> str:
    parts = [
        "# Benchmarks\n",
        "Made by `make bench`; the peers run on the same data in the same run. `ratio` is the "
        "peer's time over ours. Ours is the median of several calls, the first left out.\n",
        f"{date.today()} · {machine()}\n",
    ]
    for name, rows in found.items():
        parts.append(f"## {name}\n")
        for title in dict.fromkeys(row["name"] for row in rows):
            parts.append(f"### {title}\n")
            parts.append(table([row for row in rows if row["name"] == title]))
    return "\n".join(parts)


def table(rows: list[dict]) -> str:
    used = [key for key in COLUMNS if any(row.get(key) is not None for row in rows)]
    further = dict.fromkeys(key for row in rows for key in row if key not in COLUMNS | {"name": ""})
    head = [COLUMNS.get(key, key.replace("_", " ")) for key in [*used, *further]]
    lines = [line(head), line(["---"] * len(head))]
    lines += [line(cell(key, row.get(key)) for key in [*used, *further]) for row in rows]
    return "\n".join(lines) + "\n"


def line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cell(key: str, value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if key in ("ratio", "target"):
        return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"
    if key == "agrees":
        return f"{value:.1e}"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> str:
    """Say what it ran on: processor family, cores, memory, versions; no names."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [f"{name} {metadata.version(name)}" for name in LIBRARIES]
    return ", ".join(
        [
            f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB",
            f"load average {os.getloadavg()[2]:.1f} (about 1 when nothing else runs)",
            f"Python {platform.python_version()}",
            *versions,
            *r_versions(),
        ]
    )


def r_versions() -> list[str]:
    packages = ", ".join(f"{name!r}" for name in R_PACKAGES)
    script = (
        "cat(paste('R', getRversion()), '\\n'); "
        f"for (p in c({packages})) if (nzchar(system.file(package = p))) "
        "cat(p, format(packageVersion(p)), '\\n')"
    )
    try:
        done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return ["R not found"]
    return [text.strip() for text in done.stdout.splitlines() if text.strip()]


if __name__ == "__main__":
    sys.exit(main())
