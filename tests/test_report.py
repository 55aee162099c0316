"""The report: whole, offline, inert, and able to say bad news."""

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO

import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cohabit.judge.recovery import CLAIM_SCORE_COLUMNS
from cohabit.run.report import build_report
from cohabit.run.report.cells import Picture
from cohabit.run.report.claims import draw_interval
from cohabit.run.report.headline import find_headlines
from cohabit.run.report.markup import render_markdown, render_math, sanitise
from cohabit.run.report.page import number
from cohabit.run.results import Run

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ATTACK = "<script>alert(1)</script>"


class Page(HTMLParser):
    """A page as the tests look at it."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attrs for name, attrs in self.tags if name == tag]


def claim(name: str, verdict: str, *, true_here=None, right=None, **columns) -> dict:
    blank = dict.fromkeys(CLAIM_SCORE_COLUMNS, "")
    numbers = {"estimate": 0.2, "low": 0.1, "high": 0.3, "region_low": 0.0, "region_high": 9.0}
    told = {"claim_id": name, "notebook": name[:2], "verdict": verdict, "statement": name}
    return blank | numbers | told | {"true_here": true_here, "right": right} | columns


def notebook_of(*cells) -> nbformat.NotebookNode:
    return new_notebook(cells=[new_markdown_cell("# 05 · Geography"), *cells])


@pytest.fixture
def run(tmp_path):
    """A run with a finished, a failed and a skipped notebook, and a claim of each verdict."""
    for name in ("notebooks", "failed", "figures"):
        (tmp_path / name).mkdir()
    claims = [
        claim("05.a", "agrees", true_here=True, right=True, statement=f"Site {ATTACK}"),
        claim("05.b", "disagrees", true_here=True, right=False, planted=0.25, unit="clr"),
        claim("07.c", "cannot tell", source="A study, doi 10.1/x"),
        claim("07.d", "not estimated", estimate=None, low=None, high=None),
    ]
    pd.DataFrame(claims).to_csv(tmp_path / "claims.tsv", sep="\t", index=False)
    (tmp_path / "figures" / "05_map.png").write_bytes(PIXEL)
    (tmp_path / "figures" / "05_map.txt").write_text('Points in "seven" clouds.\n')
    picture = new_output(
        "display_data",
        {"image/png": base64.b64encode(b"inline").decode(), "text/plain": "<Figure>"},
    )
    table = pd.DataFrame({"species": [ATTACK]})._repr_html_()
    done = notebook_of(
        new_markdown_cell("See [02](02_start.ipynb), [far](https://example.org). $R^2$"),
        new_code_cell('run.write_figure(fig, "map")', outputs=[picture]),
        new_code_cell("t", outputs=[new_output("execute_result", {"text/html": table})]),
        new_code_cell(
            "p", outputs=[new_output("execute_result", {"text/plain": "PosixPath('/a')"})]
        ),
        new_code_cell("print(1)", outputs=[new_output("stream", name="stdout", text=ATTACK)]),
    )
    nbformat.write(done, tmp_path / "notebooks" / "05_geography.ipynb")
    error = new_output("error", ename="E", evalue="v", traceback=["\x1b[31mE\x1b[0m: too late"])
    nbformat.write(
        notebook_of(new_code_cell("1/0", outputs=[error])), tmp_path / "failed" / "07_drugs.ipynb"
    )
    notebooks = [
        {
            "number": "05",
            "title": "05 · Geography",
            "status": "done",
            "seconds": 3.2,
            "memory_mb": 300,
        },
        {"number": "07", "title": "Drugs", "status": "failed", "reason": "E: too late"},
        {"number": "08", "title": "Severity", "status": "skipped", "reason": "no shotgun.biom"},
    ]
    summary = {"run": "trial", "seed": 7, "simulated": True, "notebooks": notebooks}
    summary |= {"design": {"disease": 0.5, "pairs_per_site": {"Boston": 12}}, "seconds": 61.0}
    (tmp_path / "run.json").write_text(json.dumps(summary))
    return tmp_path


@pytest.fixture
def page(run) -> Page:
    return Page(build_report(run).read_text(encoding="utf-8"))


def test_build_report__loads_nothing_from_outside(run):
    html = build_report(run).read_text(encoding="utf-8")
    assert "://" not in re.sub(r"<code>.*?</code>", "", html)
    for tag, attrs in Page(html).tags:
        assert tag not in ("link", "iframe", "object", "base")
        assert attrs.get("src", "data:").startswith("data:")
        assert attrs.get("href", "#").startswith("#")
    assert "url(" not in html
    assert "@import" not in html


def test_build_report__every_inner_link_has_a_target_and_every_id_is_its_own(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a") if "href" in a} <= {*ids}


def test_build_report__data_are_inert(page):
    assert len(page.all("script")) == 1
    assert page.text.count(ATTACK) >= 3


def test_picture__is_no_wider_than_it_was_drawn():
    figure, file = Figure(figsize=(6.2, 2.0)), BytesIO()
    figure.savefig(file, format="png", dpi=160)
    assert "width:6.2in" in Picture(file.getvalue(), "words").to_html()
    assert "style" not in Picture(PIXEL, "no size is written in it").to_html()


def test_build_report__figures_carry_their_words_and_can_be_enlarged(page):
    pictures = [attrs for attrs in page.all("img") if attrs.get("src")]
    assert [p["alt"] for p in pictures] == ['Points in "seven" clouds.']
    assert pictures[0]["src"].endswith(base64.b64encode(PIXEL).decode())
    assert any(attrs.get("class") == "enlarge" for attrs in page.all("button"))


def test_build_report__says_what_failed_and_what_was_skipped(page):
    assert "E: too late" in page.text
    assert "no shotgun.biom" in page.text
    assert "\x1b" not in page.text


def test_build_report__tells_seed_design_and_that_people_are_made_up(page):
    assert re.search(r"Seed\s*7", page.text)
    assert "Boston 12" in page.text
    assert "about the method, not about people" in page.text
    assert "doi 10.1/x" in page.text


def test_build_report__leaves_out_what_only_the_program_needs(page):
    assert "PosixPath" not in page.text
    assert "05 · Geography" not in page.text


def test_build_report__headings_never_skip_a_level(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


def test_build_report__a_real_cohort_is_not_called_simulated(run):
    summary = json.loads((run / "run.json").read_text()) | {"simulated": False}
    (run / "run.json").write_text(json.dumps(summary))
    html = build_report(run).read_text(encoding="utf-8")
    assert "A real cohort." in html
    assert "people are simulated" not in html


def test_build_report__says_which_notebooks_are_about_real_people(run):
    path = run / "notebooks" / "05_geography.ipynb"
    own = nbformat.read(path, as_version=4)
    (run / "run.json").write_text(
        json.dumps(json.loads((run / "run.json").read_text()) | {"simulated": False})
    )
    pages = []
    for code in ("1", "cohort = read_cohort(x)"):
        own.cells[2].source = code
        nbformat.write(own, path)
        pages.append(Page(build_report(run).read_text(encoding="utf-8")).text)
    assert "Simulated data, not this cohort" in pages[0]
    assert "Computed from this cohort" in pages[1]


def test_build_report__of_real_people_counts_no_claim_that_simulated_people_decided(run):
    path = run / "notebooks" / "05_geography.ipynb"
    own = nbformat.read(path, as_version=4)
    summary = json.loads((run / "run.json").read_text()) | {"simulated": False}
    (run / "run.json").write_text(json.dumps(summary))
    claims = pd.read_csv(run / "claims.tsv", sep="\t")["claim_id"]
    mine = claims[claims.str.startswith("05.")]
    assert len(mine)
    told = []
    for code in ("population = 1", "cohort = read_cohort(x)"):
        own.cells[2].source = code
        nbformat.write(own, path)
        page = build_report(run).read_text(encoding="utf-8")
        told.append([claim in page for claim in mine])
    assert not any(told[0])
    assert all(told[1])


def test_build_report__a_skipped_notebook_says_what_is_lacking_without_a_traceback(run):
    path = run / "notebooks" / "05_geography.ipynb"
    own = nbformat.read(path, as_version=4)
    mark = {"tags": ["papermill-error-cell-tag"]}
    own.cells.insert(
        0, nbformat.v4.new_markdown_cell("An Exception was encountered", metadata=mark)
    )
    trace = ["Traceback (most recent call last)", "MissingInput: no diet.tsv"]
    error = nbformat.v4.new_output(
        "error", ename="MissingInput", evalue="no diet.tsv", traceback=trace
    )
    own.cells[3].outputs = [error]
    nbformat.write(own, path)
    page = Page(build_report(run).read_text(encoding="utf-8"))
    assert "Skipped: no diet.tsv" in page.text
    assert "Traceback" not in page.text
    assert "An Exception" not in page.text


def test_build_report__without_recovery_published_and_found_still_meet(run):
    (run / "claims.tsv").unlink()
    Run(run, run, "05", 0).estimate("05.site_r2", 0.06, 0.05, 0.07, n=100)
    page = Page(build_report(run).read_text(encoding="utf-8"))
    assert "Site explains about 6% of the variance" in page.text
    assert "0.06 [0.05, 0.07]" in re.sub(r"\s+", " ", page.text)


def test_build_report__an_empty_run_still_gives_a_page(tmp_path):
    assert "No notebook has run yet" in build_report(tmp_path).read_text(encoding="utf-8")


def test_build_report__says_when_there_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such run"):
        build_report(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<b>bold</b>", "<b>bold</b>"),
        ('<img src="x" onerror="alert(1)">', ""),
        ("<style>p {}</style>text", "text"),
        ('<a href="javascript:alert(1)">go</a>', "<a>go</a>"),
        ('<p onclick="x()" style="color: red">t</p>', "<p>t</p>"),
        ("<table><tr><td>open", "<table><tbody><tr><td>open</td></tr></tbody></table>"),
        ("</div></section>t", "t"),
        ("a &lt;script&gt; b", "a &lt;script&gt; b"),
        ("<svg><script>x</script></svg>", ""),
        ("<scr<script>ipt>alert(1)</scr</script>ipt>", "ipt&gt;alert(1)ipt&gt;"),
    ],
)
def test_sanitise__keeps_only_what_is_inert(html, expected):
    assert sanitise(html) == expected


def test_render_markdown__math_becomes_mathml_but_money_and_code_stay():
    html = render_markdown("$x^2$ costs $5 and $6, `$a$`\n\n$$\\frac{a}{b}$$\n")
    assert html.count("<math") == 2
    assert "<mfrac>" in html
    assert "costs $5 and $6" in html
    assert "<code>$a$</code>" in html
    assert "://" not in html


def test_render_math__what_cannot_be_read_stays_readable():
    assert "\\frac{" in render_math("\\frac{", display=False)


def test_find_headlines__is_the_widest_gap_between_promise_and_delivery():
    recovery = pd.DataFrame(
        {
            "method": ["lmm_asin", "linda"],
            "contrast": ["MS - control"] * 2,
            "n_planted": [50, 50],
            "n_called": [20, 20],
            "sensitivity": [0.36, 0.1],
            "false_discovery": [0.10, 0.9],
            "coverage": [0.88, 0.95],
        }
    )
    first, *others = find_headlines(pd.DataFrame(), recovery)
    assert first.number == "18 of 50"
    assert [other.number for other in others] == ["88%", "2 of 20"]
    recovery.loc[0, ["sensitivity", "false_discovery"]] = [0.79, 0.6]
    assert find_headlines(pd.DataFrame(), recovery)[0].number == "12 of 20"


def test_build_report__without_truth_compares_with_what_was_published(run):
    claims = pd.DataFrame([claim("06.a", "agrees"), claim("06.b", "cannot tell")])
    claims.drop(columns="planted", errors="ignore").to_csv(
        run / "claims.tsv", sep="\t", index=False
    )
    (run / "tables").mkdir()
    (run / "tables" / "08_verdicts.tsv").write_text("verdict\nagrees\n")
    summary = json.loads((run / "run.json").read_text()) | {"simulated": False}
    (run / "run.json").write_text(json.dumps(summary))
    page = Page(build_report(run).read_text(encoding="utf-8"))
    assert "Claims: published and found" in page.text
    assert "Planted" not in page.text
    assert "done in part" in page.text  # skipped after it had written a table
    assert "cannot tell" in page.text


def test_find_headlines__without_truth_counts_what_stays_open():
    claims = pd.DataFrame([claim("05.a", "agrees"), claim("05.b", "cannot tell")])
    assert find_headlines(claims, pd.DataFrame())[0].number == "1 of 2"


def test_draw_interval__the_drawing_keeps_the_order_of_the_numbers():
    svg = draw_interval(0.2, 0.1, 0.3, (0.0, float("inf")), planted=0.25)
    bar = re.search(r'class="bar" x1="([\d.]+)" x2="([\d.]+)"', svg)
    dot = float(re.search(r'cx="([\d.]+)"', svg)[1])
    edge = float(re.search(r'class="edge" x1="([\d.]+)"', svg)[1])
    assert 0 <= edge < float(bar[1]) < dot < float(bar[2]) <= 168
    assert draw_interval(0.93, 0.91, 0.95, (0, 1)).count('class="edge"') == 1
    assert draw_interval(float("nan"), 0, 1, (0, 1)) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.123"),
        (-0.5, "−0.5"),
        (1234, "1,234"),
        (None, "–"),
        (9.1e-5, "0.000091"),
        (3.0, "3"),
    ],
)
def test_number__shows_three_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    "title", ["05 · Geography", "01a · Geography", "12: Geography", "Geography"]
)
def teststrip_number__leaves_the_words_of_a_title(title):
    from cohabit.run.report.collect import strip_number

    assert strip_number(title) == "Geography"
