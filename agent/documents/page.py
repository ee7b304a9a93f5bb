"""The frame of every HTML page: one file that runs no script, asks nobody for anything, and suits a telephone, a dark
screen, a reader by ear and two sheets of paper.

Should a text ever become markup, the page's Content Security Policy still forbids everything but its own style.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from typing import Final
from xml.etree.ElementTree import Element

from agent.documents import canvas
from agent.documents.elements import element, raw, to_html

_VARIABLES: Final = {
    theme: "".join(f"--{name}:{value};" for name, value in colours.items())
    for theme, colours in canvas.PALETTES.items()
}
_STYLE: Final = f"""
:root{{color-scheme:light dark;{_VARIABLES["light"]}}}
@media screen and (prefers-color-scheme:dark){{:root{{{_VARIABLES["dark"]}}}}}
*{{box-sizing:border-box}}
body{{font:1rem/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0}}
main{{max-width:62rem;margin:0 auto;padding:1.25rem 1rem 3rem}}
h1,h2,h3,h4,p,li,summary{{overflow-wrap:anywhere}}
h1{{font-size:1.35rem;line-height:1.3;margin:0 0 .25rem}}
h2{{font-size:1.2rem;line-height:1.3;margin:2.25rem 0 .5rem}}
h3{{font-size:1rem;line-height:1.4;margin:1.25rem 0 .25rem}}
h4{{font-size:.95rem;margin:1rem 0 .25rem}}
p{{margin:.5rem 0;max-width:72ch}}
li{{max-width:72ch}}
a{{color:var(--link)}}
a:focus-visible,summary:focus-visible,.scroll:focus-visible,details:target{{outline:3px solid var(--link);
outline-offset:2px}}
code,pre{{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875rem}}
pre{{margin:.5rem 0;padding:.6rem .75rem;background:var(--panel);border:1px solid var(--line);border-radius:.4rem;
white-space:pre-wrap;overflow-wrap:anywhere}}
.verdict{{padding:.75rem 1rem;border:2px solid var(--line);border-left-width:.6rem;border-radius:.4rem}}
.verdict>:first-child{{margin-top:0}}
.verdict p{{margin:.25rem 0 0}}
.verdict .where{{font-size:.9rem;color:var(--muted)}}
figcaption{{color:var(--muted);font-size:.9rem}}
.muted{{color:var(--muted);font-size:.9rem}}
{
    "".join(
        f".{kind}{{border-color:var(--{kind});}}.verdict.{kind}{{background:var(--{kind}-back)}}"
        f".card.{kind}{{border-color:var(--line);border-left-color:var(--{kind})}}"
        f".events li.{kind}{{border-color:var(--{kind})}}"
        f".{kind}>.word,td.{kind},p.{kind}{{color:var(--{kind});font-weight:bold}}"
        for kind in ("ok", "warning", "critical", "unknown")
    )
}
.card{{padding:0 1rem .5rem;margin:1.25rem 0;border:1px solid var(--line);border-left-width:.4rem;border-radius:.4rem}}
.card h2{{margin-top:.75rem}}
.do{{border-left:.25rem solid var(--link);padding:0 0 0 .75rem;margin:.75rem 0}}
.do>p:first-child{{margin-top:0}}
.scroll{{overflow-x:auto;margin:.5rem 0}}
table{{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}}
caption{{text-align:left;color:var(--muted);padding:.25rem 0}}
th,td{{border:solid var(--rule);border-width:0 0 1px;padding:.35rem .75rem .35rem 0;text-align:left;vertical-align:top}}
th+th,th+td,td+td{{padding-left:.25rem}}
.scroll th,.scroll td{{border-color:var(--rule)}}
tbody th,.whole{{white-space:nowrap}}
thead th{{border-bottom:2px solid var(--line);color:var(--muted);font-weight:600;white-space:nowrap}}
tbody th{{font-weight:600}}
table.numbers th,table.numbers td{{white-space:nowrap}}
.events{{list-style:none;margin:.5rem 0;padding:0}}
.events li{{max-width:none;margin:.5rem 0;padding:0 0 0 .75rem;border:solid var(--line);border-width:0 0 0 .25rem}}
.events p{{margin:0}}
summary{{cursor:pointer;padding:.5rem .25rem;min-height:2.5rem;font-weight:bold}}
details{{border-bottom:1px solid var(--line)}}
figure{{margin:.5rem 0}}
figure svg{{display:block;width:100%;height:auto}}
figure .narrow{{display:none}}
@media screen and (max-width:44rem){{figure .narrow{{display:block}}figure .wide{{display:none}}
.card figure{{margin:.5rem -1rem}}figure.unprinted figcaption{{display:none}}
h1{{font-size:1.1rem}}.verdict{{padding:.5rem .75rem}}main{{padding-top:.75rem}}h2{{margin-top:1.5rem}}}}
@media print{{
@page{{margin:12mm}}
body{{font-size:9.5pt;line-height:1.35}}
main{{max-width:none;padding:0}}
h1{{font-size:13pt}}h2{{font-size:11pt;margin:.7rem 0 .3rem}}h3{{font-size:10pt;margin:.5rem 0 .2rem}}
p,li{{margin:.25rem 0;max-width:none}}
code,pre{{font-size:8.5pt}}
table{{font-size:8.5pt}}
th,td{{padding:.05rem .4rem}}
.scroll{{overflow:visible}}
pre{{padding:.3rem .5rem}}
tr,pre,h1,h2,h3,figure{{break-inside:avoid}}
h2,h3,caption{{break-after:avoid}}
figure svg{{max-height:15cm}}
details:not([open]),.unprinted:not(section){{display:none}}
section.unprinted:not(:has(details[open])){{display:none}}
}}
{canvas.STYLE}"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def page(title: str, content: Iterable[Element], data: Element | None = None) -> str:
    """One HTML document: its content, and the data that programs take from it."""
    meta = (
        {"charset": "utf-8"},
        {"http-equiv": "Content-Security-Policy", "content": _POLICY},
        {"name": "referrer", "content": "no-referrer"},
        {"name": "viewport", "content": "width=device-width, initial-scale=1"},
    )
    head = element("head", None, *(element("meta", attributes) for attributes in meta))
    head.append(element("title", None, f"backuplink: {title}"))
    head.append(raw("style", None, _STYLE))
    body = element("body", None, element("main", None, *content))
    if data is not None:
        body.append(data)
    return to_html(element("html", {"lang": "en"}, head, body))


