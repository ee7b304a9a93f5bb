"""Headlines: a finding in one line, with its address, id or number.

The template is in the code's row of `agent.catalog.findings`. `{field}` is a value. `{field~}` is a name that somebody
chose. If the line has no room for it, its middle is cut out. `[...]` is an optional part. It is left out if one of its
values is unknown, or if the line would be too long.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.catalog.wording import listed
from probes.model import Address

LIMIT: Final = 80
"""Maximum characters of a headline."""
NAME: Final = 32
"""Maximum length of a name that is cut."""
Forms = str | tuple[str, ...]
"""A value, or several versions of it, the longest first."""

_TAIL: Final = 11
_GAP: Final = "..."
_FIELD: Final = re.compile(r"\{([a-z_]+)(~?)\}")
_PART: Final = re.compile(r"\[([^\[\]]*)\]|([^\[]+)")
_WHOLE: Final = re.compile(r"[a-z]{1,8}(?:-[a-z]{1,8})?-[0-9a-f]{8,17}|[0-9]{1,3}(?:[.-][0-9]{1,3}){3}")
"""Ids of AWS and addresses, which are never cut."""
_ROW: Final = 3
"""Minimum number of consecutive ports that are written as a range."""


def headline(template: str, fields: Mapping[str, Forms | None]) -> str | None:
    """The template with its values, in at most LIMIT characters; None if a required value is unknown."""
    parts = [(part[1] is not None, part[1] or part[2] or "") for part in _PART.finditer(template)]
    parts = [part for part in parts if not part[0] or all(fields.get(name) for name in fields_of(part[1]))]
    if not all(fields.get(name) for _, part in parts for name in fields_of(part)):
        return None
    lengths = max((_lengths(fields[name] or "") for _, part in parts for name in fields_of(part)), default=1)
    while True:
        for length in range(lengths + 1):
            line = "".join(_filled(part, fields, length, lengths) for _, part in parts)
            if len(line) <= LIMIT:
                return line or None
        last = max((number for number, (is_optional, _) in enumerate(parts) if is_optional), default=None)
        if last is None:
            return None
        del parts[last]


def inside(title: str) -> str:
    """A title in the form for the second half of a sentence. It is in lower case unless its first word is in
    capitals."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def fields_of(template: str) -> tuple[str, ...]:
    """The names of a template's values."""
    return tuple(field[1] for field in _FIELD.finditer(template))


def cut(name: str) -> str:
    """A name, without its middle if it is longer than NAME. Ids and addresses in it stay whole, even if the result is
    longer."""
    head, tail = NAME - _TAIL - len(_GAP), len(name) - _TAIL
    for whole in _WHOLE.finditer(name):
        if whole.start() < head < whole.end():
            head = whole.end()
        if whole.start() < tail < whole.end():
            tail = whole.start()
    return name if tail - head <= len(_GAP) else f"{name[:head]}{_GAP}{name[tail:]}"


def places(addresses: Sequence[Address | str]) -> Forms | None:
    """Addresses in words, in several lengths for headlines with different room; None if there are none."""
    if not addresses:
        return None
    if len(addresses) == 1:
        return str(addresses[0])
    forms = [listed(addresses)] if len(addresses) <= _ROW else []
    return (*forms, f"{addresses[0]} and {len(addresses) - 1} more", f"{len(addresses)} addresses")


def spans(ports: Iterable[int]) -> str:
    """Ports in words. Three or more consecutive ports become a range: `1026-1028 and 1031`."""
    rows: list[list[int]] = []
    for port in sorted(set(ports)):
        if rows and rows[-1][-1] == port - 1:
            rows[-1].append(port)
        else:
            rows.append([port])
    words = [[f"{row[0]}-{row[-1]}"] if len(row) >= _ROW else list(map(str, row)) for row in rows]
    return listed(word for row in words for word in row)


def of_ports(ports: Iterable[int]) -> dict[str, Forms | None]:
    """Values for ports: `ports`, and `named_ports`, which begins with the word `port` or `ports`."""
    known = sorted(set(ports))
    if len(known) == 1:
        return {"ports": str(known[0]), "named_ports": f"port {known[0]}"}
    count = f"{len(known)} ports"
    return {"ports": (spans(known), count), "named_ports": (f"ports {spans(known)}", count)}


def _lengths(forms: Forms) -> int:
    return 1 if isinstance(forms, str) else len(forms)


def _filled(part: str, fields: Mapping[str, Forms | None], length: int, lengths: int) -> str:
    """A part of a template, with the version number `length` of each of its values. Names are cut only if there are no
    shorter versions."""

    def value(field: re.Match[str]) -> str:
        forms = fields[field[1]] or ""
        text = forms if isinstance(forms, str) else forms[min(length, len(forms) - 1)]
        return cut(text) if field[2] and length == lengths else text

    return _FIELD.sub(value, part)
