"""The page of public names is what the docstrings say today."""

import runpy
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_api_page__is_what_the_docstrings_make():
    made = runpy.run_path(str(DOCS / "api.py"))["make_page"]()
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert page == made, "docstrings have changed: run make api"
