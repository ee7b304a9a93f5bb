"""Texts without what lets somebody act as somebody else: keys, tokens, passwords, and URLs that carry one.

A secret is found by its form, by the name in front of it, or because this process knows it from its own variables.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES

HIDDEN: Final = "***"
LEAST: Final = 6
"""Characters of a known secret that is searched for; a shorter one stands in many words."""
LEAST_WORD: Final = 16
"""The same of one that consists of small letters and dashes, as words of a setting do."""

# Every pattern is bounded: the texts may be hostile, and are searched from each of their characters.
_ASSIGNED: Final = re.compile(
    r"(?P<name>(?:secret|passw(?:or)?d|passphrase|pwd|token|credential|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|signature|signing[_-]?key|cookie|authorization)[\w.-]{0,40})"
    r"(?P<sign>\\?['\"]?\s{0,3}[:=]\s{0,3})"
    r"(?P<value>\"[^\"\n]{0,4096}\"?|'[^'\n]{0,4096}'?|\\\"[^\"\n]{0,4096}"
    r"|(?:(?:basic|bearer|digest|negotiate|aws4-hmac-sha256)\s{1,3})?[^\s'\",;&}\])]{1,4096})",
    re.IGNORECASE,
)
"""`aws_secret_access_key = …`, `"SessionToken": "…"`, `Authorization: Bearer …`."""
_SCHEME: Final = re.compile(r"\b((?i:basic|bearer|negotiate))\s{1,3}(?=[A-Za-z]{0,40}[0-9=+/._-])[A-Za-z0-9+/._=-]{8,}")
_LIST_SCHEME: Final = re.compile(r"\b((?i:digest|aws4-hmac-sha256))\s{1,3}(?=\w{1,40}=)[^\n]*")
_KEY_ID: Final = re.compile(r"(?<![A-Z0-9])(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")
"""An access key id (IAM User Guide, Understanding unique ID prefixes); its last four characters may be seen."""
_KEY: Final = re.compile(
    r"(?<![A-Za-z0-9/+=_.-])(?=[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_.-]))"
    r"(?=[^A-Z]{0,39}[A-Z])(?=[^a-z]{0,39}[a-z])(?=[^0-9]{0,39}[0-9])[A-Za-z0-9/+]{40}"
)
"""The form of a secret access key."""
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9/+=_.-])(?=[A-Za-z0-9/+_-]{80})"
    r"(?=[^A-Z]{0,79}[A-Z])(?=[^a-z]{0,79}[a-z])(?=[^0-9]{0,79}[0-9])[A-Za-z0-9/+_-]{80,}={0,2}"
)
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]+){1,2}")
"""RFC 7519: its header is JSON, and so begins with these letters."""
_PEM: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
)
_OF_PEM: Final = re.compile(r"^(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9+/]{48,76}={0,2}[ \t\r]*$", re.MULTILINE)
"""A line of a key whose first line is not there."""
_WORD: Final = re.compile(r"[^\s'\"<>]+")
_PRESIGNED: Final = re.compile(r"\b(X-Amz-(?:Signature|Credential|Security-Token))=[^\s&'\"]+", re.IGNORECASE)
_SECRET_VARIABLE: Final = re.compile(
    r"SECRET|TOKEN|PASSW|PASSPHRASE|PWD$|CREDENTIALS|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH(?!OR)"
)
_PUBLIC_WORDS: Final = frozenset({*SERVICES, *REGIONS})
_PUBLIC_VARIABLES: Final = frozenset({"AWS_SHARED_CREDENTIALS_FILE", "SSH_AUTH_SOCK", "XAUTHORITY", "OLDPWD", "PWD"})


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """The text with HIDDEN in place of what is, or may be, a secret; `known` are secrets to be found as they are."""
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _PEM.sub(HIDDEN, text)
    if "://" in text:
        text = _WORD.sub(_url, text)
    text = _PRESIGNED.sub(rf"\1={HIDDEN}", text)
    text = _ASSIGNED.sub(_assigned, text)
    for scheme in (_SCHEME, _LIST_SCHEME):
        text = scheme.sub(rf"\1 {HIDDEN}", text)
    text = _KEY_ID.sub(lambda match: f"{HIDDEN}{match[0][-4:]}", text)
    for form in (_JWT, _KEY, _TOKEN, _OF_PEM):
        text = form.sub(HIDDEN, text)
    return text


def known_secrets(environment: Mapping[str, str]) -> frozenset[str]:
    """The secrets that the variables of a process hold: the values of those that are named like one, and the user and
    the password of every URL, as they stand there and without their escapes."""
    found: set[str] = set()
    for name, value in environment.items():
        if _SECRET_VARIABLE.search(name.upper()) and name not in _PUBLIC_VARIABLES:
            found.update((value, value.rpartition("/")[2]))  # a path or a URL, whose last part nobody can guess
        if "://" in value:
            found.update(_of_url(value))
    return frozenset(form for secret in found for form in (secret, unquote(secret)) if _is_telling(form))


def _is_telling(secret: str) -> bool:
    """Whether a text that holds it holds the secret, and not a common word that is spelt like it."""
    is_word = re.fullmatch(r"[a-z_-]+", secret) is not None or secret in _PUBLIC_WORDS
    return len(secret) >= (LEAST_WORD if is_word else LEAST)


def _of_url(url: str) -> Iterable[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ()
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    return (user, password, parts.query)


def _url(match: re.Match[str]) -> str:
    """A word, of which a URL in it shows neither user nor query: the password may hold anything, and a presigned URL
    has its signature in its query."""
    scheme, sign, rest = match[0].partition("://")
    if not sign:
        return match[0]
    credentials, at, rest = rest.rpartition("@")
    place = re.split(r"[?#]", rest, maxsplit=1)
    shown = rest if len(place) == 1 else f"{place[0]}?{HIDDEN}"
    return f"{scheme}{sign}{HIDDEN if credentials else ''}{at}{shown}"


def _assigned(match: re.Match[str]) -> str:
    value = match["value"]
    if match["name"] in SERVICES:  # `secretsmanager:ListSecrets`, `secretsmanager: token=…`
        return f"{match['name']}{match['sign']}{_ASSIGNED.sub(_assigned, value)}"
    quote = value[0] if value[0] in "'\"" else ""
    return match[0] if value.strip("'\"") in _NO_SECRETS else f"{match['name']}{match['sign']}{quote}{HIDDEN}{quote}"


_NO_SECRETS: Final = frozenset({"", HIDDEN, "true", "false", "null", "none", "None", "yes", "no"})
