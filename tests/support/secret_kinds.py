"""A hundred kinds of secrets. Each is part of a line, as it occurs in logs, settings and errors, and contains a unique
word. SECURITY.md promises that no masked text contains the secrets in PROMISED. Other secrets are only masked if
`agent/report/secrets.py` knows their form, or the name in front of them.
"""

import base64
import hashlib
from typing import Final

_NAMES: Final = (
    *("password", "passwd", "passphrase", "pwd", "pass", "DB_PASS", "adminpw", "secret", "client_secret", "token"),
    *("refresh_token", "api_key", "x-api-key", "access_key", "private_key", "account_key", "encryption_key"),
    *("master_key", "routing_key", "shared_key", "storage_key", "integration_key", "psk", "signature", "signing_key"),
    *("cookie", "authorization", "credential", "Plaintext", "aws_session_token"),
)
_FORMS: Final = (
    *("{}={}", "{}: {}", '"{}": "{}"', "{} = '{}'", "x --{} {} -v", "<{0}>{1}</{0}>", "export {}={}"),
    *('<add key="{}" value="{}"/>', "{}={}&x=1", '\\"{}\\": \\"{}\\"'),
)


def _word(name: str) -> str:
    return f"hunter{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _mixed(name: str, length: int) -> str:
    """A word of digits, lower-case and upper-case letters."""
    digest = hashlib.sha512(name.encode()).digest() * 4
    return f"aB3{base64.b64encode(digest).decode().replace('+', 'x').replace('/', 'y')}"[:length]


def _named() -> dict[str, tuple[str, str]]:
    kinds = {}
    for number, name in enumerate(_NAMES):
        for form in (_FORMS[number % len(_FORMS)], _FORMS[(number + 3) % len(_FORMS)]):
            kind = form.format(name, "...")
            kinds[kind] = (form.format(name, _word(kind)), _word(kind))
    return kinds


_PROGRAMS: Final = {
    form: (form.format(_word(form)), _word(form))
    for form in (
        *("hdbsql -n h -u U -p {} -i 00", "hdbuserstore SET K h:30013 U {}", "hdbuserstore -i set K h U '{}'"),
        *("curl -s -u u:{} http://h", "curl --proxy-user u:{} http://h", "sshpass -p{} ssh h", "mysql -p{} -h h"),
        *("docker login -u u -p {} h", "ldapsearch -x -w {} -b o", "machine h login u password {}", "bindpw {}"),
        *("rootpw {}", "ssh://u:{}@h/x", "amqp://u:{}@h:5672/v", "redis://:{}@h", "jdbc:sap://h:30015/?password={}"),
    )
}
_BY_FORM: Final = {
    **{
        f"{prefix}...": (f"a {prefix}{_mixed(prefix, 40)} b", _mixed(prefix, 40))
        for prefix in (
            *("ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xapp-", "ya29.", "sk_live_", "rk_test_", "sk-ant-"),
            *("SG.", "hvs.", "hvb.", "AGE-SECRET-KEY-", "npm_", "dop_v1_", "glsa_", "hf_", "shpat_", "dapi", "PMAK-"),
            *("rubygems_", "dckr_pat_", "AIza"),
        )
    },
    **{
        f"https://{hook}/...": (f"POST https://{hook}/{_mixed(hook, 24)} now", _mixed(hook, 24))
        for hook in (
            *("hooks.slack.com/services", "a.webhook.office.com/webhookb2", "discord.com/api/webhooks/1"),
            *("events.pagerduty.com/integration", "api.telegram.org/bot1"),
        )
    },
    "crypt": (f"root:$6$salt${_mixed('crypt', 43)}:1", _mixed("crypt", 43)),
    "bcrypt": (f"u:$2b$12${_mixed('bcrypt', 53)}", _mixed("bcrypt", 53)),
    "digest": (
        f'Digest username="u", response="{hashlib.md5(b"x", usedforsecurity=False).hexdigest()}"',
        hashlib.md5(b"x", usedforsecurity=False).hexdigest(),
    ),
    "docker": (f'{{"auth": "{_mixed("docker", 20)}"}}', _mixed("docker", 20)),
}
PROMISED: Final = {
    "secret key": (f"aws_secret_access_key = {_mixed('secret', 40)}", _mixed("secret", 40)),
    "secret key alone": (f"the key {_mixed('alone', 40)} is", _mixed("alone", 40)),
    "session token": (f"x {_mixed('session', 120)}==", _mixed("session", 120)),
    "signature": (
        f"AWS4-HMAC-SHA256 Credential=AKIA0123456789ABCDEF/x, Signature={_word('SigV4')}",
        _word("SigV4"),
    ),
    "presigned": (f"GET https://b.s3.amazonaws.com/k?X-Amz-Signature={_word('presigned')}", _word("presigned")),
    "query": (f"at https://h.example/x?id={_word('query')}", _word("query")),
    "Authorization": (f"Authorization: Bearer {_mixed('bearer', 30)}", _mixed("bearer", 30)),
    "Basic": (f"Authorization: Basic {_mixed('basic', 30)}", _mixed("basic", 30)),
    "JWT": (f"jwt eyJhbGciOi.eyJ{_mixed('jwt', 20)}.sig-n_ature", _mixed("jwt", 20)),
    "private key": (
        f"-----BEGIN PRIVATE KEY-----\n{_mixed('pem', 60)}\n-----END PRIVATE KEY-----",
        _mixed("pem", 60),
    ),
    "user of a URL": (f"http://me:{_word('URL')}@10.0.9.90:3128/x", _word("URL")),
    "key id": ("for AKIAQWERTYUIOPAS1234.", "AKIAQWERTYUIOPAS"),
}
KINDS: Final[dict[str, tuple[str, str]]] = {**PROMISED, **_named(), **_PROGRAMS, **_BY_FORM}
"""For each kind of secret, a line and the part of this line that must not be shown."""


def seen_in(text: str) -> set[str]:
    """The kinds whose secret is in a text, even if line breaks or escapes divide the secret."""
    whole = "".join(text.replace("\\n", "").split())
    return {kind for kind, (_, secret) in KINDS.items() if secret in whole}
