"""Small pieces of HTML. Arguments named `html` are markup already; every other is escaped here."""

from __future__ import annotations

import html as stdlib_html
from collections.abc import Iterable, Sequence

from classifier.report import words
from classifier.report.words import Said


def text(value: object) -> str:
    """A value as text, without control characters."""
    return stdlib_html.escape(words.plain(str(value)))


def quoted(value: str, language: str = "") -> str:
    """A foreign sentence, whose direction of writing stays its own."""
    spoken = f' lang="{text(language)}"' if language in ("en", "zh") else ""
    return f'<bdi class="quote"{spoken}>{text(value)}</bdi>'


def name(value: str) -> str:
    """A label."""
    return f"<bdi><code>{text(value)}</code></bdi>"


def both(said: Said) -> str:
    """A sentence in both languages; the page shows one."""
    if said.en == said.zh:
        return _filled(said.en, said.names)
    return (
        f'<span class="en" lang="en">{_filled(said.en, said.names)}</span>'
        f'<span class="zh" lang="zh">{_filled(said.zh, said.names)}</span>'
    )


def words_of(en: str, zh: str, *names: str) -> str:
    """Short for `both(Said(en, zh, names))`."""
    return both(Said(en, zh, names))


def section(anchor: str, title: Said, html: str) -> str:
    """A part of the page with its heading; nothing if it is empty."""
    if not html:
        return ""
    heading = f'<h2 id="{anchor}-title">{both(title)}</h2>'
    return f'<section id="{anchor}" aria-labelledby="{anchor}-title">{heading}{html}</section>'


def paragraph(said: Said, kind: str = "") -> str:
    """A sentence as a paragraph."""
    return f'<p class="{kind}">{both(said)}</p>' if kind else f"<p>{both(said)}</p>"


def items(html: Iterable[str], tag: str = "ul") -> str:
    """A list; nothing if it is empty."""
    found = "".join(f"<li>{item}</li>" for item in html)
    return f"<{tag}>{found}</{tag}>" if found else ""


def cell(html: str, value: float | None = None) -> str:
    """A cell; with `value` it is a number to sort by and stands to the right."""
    return (
        f"<td>{html}</td>" if value is None else f'<td class="n" data-v="{value:.6g}">{html}</td>'
    )


def share(value: float, *, bar: bool = False) -> str:
    """A cell with a share (0 to 1) in percent, on demand with a bar behind it."""
    style = f' style="--w:{value * 100:.1f}%"' if bar else ""
    kind = "n bar" if bar else "n"
    return f'<td class="{kind}" data-v="{value:.6g}"{style}>{words.percent(value)}</td>'


def number(value: int) -> str:
    """A cell with a whole number."""
    return cell(f"{value:,}", value)


def table(
    caption: Said, heads: Sequence[Said], rows: Iterable[Sequence[str]], *, sortable: bool = False
) -> str:
    """A table; each row is its cells, of which the first becomes the head of the row."""
    rows = list(rows)
    columns = "".join(
        f'<th scope="col"{_side(place, rows)}>{both(head)}</th>' for place, head in enumerate(heads)
    )
    body = "".join(f"<tr>{_row_head(row[0])}{''.join(row[1:])}</tr>" for row in rows)
    kind = ' class="sortable"' if sortable else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption.en)}">'
        f"<table{kind}><caption>{both(caption)}</caption>"
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def figure(html: str, caption: Said, *, wide: bool = False) -> str:
    """A picture with what it says under it."""
    kind = "wide" if wide else "narrow"
    inner = f'<div class="scroll" tabindex="0">{html}</div>' if wide else html
    return f'<figure class="{kind}">{inner}<figcaption>{both(caption)}</figcaption></figure>'


def _side(place: int, rows: Sequence[Sequence[str]]) -> str:
    """Heads of numbers stand to the right, like the numbers."""
    return ' class="n"' if rows and place and rows[0][place].startswith('<td class="n') else ""


def _row_head(html: str) -> str:
    return html.replace("<td", '<th scope="row"', 1).removesuffix("</td>") + "</th>"


def _filled(sentence: str, names: tuple[str, ...]) -> str:
    """The escaped sentence; only its own braces are filled, never those of a name."""
    escaped = text(sentence)
    return escaped.format(*map(name, names)) if names else escaped
