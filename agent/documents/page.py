"""The frame of every HTML page. A page is one file that runs no script and loads nothing. It is made for telephones,
dark screens and screen readers, and takes two sheets of paper if printed.

If a text ever became markup, the page's Content Security Policy would still forbid everything except its own style.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Final
from xml.etree.ElementTree import Element

from agent.documents import canvas
from agent.documents.elements import element, raw, to_html, unbroken, whole
from agent.report.escape import visible

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
h1{{font-size:1.45em;line-height:1.3;margin:0 0 .35rem}}
h2{{font-size:1.25em;line-height:1.3;margin:2.25rem 0 .5rem}}
h3{{font-size:1.05em;line-height:1.4;margin:1.5rem 0 .25rem}}
h4{{font-size:.95em;margin:1rem 0 .25rem}}
p{{margin:.5rem 0;max-width:78ch}}
li{{max-width:78ch}}
a{{color:var(--link)}}
a:focus-visible,summary:focus-visible,.scroll:focus-visible,:target,details:has(>.opened:target){{
outline:3px solid var(--link);outline-offset:2px}}
.opened:target{{outline:none}}
.opened,tr{{scroll-margin-top:5.5rem}}
.card{{scroll-margin-top:1rem}}
td a,th a{{color:inherit}}
code,pre{{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875em}}
pre{{margin:.5rem 0;padding:.6rem .75rem;background:var(--panel);border:1px solid var(--line);border-radius:.4rem;
white-space:pre-wrap;overflow-wrap:anywhere}}
pre .whole{{white-space:pre}}
.typed{{display:inline-block;width:100%;padding-left:2ch;text-indent:-2ch}}.typed span{{text-indent:0}}
@media (min-width:44rem){{pre .long{{white-space:pre}}}}
pre>code{{font-size:1em}}
.verdict{{padding:1rem 1.25rem;border:1px solid var(--line);border-left-width:.6rem;border-radius:.5rem}}
.verdict>:first-child{{margin-top:0}}
.verdict p{{margin:.25rem 0 0}}
.verdict .where{{font-size:.9em;color:var(--muted);margin-top:.5rem}}
.where .whole{{margin-right:.75em}}
h1 .word{{display:inline-block;padding:0 .45em;margin-right:.25em;border-radius:.3em;color:var(--paper)}}
h1 .colon{{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}
figcaption,.muted,.ways{{color:var(--muted);font-size:.9em}}
.more ul{{list-style:none;margin:.5rem 0;padding:0;font-size:.9em;line-height:1.8}}
.mark{{padding:.05em .4em;border:1px solid var(--line);border-radius:.3em;font-size:.9em;font-weight:600}}
.mark.changes{{color:var(--warning);background:var(--warning-back);border-color:var(--warning)}}
{
    "".join(
        f".{kind}{{border-color:var(--{kind});}}.verdict.{kind}{{background:var(--{kind}-back)}}"
        f".card.{kind}{{border-color:var(--rule);border-left-color:var(--{kind})}}"
        f".events li.{kind}{{border-color:var(--{kind})}}"
        f"h1.{kind} .word{{background:var(--{kind})}}"
        f"td.{kind},p.{kind}{{color:var(--{kind});font-weight:bold}}td.{kind}{{background:var(--{kind}-back)}}"
        for kind in ("ok", "warning", "critical", "unknown")
    )
}
.card{{padding:0 1.25rem .5rem;margin:1.25rem 0;border:1px solid var(--rule);border-left-width:.4rem;
border-radius:.5rem}}
.card>h2:first-child,.card>h3:first-child,.card>h4:first-child{{margin-top:.75rem}}
.do{{border-left:.25rem solid var(--link);padding:0 0 0 .75rem;margin:.75rem 0}}
.do>p:first-child{{margin-top:0}}
.scroll{{overflow-x:auto;margin:.5rem 0}}
table{{border-collapse:collapse;font-size:.9em;font-variant-numeric:tabular-nums}}
caption{{text-align:left;color:var(--muted);padding:.25rem 0}}
th,td{{border:solid var(--rule);border-width:0 0 1px;padding:.35rem .75rem .35rem 0;text-align:left;vertical-align:top}}
th+th,th+td,td+td{{padding-left:.4rem}}
.scroll th,.scroll td{{border-color:var(--rule)}}
tbody th,.whole{{white-space:nowrap}}
thead th{{border-bottom:2px solid var(--line);color:var(--muted);font-weight:600;white-space:nowrap}}
tbody th{{font-weight:600}}
.scroll .prose{{min-width:13rem;white-space:normal}}
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
.card{{padding:0 .75rem .5rem}}.card figure{{margin:.5rem -.75rem}}figure.unprinted figcaption{{display:none}}
body{{font-size:.94rem;line-height:1.5}}
h1{{font-size:1.15em}}.verdict .where{{margin-top:.25rem}}
.verdict{{padding:.6rem .75rem}}main{{padding-top:.75rem}}h2{{font-size:1.1em;margin-top:1.5rem}}
h3{{font-size:1em}}}}
@media print{{
@page{{margin:12mm}}
body{{font-size:9pt;line-height:1.35}}
main{{max-width:none;padding:0}}
h1{{font-size:13pt}}h2{{font-size:11pt;margin:.7rem 0 .3rem}}h3{{font-size:10pt;margin:.5rem 0 .2rem}}
h1 .word{{background:none;padding:0;margin:0}}{
    "".join(
        f"h1.{kind} .word{{background:none;color:var(--{kind})}}" for kind in ("ok", "warning", "critical", "unknown")
    )
}h1 .colon{{position:static}}
p,li{{margin:.2rem 0;max-width:none}}
.verdict{{padding:.4rem .75rem}}.card{{padding:0 .75rem .25rem;margin:.5rem 0}}.do{{margin:.35rem 0}}
.card>h2:first-child,.card>h3:first-child{{margin-top:.4rem}}
a{{color:inherit;text-decoration:none}}
th,td{{padding:.05rem .4rem}}
.scroll{{overflow:visible}}.scroll .prose{{min-width:0}}thead th,td .whole{{white-space:normal}}
pre{{padding:.3rem .5rem}}
tr,pre,h1,h2,h3,figure{{break-inside:avoid}}
h2,h3,caption{{break-after:avoid}}
figure svg{{max-height:24.5cm}}
main{{display:flex;flex-direction:column}}
#path{{order:1}}
details:not([open]),.unprinted:not(section),.ways{{display:none}}
section.unprinted:not(:has(details[open])){{display:none}}
}}
{canvas.STYLE}"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def page(title: str, content: Iterable[Element], data: Element | None = None) -> str:
    """Return one HTML document with this content, and with the data for programs."""
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
    """Return the first box of a page. It has the status (as `word`, or as its name) and a sentence, then remarks, and
    then the place and time."""
    shown = element("span", {"class": "word"}, status.upper() if word is None else word)
    colon = element("span", {"class": "colon"}, ":")
    heading = element("h1", {"class": status}, shown, colon, " ", *unbroken(visible(words)))
    told = [element("p", None, *unbroken(visible(line))) for line in lines]
    if where:
        told.append(element("p", {"class": "where"}, *(piece for part in where for piece in (whole(part), " "))))
    return element("div", {"class": f"verdict {status}"}, heading, *told)


def bullets(items: Iterable[Element | str]) -> list[Element]:
    """Return a list. The result is empty if the list has no items."""
    made = [element("li", None, item) for item in items]
    return [element("ul", None, *made)] if made else []


def table(
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Element]],
    name: str,
    kind: str = "",
    anchor: str | None = None,
) -> Element:
    """Return a table that scrolls if it is wider than the page. `name` is its id, and `anchor` is the prefix of its
    rows' ids. With `numbers`, each cell stays on one line."""
    ids = ({"id": f"{anchor}-{number}"} if anchor else {} for number in count(1))
    body = element("tbody", None, *(element("tr", own, *row) for own, row in zip(ids, rows, strict=False)))
    heads = element("tr", None, *(element("th", {"scope": "col"}, words) for words in header))
    made = element(
        "table",
        {"class": kind} if kind else None,
        element("caption", {"id": name}, *unbroken(visible(caption))),
        element("thead", None, heads),
        body,
    )
    scroll = {"class": "scroll", "role": "region", "tabindex": "0", "aria-labelledby": name}
    return element("div", scroll, made)


def row_head(content: Iterable[Element | str], kind: str | None = None) -> Element:
    """Return the first cell of a row, which is its heading."""
    return element("th", {"scope": "row"} | ({"class": kind} if kind else {}), *content)


def cell(content: Iterable[Element | str], kind: str | None = None) -> Element:
    """Return a cell of a row that is not the first one. `kind` decides the colour of its words."""
    return element("td", {"class": kind} if kind else None, *content)
