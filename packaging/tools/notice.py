"""Write the notice about third-party parts: the licences that occur, and the licence texts of each part."""

from collections.abc import Iterable, Iterator

from components import Part, licences_in

_RULE = "-" * 80


def text(parts: Iterable[Part], *, version: str) -> str:
    """The whole notice. If a part is given twice, the first one counts."""
    known: dict[tuple[str, str], Part] = {}
    for part in parts:
        if part.name != "backuplink":
            known.setdefault((part.name, part.version), part)
    ordered = [known[key] for key in sorted(known)]
    return "\n".join(_lines(ordered, f"Parts of others in backuplink {version}")) + "\n"


def _lines(parts: list[Part], title: str) -> Iterator[str]:
    yield from (title, "=" * len(title), "")
    yield "The licences that occur (SPDX), and of which parts:"
    for licence in sorted({licence for part in parts for licence in licences_in(part.licence)}):
        yield from ("", f"  {licence}")
        yield from (f"    {part.name} {part.version}" for part in parts if licence in licences_in(part.licence))
    for part in parts:
        yield from ("", _RULE, f"{part.name} {part.version}: {part.licence}")
        if part.inside:
            yield from ("", "Inside it, by its own bill of materials:")
            for nested in part.inside:
                yield f"  {nested.name} {nested.version}: {', '.join(nested.licences) or 'licence not said there'}"
        for name, content in part.texts.items():
            yield from ("", f"{name}:", "", content.strip("\n"))
