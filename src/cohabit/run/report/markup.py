"""Markdown, math and other people's HTML, made safe to stand on one offline page."""

import re
from html import escape
from html.parser import HTMLParser

TABLES = ("caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr")
BLOCKS = ("blockquote", "details", "div", "hr", "p", "pre", "summary")
LISTS = ("dd", "dl", "dt", "li", "ol", "ul")
WORDS = ("a", "b", "br", "code", "del", "em", "i", "kbd", "s", "small", "span", "strong", "sub")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
KEPT_TAGS = frozenset((*TABLES, *BLOCKS, *LISTS, *WORDS, *HEADINGS, "sup", "u"))
VOID_TAGS = frozenset(("br", "col", "hr"))
DROPPED_WITH_CONTENT = frozenset(("script", "style", "iframe", "object", "template", "title"))
KEPT_ATTRIBUTES = frozenset(("class", "colspan", "rowspan", "scope", "open"))

MATH = re.compile(
    r"(?P<code>```.*?```|~~~.*?~~~|`[^`\n]+`)"
    r"|\$\$(?P<block>.+?)\$\$"
    r"|(?<![\\$\w])\$(?![\s$])(?P<inline>[^$\n]+?)(?<![\s\\])\$(?![\d\w])",
    re.DOTALL,
)
MARK = re.compile("\u2063(\\d+)\u2063")
"""Where a formula stood while the text around it was turned into HTML."""


class _Sanitiser(HTMLParser):
    """Writes out again only what is known to be inert; closes what was left open."""

    def __init__(self, heading_shift: int):
        super().__init__(convert_charrefs=True)
        self.shift = heading_shift
        self.written: list[str] = []
        self.open: list[str] = []
        self.dropping = 0

    def handle_starttag(self, tag, attrs):
        if tag in DROPPED_WITH_CONTENT:
            self.dropping += 1
        if self.dropping or tag not in KEPT_TAGS:
            return
        name = self._shifted(tag)
        kept = [(key, value) for key, value in attrs if key in KEPT_ATTRIBUTES]
        kept += [(key, value) for key, value in attrs if tag == "a" and _is_inside(key, value)]
        text = "".join(f' {key}="{escape(value or "", quote=True)}"' for key, value in kept)
        self.written.append(f"<{name}{text}>")
        if tag not in VOID_TAGS:
            self.open.append(name)

    def handle_endtag(self, tag):
        if tag in DROPPED_WITH_CONTENT:
            self.dropping = max(0, self.dropping - 1)
            return
        name = self._shifted(tag)
        if self.dropping or name not in self.open:
            return
        while self.open:
            last = self.open.pop()
            self.written.append(f"</{last}>")
            if last == name:
                return

    def handle_data(self, data):
        if not self.dropping:
            self.written.append(escape(data, quote=False))

    def _shifted(self, tag: str) -> str:
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            return f"h{min(6, int(tag[1]) + self.shift)}"
        return tag

    def close(self):
        super().close()
        self.written += [f"</{name}>" for name in reversed(self.open)]


def _is_inside(key: str, value: str | None) -> bool:
    """Whether a link stays on the page; every other link is left as plain text."""
    return key == "href" and (value or "").startswith("#")


def sanitise(html: str, *, heading_shift: int = 0) -> str:
    """Return HTML in which only tables, lists and plain text are left alive.

    Scripts and styles go with their content; other unknown tags go and leave their text;
    links keep only targets on the page; headings sink by `heading_shift` levels.
    """
    parser = _Sanitiser(heading_shift)
    parser.feed(html)
    parser.close()
    return "".join(parser.written)


def render_math(latex: str, *, display: bool) -> str:
    """Return a formula as MathML; as code when it cannot be read."""
    from latex2mathml.converter import convert

    try:
        html = convert(latex.strip(), display="block" if display else "inline")
    except Exception:  # the converter raises many kinds; the formula itself is still readable
        return f"<code>{escape(latex)}</code>"
    return html.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")


def render_markdown(text: str, *, heading_shift: int = 2, targets: dict | None = None) -> str:
    """Return Markdown as inert HTML with its math as MathML.

    Parameters
    ----------
    text : str
    heading_shift : int
        Levels by which headings sink, so that they fit under the page's own.
    targets : dict, optional
        Link address -> anchor on the page, for links between notebooks.
    """
    import mistune

    formulas: list[str] = []

    def set_aside(match: re.Match) -> str:
        if match["code"]:
            return match["code"]
        display = match["block"] is not None
        formulas.append(render_math(match["block"] or match["inline"], display=display))
        return f"\u2063{len(formulas) - 1}\u2063"

    text = MATH.sub(set_aside, text)
    for address, anchor in (targets or {}).items():
        text = text.replace(f"]({address})", f"]({anchor})")
    to_html = mistune.create_markdown(escape=False, plugins=["table", "strikethrough"])
    html = sanitise(to_html(text), heading_shift=heading_shift)
    return MARK.sub(lambda match: "".join(formulas[int(match[1]) :][:1]), html)
