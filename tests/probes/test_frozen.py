"""Frozen data classes are compared with the standard ones, on every Python of this machine."""

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import shutil
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

import agent
import probes
from probes import frozen
from tests.probes.frozen_shapes import OURS, differences, shapes
from tests.support.command import SECONDS
from tests.support.repository import ROOT
from tests.support.runs import measurement_of

PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")


def test_every_class_is_as_the_standard_decorator_makes_it() -> None:
    assert differences() == {}


@pytest.mark.parametrize("name", OURS)
def test_parameters_are_known_before_the_first_instance(name: str) -> None:
    ours, standard = (
        inspect.signature(shapes(decorator)[name][0]) for decorator in (frozen.dataclass, dataclasses.dataclass)
    )
    assert list(ours.parameters) == list(standard.parameters)


def test_init_is_compiled_when_it_is_first_used() -> None:
    pair = shapes(frozen.dataclass)["positional"][0]
    assert not inspect.isfunction(vars(pair)["__init__"])
    assert pair(1) == pair(1, "r")
    assert inspect.isfunction(vars(pair)["__init__"])


def test_a_subclass_of_the_ordinary_kind_starts_as_its_base_does() -> None:
    class Ordinary(shapes(frozen.dataclass)["by keyword"][0]):  # type: ignore[misc] # a base that is made at runtime
        pass

    assert Ordinary(third="c").third == Ordinary(third="c").third == "c"


@pytest.mark.parametrize("name", ["value", "another"])
def test_nothing_can_be_set(name: str) -> None:
    """The standard decorator raises TypeError for a name that is not a field."""
    of = OURS["generic"][0](value=1)
    with pytest.raises(dataclasses.FrozenInstanceError, match=f"^cannot change field '{name}'$"):
        setattr(of, name, 2)
    assert of == OURS["generic"][0](value=1)


def test_a_list_by_default_is_each_instance_s_own() -> None:
    named = OURS["by keyword"][0]
    assert named(third="c").second is not named(third="c").second


def test_a_copy_that_is_deep_holds_copies() -> None:
    named = OURS["by keyword"][0]
    one = named(third="c", second=[[1]])
    assert copy.copy(one).second is one.second
    assert copy.deepcopy(one).second == one.second
    assert copy.deepcopy(one).second is not one.second


def of_the_program() -> Iterator[type]:
    """Every frozen class with slots of the two packages."""
    for package in (agent, probes):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                yield from (
                    value
                    for value in vars(importlib.import_module(module.name)).values()
                    if isinstance(value, type) and value.__module__ == module.name and dataclasses.is_dataclass(value)
                )


def test_the_program_has_no_other_frozen_classes() -> None:
    """A class that the standard decorator makes costs six times as much at every start."""
    classes = set(of_the_program())
    frozen_ones = [cls for cls in classes if {"__setattr__", "__slots__"} <= vars(cls).keys()]
    assert len(frozen_ones) > 200
    assert [cls for cls in frozen_ones if not hasattr(cls, "__frozen_values__")] == []


def test_an_instance_of_the_program_is_pickled() -> None:
    one = measurement_of("healthy")
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own


@pytest.mark.parametrize("version", PYTHONS)
def test_on_another_python(version: str) -> None:
    """Another version of Python, without the project's libraries, compares the classes."""
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"this machine has no Python {version}")
    command = [python, "-m", "tests.probes.frozen_shapes"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", 0)
