"""Secrets that tests plant in every place that can contain a secret, and the search for them in output. Each secret
begins and ends with unique words. Tests search for each of the two words, so they also find half a secret. The last
four characters of an access key id may be shown.
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
"""The number of characters in the first word of a secret, and in its last word."""
KEY_ID_TAIL: Final = 5
"""The shortest end of an access key id that no output may contain. Only four characters may be shown."""
SIMULATED_KEY: Final = "wJalrXUtn"
"""The beginning of the secret key in the simulated world, which is the example key in AWS's documentation."""


def pieces() -> dict[str, str]:
    """The texts that no output may contain. Each text leads to the secret of which it is a part."""
    by_piece: dict[str, str] = {}
    for name, secret in SECRETS.items():
        tail = KEY_ID_TAIL if name == "access key id" else HEAD
        for form in (secret, unquote(secret)):
            by_piece |= {form[:HEAD]: name, form.rstrip("=")[-tail:]: name}
    for user, password in (("proxy user", "proxy password"), ("endpoint user", "endpoint password")):
        credentials = base64.b64encode(f"{unquote(SECRETS[user])}:{unquote(SECRETS[password])}".encode()).decode()
        by_piece |= {credentials[:HEAD]: password, credentials[-HEAD:]: password}
    return {**by_piece, SIMULATED_KEY: "the simulated world's secret key"}


PIECES: Final = pieces()


def leaked(text: str) -> set[str]:
    """The secrets of which a text contains a part. Line breaks inside the part do not matter."""
    whole = "".join(text.split())
    return {name for piece, name in PIECES.items() if piece in whole}
