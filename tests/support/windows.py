"""Runs `probes` as on Windows: modules and attributes of the standard library that Python does not have on Windows are
hidden from `probes`, and `sys.platform` is `win32`. Other modules of the process see the real library.

The names that Python does not have on Windows are read from typeshed, the stubs that come with mypy. Stubs do not
describe behaviour, so calls that exist on Windows but behave differently there are not found.

As a plugin of pytest (`-p tests.support.windows`), this module applies to a whole session. As a command, it imports
every module of `probes`, one after the other, and writes the result of each import as JSON.
"""

import ast
import builtins
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tests.support.repository import ROOT

WINDOWS, LINUX = "win32", "linux"
LOOP: Final = frozenset(
    {
        *("add_reader", "remove_reader", "add_writer", "remove_writer"),
        *("add_signal_handler", "remove_signal_handler", "create_unix_connection", "create_unix_server"),
    }
)
"""Methods that the default event loop on Windows does not have (Python documentation, asyncio, Platform Support)."""
_FOLDERS: Final = ("/proc", "/sys", "/etc", "/run", "/usr", "/opt", "/var")
"""The beginnings of paths that only Linux has."""


# --- What Python lacks there -----------------------------------------------------------------------------------------


@cache
def lacking(module: str) -> frozenset[str]:
    """The names that a module of the standard library has on Linux, but not on Windows."""
    return _names(module, LINUX) - _names(module, WINDOWS)


@cache
def is_absent(module: str) -> bool:
    """Whether a module of the standard library is missing on Windows, or has no public names there."""
    public = {name for name in _names(module, WINDOWS) if not name.startswith("_")}
    return _stub(module) is not None and not public and bool(_names(module, LINUX))


@cache
def lacking_methods() -> frozenset[str]:
    """The methods that a socket of Python has on Linux, but not on Windows."""
    (linux, windows) = (_members("_socket", "socket", platform) for platform in (LINUX, WINDOWS))
    return linux - windows


@cache
def _stub(module: str) -> ast.Module | None:
    mypy = importlib.util.find_spec("mypy")
    assert mypy is not None
    assert mypy.origin is not None
    place = Path(mypy.origin).parent / "typeshed" / "stdlib" / module.replace(".", "/")
    for file in (place.with_suffix(".pyi"), place / "__init__.pyi"):
        if file.is_file():
            return ast.parse(file.read_text("utf-8"))
    return None


@cache
def _names(module: str, platform: str) -> frozenset[str]:
    stub = _stub(module)
    return frozenset() if stub is None else frozenset(_defined(stub.body, platform))


def _members(module: str, kind: str, platform: str) -> frozenset[str]:
    stub = _stub(module)
    assert stub is not None
    (found,) = (node for node in stub.body if isinstance(node, ast.ClassDef) and node.name == kind)
    return frozenset(_defined(found.body, platform))


def _defined(body: list[ast.stmt], platform: str) -> Iterator[str]:
    for node in body:
        match node:
            case ast.If():
                yield from _defined(node.body if _holds(node.test, platform) else node.orelse, platform)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.ImportFrom(module=str(module), names=[ast.alias(name="*")]):
                yield from _names(module, platform)
            case ast.ImportFrom(names=names):
                yield from (name.asname for name in names if name.asname is not None)


def _holds(test: ast.expr, platform: str) -> bool:
    """Whether a condition in a stub is true on this platform. It is about the platform or the version."""
    source = ast.unparse(test)
    sees = type("sys", (), {"platform": platform, "version_info": sys.version_info})
    return bool(eval(source, {"__builtins__": {}}, {"sys": sees}))  # noqa: S307 - of mypy's own stubs


# --- What `probes` uses of it ----------------------------------------------------------------------------------------


def modules() -> list[str]:
    """Every module of `probes`."""
    files = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / "probes").rglob("*.py"))
    return sorted(".".join(file.parts).removesuffix(".__init__") for file in files)


def source_of(module: str) -> str:
    """The source of a module of `probes`."""
    place = ROOT / module.replace(".", "/")
    file = place.with_suffix(".py")
    return (file if file.is_file() else place / "__init__.py").read_text("utf-8")


def uses(module: str) -> list[str]:
    """The names, such as `socket.AF_NETLINK`, that a module uses and that Python does not have on Windows."""
    tree = ast.parse(source_of(module))
    called: dict[str, str] = {}
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for name in names:
                    called[name.asname or name.name] = name.name
                    if is_absent(name.name):
                        found[name.name] = None
            case ast.ImportFrom(module=str(origin), level=0, names=names):
                for name in names:
                    if is_absent(origin) or name.name in lacking(origin):
                        found[f"{origin}.{name.name}"] = None
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner = ast.unparse(node.value)
        if owner in called and node.attr in lacking(called[owner]):
            found[f"{called[owner]}.{node.attr}"] = None
        elif node.attr in LOOP:
            found[f"loop.{node.attr}"] = None
        elif node.attr in lacking_methods() and owner not in called:
            found[f"socket.{node.attr}"] = None
    return sorted(found)


def paths(module: str) -> list[str]:
    """The Linux folders that a module reads, such as `/proc/net`."""
    found = set()
    for node in ast.walk(ast.parse(source_of(module))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            if text.startswith(tuple(f"{folder}/" for folder in _FOLDERS)) and " " not in text:
                found.add("/".join(text.split("/")[:3]))
    return sorted(found)


# --- Hiding it -------------------------------------------------------------------------------------------------------


class _Seen(ModuleType):
    """A module of the standard library that has only the names that exist on Windows."""

    def __init__(self, real: ModuleType) -> None:
        super().__init__(real.__name__)
        self.__dict__["_real"] = real

    def __getattr__(self, name: str) -> Any:
        real = self.__dict__["_real"]
        if name in lacking(real.__name__):
            raise AttributeError(f"module {real.__name__!r} has no attribute {name!r}", name=name, obj=real)
        return _CHANGED.get((real.__name__, name)) or getattr(real, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["_real"], name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self.__dict__["_real"], name)


_CHANGED: Final = {("sys", "platform"): WINDOWS, ("os", "name"): "nt"}
_seen: Final[dict[str, _Seen]] = {}


def hide() -> None:
    """Hide from `probes` the names that Python does not have on Windows. `probes` must not be imported before."""
    assert not any(name.partition(".")[0] == "probes" for name in sys.modules)
    real_import = builtins.__import__

    def importing(
        name: str,
        globals: Any = None,  # noqa: A002 - as __import__ has it
        locals: Any = None,  # noqa: A002
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        importer = (globals or {}).get("__name__", "")
        if level or importer.partition(".")[0] != "probes":
            return real_import(name, globals, locals, fromlist, level)
        if is_absent(name):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        found = real_import(name, globals, locals, fromlist, level)
        if not lacking(found.__name__) and found.__name__ not in {changed for changed, _ in _CHANGED}:
            return found
        return _seen.setdefault(found.__name__, _Seen(found))

    builtins.__import__ = importing


def pytest_load_initial_conftests() -> None:
    """Hide the names before any test module is imported."""
    hide()


def main() -> None:
    """Import each module of `probes`, and write whether the import succeeded."""
    hide()
    became: dict[str, str | None] = {}
    for module in modules():
        try:
            importlib.import_module(module)
            became[module] = None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is asked for
            became[module] = f"{type(error).__name__}: {error}"
    json.dump(became, sys.stdout)


if __name__ == "__main__":
    main()
