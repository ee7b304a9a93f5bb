"""No secret stays in a text, and nothing else is lost."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.report.codec import encode
from agent.report.secrets import HIDDEN, known_secrets, without_secrets
from tests.support import scenarios
from tests.support.extent import examples, one_in
from tests.support.planted import KEY_ID, SECRETS, leaked
from tests.support.runs import report_of

KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
USER, PASSWORD = SECRETS["proxy user"], SECRETS["proxy password"]
SECRET, TOKEN = SECRETS["secret key"], SECRETS["session token"]
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nSecHead01\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(f"aws_secret_access_key = {SECRET}", "aws_secret_access_key = ***", id="shared file"),
        pytest.param(f"AWS_SESSION_TOKEN={TOKEN} run", "AWS_SESSION_TOKEN=*** run", id="variable"),
        pytest.param(f'{{"SecretAccessKey": "{SECRET}", "a": 1}}', '{"SecretAccessKey": "***", "a": 1}', id="JSON"),
        pytest.param(f"password: '{PASSWORD} x'", "password: '***'", id="in quotes, with a space"),
        pytest.param(f"Authorization: Bearer {SECRETS['container authorization']}", "Authorization: ***", id="bearer"),
        pytest.param(f"sends Bearer {SECRETS['container authorization']}", "sends Bearer ***", id="bearer alone"),
        pytest.param(f"AWS4-HMAC-SHA256 Credential={KEY_ID}/x, Signature={SECRET}", "AWS4-HMAC-SHA256 ***", id="SigV4"),
        pytest.param(f"for {KEY_ID}.", "for ***9W3K.", id="key id"),
        pytest.param(f"the key {KEY} is", "the key *** is", id="secret key by its form"),
        pytest.param("x " + "aB3" * 40 + "==", "x ***", id="session token by its form"),
        pytest.param("jwt eyJhbGciOi.eyJzdWIiOi.sig-n_ature", "jwt ***", id="JWT"),
        pytest.param(f"http://{USER}:{PASSWORD}@10.0.9.90:3128/x", "http://***@10.0.9.90:3128/x", id="user of a URL"),
        pytest.param("http://me:pa/ss@h.example/", "http://***@h.example/", id="slash in a password"),
        pytest.param(
            f"GET https://b.s3.amazonaws.com/k?X-Amz-Credential={KEY_ID}&X-Amz-Signature=0a1b",
            "GET https://b.s3.amazonaws.com/k?***",
            id="presigned URL",
        ),
        pytest.param("/k?a=1&X-Amz-Signature=0a1b&b", "/k?a=1&X-Amz-Signature=***&b", id="presigned path"),
        pytest.param(
            "secretsmanager: token=0a1b", "secretsmanager: token=***", id="secret of a service named like one"
        ),
        pytest.param(f"a\n{PEM}\nb", "a\n***\nb", id="private key"),
        pytest.param(f"a\n{PEM.partition('-----END')[0]}", "a\n***", id="private key without its end"),
        pytest.param("a\n" + "aB3/" * 16 + "\nb", "a\n***\nb", id="line of a private key"),
    ],
)
def test_a_secret_is_hidden_by_its_form_or_its_name(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert leaked(shown) == set()
    assert without_secrets(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "proxy wants Basic authentication",
        "token expired; password is missing",
        "aws_secret_access_key =",
        '"token": true, "SessionToken": null',
        "2026-01-15 03:00:00 INFO [ssm-agent-worker] Starting session document processing",
        "/usr/sap/HDB/SYS/global/hdb/opt/hdbbackint",
        "vpce-0123456789abcdef0-abcdefgh.backup.eu-west-1.vpce.amazonaws.com",
        "20317174-17ec-464f-8ae7-f40a19aafb78",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "b4c8a2f0e1d3c5b7a9f8e6d4c2b0a1f3e5d7c9b8",
        "https://backup.eu-west-1.amazonaws.com/backup-vaults",
        "net.ipv4.tcp_keepalive_time = 7200",
        "the policy denies secretsmanager:ListSecrets and secretsmanager:GetSecret*",
        "secretsmanager: the endpoint's policy does not allow the call",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", one_in(48, scenarios.names()))
def test_no_report_loses_anything(name: str) -> None:
    texts = set(strings(encode(report_of(name))))
    assert [text for text in texts if without_secrets(text) != text] == []


# --- What this process knows -----------------------------------------------------------------------------------------


def test_known_secrets_are_those_of_variables() -> None:
    known = known_secrets(
        {
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": TOKEN,
            "https_proxy": f"http://{USER}:{PASSWORD}@10.0.9.90:3128",
            "DB_PASSWORD": "zebra-7",
            "AWS_SHARED_CREDENTIALS_FILE": "/home/ops/.aws/credentials",
            "AWS_REGION": "eu-west-1",
            "GIT_AUTHOR_NAME": "Somebody Else",
            "EMPTY_SECRET": "",
            "SHORT_TOKEN": "abc",
            "BACKUP_PASSWORD": "backup",
            "AUTH_MODE": "instance-role",
            "TOKEN_REGION": "eu-central-1",
            "BROKEN": "http://[",
        }
    )
    assert known >= {SECRET, TOKEN, USER, PASSWORD, "zebra-7"}
    assert known.isdisjoint({"/home/ops/.aws/credentials", "eu-west-1", "Somebody Else", "", "abc", "backup"})
    assert known.isdisjoint({"instance-role", "eu-central-1"})
    assert leaked(without_secrets(f"{SECRET} x{TOKEN}y {USER} 'PpwHead04@over/there:PpwTail04'", known)) == set()
    assert without_secrets("the zebra-7 runs", known) == f"the {HIDDEN} runs"


# --- Hostile texts ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "://",
        "secret",
        "a-",
        'secret="',
        "eyJ",
        "-----BEGIN ",
        "AKIA",
        "x@",
        "password:",
        "Basic ",
        "aB3/",
        "Digest a=",
    ],
)
def test_a_text_of_a_megabyte_ends(piece: str) -> None:
    """Under the limit of every test; a pattern that grows with the square of it would take hours."""
    text = piece * (1_000_000 // len(piece))
    assert len(without_secrets(text)) <= len(text) + 100


@settings(max_examples=examples(100), deadline=None)
@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(["secret", "=", "'", '"', " ", "://", "@", "?", "\\", "\n", "x"])).map("".join)
)
def test_any_text_is_hidden_once(text: str) -> None:
    shown = without_secrets(text)
    assert without_secrets(shown) == shown
