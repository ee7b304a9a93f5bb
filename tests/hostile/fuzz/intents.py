"""Changed files of intents, which are read, or refused with a message."""

from random import Random
from typing import Final

from agent.predict.intents import IntentError, Intents, parse
from tests.hostile.fuzz.command import Command
from tests.hostile.fuzz.mutation import BYTES, DEEP, spoilt_bytes
from tests.support.repository import ROOT

_PIECES: Final = (*BYTES, *DEEP, b"[[open]]", b"[[shut]]", b"open = 1", b'"""', b"ports = [0]", b"from = []", b"= {")


def read(data: bytes) -> Intents | str:
    """The intents in a file, or the message of the refusal."""
    try:
        return parse(data, "intents.toml")
    except IntentError as error:
        return str(error)


def check_intents(chance: Random, _: Command) -> None:
    """A changed file is refused with a message, or read. If it is read, each intent has a line, sources and
    services.
    """
    sound = (ROOT / "docs/examples/intents.toml").read_bytes()
    intents = read(spoilt_bytes(chance, sound, _PIECES))
    if isinstance(intents, str):
        assert intents.startswith("intents.toml:")
        assert "\n" not in intents
        return
    for intent in intents.intents:
        assert intent.sources
        assert intent.services
        assert intent.place.startswith("intents.toml:")
