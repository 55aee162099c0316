"""Markdown, mathematics and untrusted HTML, made safe for an offline page."""

import re
from html import escape

KEPT_TAGS = frozenset(
    (
        *("caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"),
        *("blockquote", "details", "div", "hr", "p", "pre", "summary"),
        *("dd", "dl", "dt", "li", "ol", "ul"),
        *("a", "b", "br", "code", "del", "em", "i", "kbd", "s", "small", "span", "strong"),
        *("sub", "sup", "u"),
        *("h3", "h4", "h5", "h6"),  # below those of the page itself
    )
)
HEADING_SHIFT = 2
"""Number of levels by which Markdown headings are lowered."""

DROPPED_WITH_CONTENT = frozenset(("script", "style", "iframe", "object", "template", "title"))
KEPT_ATTRIBUTES = frozenset(("class", "colspan", "rowspan", "scope", "open"))

MATH = re.compile(
    r"(?P<code>```.*?```|~~~.*?~~~|`[^`\n]+`)"
    r"|\$\$(?P<block>.+?)\$\$"
    r"|(?<![\\$\w])\$(?![\s$])(?P<inline>[^$\n]+?)(?<![\s\\])\$(?![\d\w])",
    re.DOTALL,
)
PLACEHOLDER = re.compile("\u2063(\\d+)\u2063")
"""Placeholder of a formula while the surrounding text is converted to HTML."""


def sanitise(html: str) -> str:
    """Return HTML reduced to tables, lists and plain text.

    Scripts and styles go with their content; other unknown tags go and leave their text;
    links keep only targets on the page.
    """
    import nh3

    return nh3.clean(
        html,
        tags=KEPT_TAGS,
        clean_content_tags=DROPPED_WITH_CONTENT,
        attributes={"*": KEPT_ATTRIBUTES, "a": {"href"}},
        attribute_filter=_keep_inside,
        link_rel=None,
    )


def _keep_inside(tag: str, attribute: str, value: str) -> str | None:
    """Remove all links except those within the page."""
    return value if attribute != "href" or value.startswith("#") else None


def render_math(latex: str, *, display: bool) -> str:
    """Return a formula as MathML, or as code if it cannot be parsed."""
    from latex2mathml.converter import convert

    try:
        html = convert(latex.strip(), display="block" if display else "inline")
    except Exception:  # the converter raises many kinds; the formula itself is still readable
        return f"<code>{escape(latex)}</code>"
    return html.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")


def render_markdown(text: str, *, targets: dict | None = None) -> str:
    """Return Markdown as safe HTML, with MathML and lowered headings.

    `targets` lead from a link's address to an anchor on the page, for links between notebooks.
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
    to_html = mistune.create_markdown(renderer=_make_renderer(), plugins=["table", "strikethrough"])
    html = sanitise(to_html(text))
    return PLACEHOLDER.sub(lambda match: "".join(formulas[int(match[1]) :][:1]), html)


def _make_renderer():
    """Return a Markdown renderer that lowers headings."""
    import mistune

    class Renderer(mistune.HTMLRenderer):
        def heading(self, text: str, level: int, **attributes) -> str:
            return super().heading(text, min(6, level + HEADING_SHIFT), **attributes)

    return Renderer(escape=False)
