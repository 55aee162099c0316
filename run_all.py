"""Run every notebook and leave one report: the same as `cohabit run` (see --help)."""

import sys

try:
    from cohabit.cli import main
except ImportError:
    sys.exit("cohabit is not installed for this Python: type `make study`, or see README.md")

if __name__ == "__main__":
    sys.exit(main(["run", *sys.argv[1:]]))
