"""The command line as `python -m cohabit`."""

import sys

from cohabit.cli import main

sys.exit(main())
