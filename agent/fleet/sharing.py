"""What the hosts with a fault share and the others do not: one value of an attribute, or two together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from itertools import combinations
from math import exp, lgamma, log
from typing import Any, Final

from agent.fleet.classes import Classes
from agent.fleet.model import Attribute, Shared, SharedValue
from probes.frozen import dataclass

COVERAGE: Final = 0.6
PRECISION: Final = 0.5
"""One of both is needed."""
LIFT: Final = 3.0
P: Final = 1e-3
"""After the correction for the number of tests."""
_PRICE_OF_A_PAIR: Final = 0.05
"""Of F1: two words have to tell that much more than one."""
_MOST_WORDS: Final = 32
"""Values, those that tell most alone, of which pairs are made."""
_MOST_PAIRS: Final = 64
"""Pairs that are asked, those with most sick hosts."""
_FEW_CLASSES: Final = 500
"""Classes that are gone through one by one."""
_ORDER: Final = tuple(Attribute)
Hosts = Mapping[int, int]
"""Hosts by their class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found, and whom it explains."""

    shared: Shared
    classes: frozenset[int]
    """Classes with sick hosts that have it."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    traits: tuple[int, ...]
    sick: int
    total: int


class Exposed:
    """Hosts that could have a fault, the sick ones among them."""

    def __init__(self, classes: Classes, hosts: Hosts) -> None:
        self._classes = classes
        self._all = _Counted(classes, hosts)
        self._removed: Counter[int] = Counter()
        self.count = sum(hosts.values())
        self.by_trait = _by_trait(classes, hosts)

    def without(self, hosts: Hosts) -> "Exposed":
        """The others."""
        others = copy(self)
        others._removed = self._removed + Counter(hosts)
        others.count = self.count - sum(hosts.values())
        others.by_trait = self.by_trait.copy()
        others.by_trait.subtract(_by_trait(self._classes, hosts))
        return others

    @property
    def hosts(self) -> Hosts:
        """All of them, also those that were set aside."""
        return self._all.hosts

    def count_with(self, one: int, other: int) -> int:
        """The hosts that have both values."""
        of = self._classes.of
        removed = sum(
            count for class_, count in self._removed.items() if one in of[class_].traits and other in of[class_].traits
        )
        return self._all.count_with(one, other) - removed


class _Counted:
    """Hosts by class, in a form that counts those with two values fast: for each binary digit of the counts, the
    classes that have it, one bit a class."""

    def __init__(self, classes: Classes, hosts: Hosts) -> None:
        self._classes, self.hosts = classes, hosts
        self._digits: list[int] | None = None

    def count_with(self, one: int, other: int) -> int:
        rarer, other = sorted((one, other), key=lambda trait: len(self._classes.having(trait)))
        few = self._classes.having(rarer)
        if len(few) <= _FEW_CLASSES:
            of = self._classes.of
            return sum(self.hosts.get(class_, 0) for class_ in few if other in of[class_].traits)
        both = self._classes.bits_having(rarer) & self._classes.bits_having(other)
        if self._digits is None:
            self._digits = self._by_digits()
        return sum((digit & both).bit_count() << place for place, digit in enumerate(self._digits))

    def _by_digits(self) -> list[int]:
        most = max(self.hosts.values(), default=0)
        return [
            self._classes.bits(class_ for class_, count in self.hosts.items() if count >> place & 1)
            for place in range(most.bit_length())
        ]


def what_they_share(classes: Classes, sick: Hosts, exposed: Exposed, *, least: int, tests: int) -> Found | None:
    """What best tells the sick hosts from the other exposed ones; `tests` is the number of questions asked in all, by
    which p is corrected. None where nothing tells them apart."""
    asked = _Asked(classes, sick, exposed, least, tests)
    best = min(asked.candidates(), key=asked.order, default=None)
    return None if best is None else asked.found(best)


