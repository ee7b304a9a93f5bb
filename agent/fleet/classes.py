"""Hosts in classes: those that share every attribute are one, so that a million hosts are counted as some thousand."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from agent.fleet.model import Attribute, SharedValue
from probes.frozen import dataclass

if TYPE_CHECKING:
    from agent.fleet.database import Database

COLUMNS: Final = {
    Attribute.SUBNET: "subnet",
    Attribute.IMAGE: "image",
    Attribute.INSTANCE_TYPE: "instance_type",
    Attribute.TOOL: "tool",
    Attribute.ZONE: "zone",
    Attribute.VPC: "vpc",
    Attribute.ACCOUNT: "account",
    Attribute.REGION: "region",
}
"""Attributes of which a host has one value, by their column of `record`."""
LISTS: Final = {Attribute.GROUP: "group", Attribute.ENDPOINT: "endpoint", Attribute.RESOLVER: "resolver"}
"""Attributes of which a host has several, by their name in `attribute`."""
_SERVICE: Final = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClass:
    """What the hosts of a class share."""

    traits: tuple[int, ...]
    """Numbers of values, each once, in order."""
    services: frozenset[str]
    vpc: str | None
    zone: str | None
    subnet: str | None
    account: str | None
    region: str | None
    groups: frozenset[str]


class Classes:
    """All classes of a fleet."""

    def __init__(self, of: Mapping[int, HostClass], values: Iterable[SharedValue]) -> None:
        self.of = of
        self.values = tuple(values)
        """By their number."""
        self._place = {class_: place for place, class_ in enumerate(of)}
        self._having: list[list[int]] = [[] for _ in self.values]
        for class_, held in of.items():
            for trait in held.traits:
                self._having[trait].append(class_)
        self._bits: dict[int, int] = {}

    def having(self, trait: int) -> Sequence[int]:
        """The classes that have the value of this number."""
        return self._having[trait]

    def bits_having(self, trait: int) -> int:
        """The same as a number: one bit a class."""
        if trait not in self._bits:
            self._bits[trait] = self.bits(self._having[trait])
        return self._bits[trait]

    def bits(self, classes: Iterable[int]) -> int:
        """Classes as a number: one bit a class."""
        octets = bytearray(len(self._place) // 8 + 1)
        for class_ in classes:
            place = self._place[class_]
            octets[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(octets, "little")


def find_classes(engine: "Database") -> Classes:
    """Make the table `placed(record, sweep, host, minute, redacted, class)` of the records in `newest`. The number of a
    class is the lowest id of its records. What a host redacted has no attributes."""
    engine.execute(
        "CREATE TABLE listed_value AS SELECT name, value, row_number() OVER (ORDER BY name, value) AS number "
        "FROM (SELECT DISTINCT name, value FROM attribute) AS each_value"
    )
    engine.execute(
        "CREATE TABLE listed AS SELECT a.record AS record, group_concat(CAST(v.number AS TEXT), ',') AS numbers "
        "FROM attribute a JOIN listed_value v ON v.name = a.name AND v.value = a.value GROUP BY a.record"
    )
    shown = [
        f"CASE WHEN r.redacted = 0 THEN {column} END" for column in (*map("r.{}".format, COLUMNS.values()), "l.numbers")
    ]
    engine.execute(
        "CREATE TABLE placed AS SELECT n.record AS record, n.sweep AS sweep, n.host AS host, n.minute AS minute, "
        f"r.redacted AS redacted, min(n.record) OVER (PARTITION BY {', '.join(shown)}) AS class "
        "FROM newest n JOIN record r ON r.id = n.record LEFT JOIN listed l ON l.record = n.record"
    )
    return _classes(engine)


def _classes(engine: "Database") -> Classes:
    values: list[SharedValue] = []
    of_columns = [_Numbers(attribute, values) for attribute in COLUMNS]
    of_lists = _Lists(engine, values)
    vpc, zone, subnet, account, region = (
        list(COLUMNS).index(attribute)
        for attribute in (Attribute.VPC, Attribute.ZONE, Attribute.SUBNET, Attribute.ACCOUNT, Attribute.REGION)
    )
    columns = ", ".join(f"r.{column}" for column in COLUMNS.values())
    rows = engine.query(
        f"SELECT c.class, r.redacted, l.numbers, {columns} FROM (SELECT DISTINCT class FROM placed) AS c "
        "JOIN record r ON r.id = c.class LEFT JOIN listed l ON l.record = c.class ORDER BY c.class"
    )
    of: dict[int, HostClass] = {}
    for class_, redacted, listed, *row in rows:
        if redacted:
            of[class_] = _NOTHING_KNOWN
            continue
        lists = of_lists[listed or ""]
        held = {numbers[value] for numbers, value in zip(of_columns, row, strict=True) if value is not None}
        of[class_] = HostClass(
            traits=tuple(sorted(held | lists.traits)),
            services=lists.services,
            vpc=row[vpc],
            zone=row[zone],
            subnet=row[subnet],
            account=row[account],
            region=row[region],
            groups=lists.groups,
        )
    return Classes(of, values)


class _Numbers(dict[str, int]):
    """The numbers of an attribute's values. A value that was not met before gets the next number of all."""

    def __init__(self, attribute: Attribute, values: list[SharedValue]) -> None:
        super().__init__()
        self._attribute, self._values = attribute, values

    def __missing__(self, value: str) -> int:
        self[value] = number = len(self._values)
        self._values.append(SharedValue(attribute=self._attribute, value=value))
        return number


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a host has several of."""

    traits: frozenset[int]
    services: frozenset[str]
    groups: frozenset[str]


class _Lists(dict[str, _Listed]):
    """Lists by their numbers in `listed_value`, such as `3,17`: half a million classes have some thousand."""

    def __init__(self, engine: "Database", values: list[SharedValue]) -> None:
        super().__init__()
        self._numbers = {name: _Numbers(attribute, values) for attribute, name in LISTS.items()}
        self._rows = {
            str(number): (name, value)
            for name, value, number in engine.query("SELECT name, value, number FROM listed_value")
        }

    def __missing__(self, numbers: str) -> _Listed:
        rows = [self._rows[number] for number in numbers.split(",") if number in self._rows]
        self[numbers] = listed = _Listed(
            frozenset(self._numbers[name][value] for name, value in rows if name in self._numbers),
            frozenset(value for name, value in rows if name == _SERVICE),
            frozenset(value for name, value in rows if name == LISTS[Attribute.GROUP]),
        )
        return listed


_NOTHING_KNOWN: Final = HostClass(
    traits=(),
    services=frozenset(),
    vpc=None,
    zone=None,
    subnet=None,
    account=None,
    region=None,
    groups=frozenset(),
)
