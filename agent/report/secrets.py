"""Remove secrets from texts: keys, tokens, passwords, and URLs that carry one.

A secret is found by its form, by the name in front of it, or because this process knows it from its own variables.

Existing tools for this task were examined first. They mark places for a person to review, while this module must decide
alone and leave the rest of a log readable. detect-secrets (last release in 2024) does not say where in a line a secret
ends, and its patterns take quadratic time on hostile text. gitleaks is a program in Go. The patterns are therefore
written here, and _KNOWN_FORMS follows the prefixes in the rules of gitleaks (July 2026).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from agent.catalog.regions import REGIONS
from agent.catalog.services import SERVICES

HIDDEN: Final = "***"
LEAST: Final = 6
"""Minimum length of a known secret that is searched for; a shorter one is part of many words."""
LEAST_WORD: Final = 16
"""Minimum length of a known secret that has only small letters and dashes, like the ordinary words of a setting."""

# Every pattern is linear: the texts may be hostile, and each of their characters is a possible start.
_CHOSEN: Final = (
    r"passw(?:or)?d|passphrase|pwd|(?<!by)(?<!com)(?<!sur)(?<!tres)pass(?![a-z])|(?<![a-z])(?:bind|root|db|user|admin)?pw"
    r"(?![a-z])"
)
_NAME: Final = (
    r"(?<!:\d{12}:)secret|token|credential|plaintext|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key|encryption[_-]?key"
    r"|master[_-]?key|routing[_-]?key|shared[_-]?key|storage[_-]?key|integration[_-]?key|(?<![a-z])psk(?![a-z])"
    r"|(?<![a-z])sig(?==)|signature|signing[_-]?key|cookie|authorization"
)
_QUOTED: Final = r"\"[^\"\n]{0,4096}\"?|'[^'\n]{0,4096}'?|\\\"[^\"\n]{0,4096}"
_BARE: Final = r"[^\s'\",;&}\])]{1,4096}"
_ASSIGNED: Final = re.compile(
    rf"(?P<name>(?:{_NAME})[\w.-]{{0,40}})(?P<sign>\\?['\"]?\s{{0,3}}[:=]\s{{0,3}})"
    rf"(?P<value>{_QUOTED}|(?:digest|aws4-hmac-sha256)\s{{1,3}}(?=\w{{1,40}}=)[^\n]*"
    rf"|(?:(?:basic|bearer|digest|negotiate|aws4-hmac-sha256)\s{{1,3}})?{_BARE})",
    re.IGNORECASE,
)
"""`aws_secret_access_key = ...`, `"SessionToken": "..."`, `Authorization: Bearer ...`. In an ARN, `secret:` precedes
the name of a secret."""
_ASSIGNED_CHOSEN: Final = re.compile(
    rf"(?P<name>(?:{_CHOSEN})[\w.-]{{0,40}})(?P<sign>\\?['\"]?\s{{0,3}}[:=]\s{{0,3}})"
    rf"(?P<value>{_QUOTED}|{_BARE}(?:[ \t]{{1,8}}(?![\w.-]{{1,40}}[ \t]?[:=]){_BARE}){{0,15}})",
    re.IGNORECASE,
)
"""A name, and a secret that a person chose. Such a secret may have blanks: it ends at the next sign, or at the next
name with a value."""
_GIVEN: Final = re.compile(
    rf"(?P<before>(?<![\w-])--?[a-z-]{{0,40}}?(?:{_NAME}|{_CHOSEN})(?![\w-]{{0,20}}-(?:id|arn|file|name)\b)[\w-]{{0,20}}"
    rf"[ \t]{{1,3}}|\b(?:bind|root)pw[ \t]{{1,8}}|\blogin[ \t]{{1,8}}\S{{1,128}}[ \t]{{1,8}}password[ \t]{{1,8}}"
    rf"|\b(?:hdbsql|sshpass|mysql|mysqldump|mariadb|(?:docker|podman)[ \t]login)\b"
    rf"[^\n]{{0,200}}?[ \t](?-i:-p)[ \t]{{0,3}}"
    rf"|\bldap(?:search|modify|add|whoami)\b[^\n]{{0,200}}?[ \t](?-i:-w)[ \t]{{0,3}}"
    rf"|\bcurl\b[^\n]{{0,200}}?[ \t](?:-u|--user|-U|--proxy-user)[ \t=]{{0,3}}"
    rf"|\bhdbuserstore\b[^\n]{{0,80}}?\bset(?:[ \t]{{1,8}}\S{{1,128}}){{3}}[ \t]{{1,8}})"
    rf"(?!-)(?P<value>{_QUOTED}|[^\s'\"]{{1,4096}})",
    re.IGNORECASE,
)
"""A secret after an option, an argument of a command or a keyword of a configuration file, with neither `=` nor `:`
before it: `--token ...`, `hdbuserstore SET KEY HOST USER ...`."""
_ELEMENT: Final = re.compile(
    rf"(?P<before><[\w.:-]{{0,40}}?(?:{_NAME}|{_CHOSEN})[\w.:-]{{0,40}}(?:[ \t][^<>\n]{{0,200}})?>"
    rf"|\b(?:key|name)=[\"'][\w.:-]{{0,40}}?(?:{_NAME}|{_CHOSEN})[\w.:-]{{0,40}}[\"'][ \t]{{1,8}}value=[\"'])"
    rf"(?P<value>(?<=>)(?=\s{{0,40}}[^\s<])[^<>]{{1,4096}}|(?<=[\"'])[^<>\"']{{1,4096}})",
    re.IGNORECASE,
)
"""XML: `<password>...</password>`, `<add key="Password" value="..."/>`."""
_DOCKER_AUTH: Final = re.compile(
    r"(?P<before>\\?\"auth\\?\"\s{0,3}:\s{0,3}\\?\")(?P<value>[A-Za-z0-9+/]{4,4096}={0,2})(?=\\?\")"
)
"""In the configuration of Docker: user and password in base64."""
_DIGEST: Final = re.compile(r"(?P<before>\b(?:c?nonce|response)=\"?)(?P<value>[0-9a-f]{32,128}\b)", re.IGNORECASE)
"""Values in digest authentication (RFC 7616)."""
_HOOK: Final = re.compile(
    r"(?P<before>\b(?:hooks\.slack\.com|webhook\.office\.com|outlook\.office(?:365)?\.com/webhook|discord(?:app)?\.com/api"
    r"/webhooks|events\.pagerduty\.com/integration|api\.telegram\.org)/)(?P<value>[^\s'\"<>]{1,4096})",
    re.IGNORECASE,
)
"""URLs that allow everybody who knows their path to write."""
_KNOWN_FORMS: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:gh[oprsu]_|github_pat_|gl(?:pat|ptt|rt|dt|soat|cbt|ft|imt|agent|oas)-|xox[a-z](?:\.xox[a-z])?-|xapp-"
    r"|AIza|ya29\.|[sr]k_(?:live|test|prod)_|sk-(?:ant|proj|svcacct|admin)-|SG\.|hv[brs]\.|AGE-SECRET-KEY-|npm_|pypi-AgE"
    r"|do[oprt]_v1_|gl(?:sa|c)_|hf_|shp(?:at|ca|pa|ss)_|dapi|ABSK|lin_api_|PMAK-|rubygems_|dckr_pat_|ATATT)"
    r"[A-Za-z0-9_.+/=-]{16,}"
)
_CRYPT: Final = re.compile(
    r"\$(?:[1567y]|2[abxy]|gy|apr1|argon2(?:id?|d)|scrypt|pbkdf2[a-z0-9-]{0,16})\$[^\s:'\"]{8,4096}"
)
"""A password hash as of crypt(5): the password can be guessed from it."""
_SCHEME: Final = re.compile(r"\b((?i:basic|bearer|negotiate))\s{1,3}(?=[A-Za-z]{0,40}[0-9=+/._-])[A-Za-z0-9+/._=-]{8,}")
_LIST_SCHEME: Final = re.compile(r"\b((?i:digest|aws4-hmac-sha256))\s{1,3}(?=\w{1,40}=)[^\n]*")
_KEY_ID: Final = re.compile(r"(?<![A-Z0-9])(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])")
"""An access key id (IAM User Guide, Understanding unique ID prefixes); its last four characters may be shown."""
_KEY: Final = re.compile(
    r"(?<![A-Za-z0-9/+=_.-])(?=[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_.-]))"
    r"(?=[^A-Z]{0,39}[A-Z])(?=[^a-z]{0,39}[a-z])(?=[^0-9]{0,39}[0-9])[A-Za-z0-9/+]{40}"
)
"""The form of a secret access key."""
_TOKEN: Final = re.compile(
    r"(?<![A-Za-z0-9/+=_.-])(?=[A-Za-z0-9/+_-]{80})"
    r"(?=[^A-Z]{0,79}[A-Z])(?=[^a-z]{0,79}[a-z])(?=[^0-9]{0,79}[0-9])[A-Za-z0-9/+_-]{80,}={0,2}"
)
_JWT: Final = re.compile(
    r"(?<![A-Za-z0-9_-])(?P<before>(?>(?:(?!(?<![A-Za-z0-9])eyJ)[A-Za-z0-9_-])*))"
    r"(?>eyJ[A-Za-z0-9_-]{4,})(?:\.[A-Za-z0-9_-]+){1,2}"
)
"""A JSON Web Token (RFC 7519): its header is JSON, so it begins with these letters. Only the first `eyJ` of a word is
tried: if no dot follows that word, none follows a later one."""
_PEM: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_OF_PEM: Final = re.compile(r"^(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9+/]{48,76}={0,2}[ \t\r]*$", re.MULTILINE)
"""A line of a PEM key whose first line is missing."""
_WORD: Final = re.compile(r"[^\s'\"<>]+")
_PRESIGNED: Final = re.compile(r"\b(X-Amz-(?:Signature|Credential|Security-Token))=[^\s&'\"]+", re.IGNORECASE)
_SECRET_VARIABLE: Final = re.compile(
    r"SECRET|TOKEN|PASSW|PASSPHRASE|PWD$|CREDENTIALS|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH(?!OR)"
)
_PUBLIC_WORDS: Final = frozenset({*SERVICES, *REGIONS})
_PUBLIC_VARIABLES: Final = frozenset({"AWS_SHARED_CREDENTIALS_FILE", "SSH_AUTH_SOCK", "OLDPWD", "PWD"})


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Return the text with HIDDEN in place of everything that is or may be a secret; `known` are literal secrets."""
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _PEM.sub(HIDDEN, text)
    if "://" in text:
        text = _WORD.sub(_url, text)
    text = _PRESIGNED.sub(rf"\1={HIDDEN}", text)
    text = _DOCKER_AUTH.sub(rf"\g<before>{HIDDEN}", text)
    for named in (_ASSIGNED_CHOSEN, _ASSIGNED):
        text = named.sub(_assigned, text)
    for place in (_GIVEN, _ELEMENT, _DIGEST, _HOOK):
        text = place.sub(_after, text)
    for scheme in (_SCHEME, _LIST_SCHEME):
        text = scheme.sub(rf"\1 {HIDDEN}", text)
    text = _KEY_ID.sub(lambda match: f"{HIDDEN}{match[0][-4:]}", text)
    text = _JWT.sub(rf"\g<before>{HIDDEN}", text)
    for form in (_KNOWN_FORMS, _CRYPT, _KEY, _TOKEN, _OF_PEM):
        text = form.sub(HIDDEN, text)
    return text


def known_secrets(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the secrets in the variables of a process: the values of variables with the name of a secret, and the user
    and password of every URL, both as written and without escapes."""
    found: set[str] = set()
    for name, value in environment.items():
        if _SECRET_VARIABLE.search(name.upper()) and name not in _PUBLIC_VARIABLES:
            found.update((value, value.rpartition("/")[2]))  # a path or a URL, whose last part nobody can guess
        if "://" in value:
            found.update(_of_url(value))
    return frozenset(form for secret in found for form in (secret, unquote(secret)) if _is_telling(form))


def _is_telling(secret: str) -> bool:
    """Return whether the secret is so distinctive that a text which contains it reveals it. A common word is not."""
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
    """Return a word without the user and query of a URL in it: a password may contain anything, and a presigned URL has
    its signature in its query."""
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


def _after(match: re.Match[str]) -> str:
    value = match["value"]
    quote = value[0] if value[0] in "'\"" else ""
    return match[0] if value.strip("'\"") in _NO_SECRETS else f"{match['before']}{quote}{HIDDEN}{quote}"


_NO_SECRETS: Final = frozenset({"", HIDDEN, "true", "false", "null", "none", "None", "yes", "no"})