class _Asked:
    """One question."""

    def __init__(self, classes: Classes, sick: Hosts, exposed: Exposed, least: int, tests: int) -> None:
        self._classes, self._sick, self._exposed, self._least, self._tests = classes, sick, exposed, least, tests
        self._sick_count, self._count = sum(sick.values()), exposed.count
        self._sick_with, self._total_with = _by_trait(classes, sick), exposed.by_trait

    def candidates(self) -> Iterator[_Candidate]:
        """Single values that are accepted, then pairs."""
        singles = [
            _Candidate((trait,), count, self._total_with[trait])
            for trait, count in self._sick_with.items()
            if count >= self._least
        ]
        accepted = list(filter(self._accepts, singles))
        yield from accepted
        least_f1 = max(map(self._f1, accepted), default=0.0)
        singles.sort(key=lambda single: (-self._f1(single), *self._place(single)))
        words = {single.traits[0] for single in singles[:_MOST_WORDS]}
        yield from filter(self._accepts, self._pairs(words, least_f1))

    def _pairs(self, words: set[int], least_f1: float) -> Iterator[_Candidate]:
        values = self._classes.values
        both: Counter[tuple[int, int]] = Counter()
        for class_, count in self._sick.items():
            for pair in combinations([trait for trait in self._classes.of[class_].traits if trait in words], 2):
                both[pair] += count
        pairs = [
            (pair, count)
            for pair, count in both.items()
            if count >= self._least and values[pair[0]].attribute is not values[pair[1]].attribute
        ]
        pairs.sort(key=lambda entry: (-entry[1], entry[0]))
        for pair, count in pairs[:_MOST_PAIRS]:
            fewest = max(count, sum(self._total_with[word] for word in pair) - self._count)
            best = _Candidate(pair, count, fewest)
            if self._f1(best) - _PRICE_OF_A_PAIR < least_f1 or self._lift(best) < LIFT:
                continue  # however few well hosts have both, it is not what tells most
            candidate = _Candidate(pair, count, self._exposed.count_with(*pair))
            if all(self._tells_within(candidate, word) for word in pair):
                yield candidate

    def _tells_within(self, pair: _Candidate, word: int) -> bool:
        """Whether the pair tells sick from well among the hosts that have one of its words."""
        p = fisher(pair.sick, pair.total, self._sick_with[word], self._total_with[word])
        return p * self._tests < P

    def _accepts(self, candidate: _Candidate) -> bool:
        coverage, precision = candidate.sick / self._sick_count, candidate.sick / candidate.total
        if coverage < COVERAGE and precision < PRECISION:
            return False
        return self._lift(candidate) >= LIFT and self._p(candidate) < P

    def _lift(self, candidate: _Candidate) -> float:
        """With half a host added to each count, so that none is divided by zero."""
        among_others = (self._sick_count - candidate.sick + 0.5) / (self._count - candidate.total + 1)
        return (candidate.sick + 0.5) / (candidate.total + 1) / among_others

    def _p(self, candidate: _Candidate) -> float:
        return min(1.0, fisher(candidate.sick, candidate.total, self._sick_count, self._count) * self._tests)

    def _f1(self, candidate: _Candidate) -> float:
        return 2 * candidate.sick / (self._sick_count + candidate.total)

    def _place(self, candidate: _Candidate) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Where it stands among those that tell as much: the nearest to a fix first."""
        values = [self._classes.values[trait] for trait in candidate.traits]
        return tuple(_ORDER.index(value.attribute) for value in values), tuple(value.value for value in values)

    def order(self, candidate: _Candidate) -> tuple[Any, ...]:
        """The lowest tells most."""
        score = self._f1(candidate) - _PRICE_OF_A_PAIR * (len(candidate.traits) - 1)
        return (-round(score, 9), len(candidate.traits), *self._place(candidate))

    def found(self, candidate: _Candidate) -> Found:
        values = sorted(
            (self._classes.values[trait] for trait in candidate.traits), key=lambda value: _ORDER.index(value.attribute)
        )
        return Found(
            shared=Shared(
                values=tuple(values),
                sick=candidate.sick,
                well=candidate.total - candidate.sick,
                coverage=candidate.sick / self._sick_count,
                precision=candidate.sick / candidate.total,
                lift=self._lift(candidate),
                p=self._p(candidate),
            ),
            classes=frozenset(
                class_
                for class_ in self._sick
                if all(trait in self._classes.of[class_].traits for trait in candidate.traits)
            ),
        )


def _by_trait(classes: Classes, hosts: Hosts) -> Counter[int]:
    counts: Counter[int] = Counter()
    for class_, count in hosts.items():
        for trait in classes.of[class_].traits:
            counts[trait] += count
    return counts


def fisher(sick: int, total: int, all_sick: int, count: int) -> float:
    """The chance that of `total` hosts drawn from `count`, of which `all_sick` are sick, `sick` or more are: Fisher's
    exact test, one-sided. 1 where no more are sick than is to be expected."""
    if sick * count <= total * all_sick:
        return 1.0
    first = _log_choose(all_sick, sick) + _log_choose(count - all_sick, total - sick) - _log_choose(count, total)
    # Past the mean each term is smaller than the one before. The rest of a falling series adds nothing.
    series = term = 1.0
    for number in range(sick, min(total, all_sick)):
        term *= (all_sick - number) * (total - number) / ((number + 1) * (count - all_sick - total + number + 1))
        series += term
        if term < series * 1e-12:
            break
    return min(1.0, exp(min(0.0, first + log(series))))


def _log_choose(of: int, some: int) -> float:
    return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)


def values_in(classes: Classes, hosts: Iterable[int]) -> int:
    """How many values these classes have in all."""
    seen: set[int] = set()
    for class_ in hosts:
        seen.update(classes.of[class_].traits)
    return len(seen)


def named(value: SharedValue) -> str:
    """`group sg-0a1b`, `instance type m5.large`."""
    return f"{value.attribute.value.replace('-', ' ')} {value.value}"
