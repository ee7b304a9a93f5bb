"""Secrets that tests plant where secrets can be, and the search for them in what is said.

Each begins and ends with words of its own, and both are looked for, so a piece of it is found too. Of an access key id
the last four characters may be seen.
"""

import base64
from typing import Final
from urllib.parse import unquote

KEY_ID: Final = "ASIAKEYHEAD4X7QD9W3K"
SECRETS: Final = {
    "access key id": KEY_ID,
    "secret key": "SecHead01/bPxRfiCYEXAMPLEKEYwJalr/SecTail01",
    "session token": "TokHead02//////////wEaCXVzLWVhc3QtMSJH+TokTail02==",
    "proxy user": "PusHead03.corp.PusTail03",
    "proxy password": "PpwHead04%40over%2Fthere%3APpwTail04",
    "endpoint user": "EusHead05.EusTail05",
    "endpoint password": "EpwHead06%40EpwTail06",
    "metadata password": "MpwHead07MpwTail07",
    "container path": "CpaHead08-4a5b-CpaTail08",
    "container query": "CquHead09CquTail09",
    "container authorization": "CauHead10.eyJhbGciOi.CauTail10",
    "web identity": "WidHead11WidTail11",
}
HEAD: Final = 9
"""Characters of the first and of the last word of a secret."""
KEY_ID_TAIL: Final = 5
"""One more than may be seen."""
SIMULATED_KEY: Final = "wJalrXUtn"
"""How the secret key of the simulated world begins, which is AWS's own example."""


def pieces() -> dict[str, str]:
    """What may stand nowhere, with the secret that it is a piece of."""
    found: dict[str, str] = {}
    for name, secret in SECRETS.items():
        tail = KEY_ID_TAIL if name == "access key id" else HEAD
        for form in (secret, unquote(secret)):
            found |= {form[:HEAD]: name, form.rstrip("=")[-tail:]: name}
    for user, password in (("proxy user", "proxy password"), ("endpoint user", "endpoint password")):
        told = base64.b64encode(f"{unquote(SECRETS[user])}:{unquote(SECRETS[password])}".encode()).decode()
        found |= {told[:HEAD]: password, told[-HEAD:]: password}
    return {**found, SIMULATED_KEY: "the simulated world's secret key"}


PIECES: Final = pieces()


def leaked(said: str) -> set[str]:
    """The secrets that stand in a text, line breaks in the middle of them or not."""
    whole = "".join(said.split())
    return {name for piece, name in PIECES.items() if piece in whole}