def verdict(status: str, words: str, *lines: str, where: tuple[str, ...] = (), word: str | None = None) -> Element:
    """The first thing on a page: how it is, in a word, which is the status unless another is given, and a sentence;
    then what to know of it, and where and when it was so."""
    shown = element("span", {"class": "word"}, status.upper() if word is None else word)
    heading = element("h1", {"class": status}, shown, f": {words}")
    told = [element("p", None, line) for line in lines]
    if where:
        parts = [element("span", {"class": "whole"}, part) for part in where]
        told.append(element("p", {"class": "where"}, *(piece for part in parts for piece in (part, " "))))
    return element("div", {"class": f"verdict {status}"}, heading, *told)


def bullets(items: Iterable[Element | str]) -> list[Element]:
    """A list; nothing where it would be empty."""
    made = [element("li", None, item) for item in items]
    return [element("ul", None, *made)] if made else []


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[Element]], name: str, kind: str = "") -> Element:
    """A table that scrolls where it is wider than the page. `name` is an id of its own; the cells of the kind `numbers`
    have one line each."""
    body = element("tbody", None, *(element("tr", None, *row) for row in rows))
    heads = element("tr", None, *(element("th", {"scope": "col"}, words) for words in header))
    made = element(
        "table",
        {"class": kind} if kind else None,
        element("caption", {"id": name}, caption),
        element("thead", None, heads),
        body,
    )
    scroll = {"class": "scroll", "role": "region", "tabindex": "0", "aria-labelledby": name}
    return element("div", scroll, made)


def row_head(words: str) -> Element:
    """The first cell of a row."""
    return element("th", {"scope": "row"}, words)


def cell(words: str, kind: str | None = None) -> Element:
    """Another cell; `kind` colours what its words say."""
    return element("td", {"class": kind} if kind else None, words)
