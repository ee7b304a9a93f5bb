"""No secret stays in a text, and no other word is lost."""

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
        pytest.param("pass=hunter2 user=x", "pass=*** user=x", id="pass"),
        pytest.param("DB_PASS=hunter2", "DB_PASS=***", id="variable that ends with pass"),
        pytest.param("password: hunter two three", "password: ***", id="password of several words"),
        pytest.param("password: hunter two, host: h", "password: ***, host: h", id="password of words before a comma"),
        pytest.param("password=hunter two host=h", "password=*** host=h", id="password of words before a name"),
        pytest.param("x --password hunter2 -v", "x --password *** -v", id="option --password"),
        pytest.param("x --token hunter2", "x --token ***", id="option --token"),
        pytest.param("x --secret-key 'hunter 2' y", "x --secret-key '***' y", id="option --secret-key"),
        pytest.param("<password>hunter2</password>", "<password>***</password>", id="element"),
        pytest.param(
            "<a:dbPassword x='1'>h'2</a:dbPassword>", "<a:dbPassword x='1'>***</a:dbPassword>", id="attribute"
        ),
        pytest.param('<add key="Password" value="hunter2"/>', '<add key="Password" value="***"/>', id="key and value"),
        pytest.param("hdbsql -n h -u U -p hunter2 -i 00", "hdbsql -n h -u U -p *** -i 00", id="hdbsql"),
        pytest.param("hdbuserstore SET K h:30013 U hunter2", "hdbuserstore SET K h:30013 U ***", id="hdbuserstore"),
        pytest.param("hdbuserstore -i set K h U 'a b'", "hdbuserstore -i set K h U '***'", id="hdbuserstore, quoted"),
        pytest.param("curl -s -u u:hunter2 http://h", "curl -s -u *** http://h", id="curl"),
        pytest.param("sshpass -phunter2 ssh h", "sshpass -p*** ssh h", id="sshpass"),
        pytest.param("docker login -u u -p hunter2 h", "docker login -u u -p *** h", id="docker login"),
        pytest.param("ldapsearch -x -w hunter2 -b o", "ldapsearch -x -w *** -b o", id="ldapsearch"),
        pytest.param("machine h login u password hunter2", "machine h login u password ***", id="netrc"),
        pytest.param("bindpw hunter2", "bindpw ***", id="bindpw"),
        pytest.param("bindpw: hunter2", "bindpw: ***", id="bindpw with a sign"),
        pytest.param('psk="hunter2 3"', 'psk="***"', id="psk"),
        pytest.param("AccountKey=aB3=;Suffix=x", "AccountKey=***;Suffix=x", id="account key"),
        pytest.param("encryption_key=0a1b", "encryption_key=***", id="encryption key"),
        pytest.param('{"Plaintext": "aB3=", "KeyId": "k"}', '{"Plaintext": "***", "KeyId": "k"}', id="data key"),
        pytest.param('{"auth": "dTpodW50ZXIy"}', '{"auth": "***"}', id="configuration of Docker"),
        pytest.param('"routing_key": "0a1b"', '"routing_key": "***"', id="routing key"),
        pytest.param(
            f'x Digest_auth nonce="{"0a" * 16}", response="{"1b" * 16}"',
            'x Digest_auth nonce="***", response="***"',
            id="digest without its scheme",
        ),
        pytest.param('Authorization: Digest username="u", response="0a"', "Authorization: ***", id="digest"),
        pytest.param("https://hooks.slack.com/services/T0/B0/x", "https://hooks.slack.com/***", id="hook of Slack"),
        pytest.param(
            "https://a.webhook.office.com/webhookb2/x", "https://a.webhook.office.com/***", id="hook of Teams"
        ),
        pytest.param(
            "https://discord.com/api/webhooks/1/x", "https://discord.com/api/webhooks/***", id="hook of Discord"
        ),
        pytest.param("a xoxb-0123456789-0123456789-ab b", "a *** b", id="Slack"),
        pytest.param("a ghp_0123456789abcdefghijABCDEFGHIJ012345 b", "a *** b", id="GitHub"),
        pytest.param("a github_pat_0123456789abcdef_ABCDEF b", "a *** b", id="GitHub, fine-grained"),
        pytest.param("a glpat-0123456789abcdefghij b", "a *** b", id="GitLab"),
        pytest.param("a AIza0123456789abcdefghijABCDEFGHIJ01234 b", "a *** b", id="Google, key"),
        pytest.param("a ya29.a0123456789abcdefghij b", "a *** b", id="Google, token"),
        pytest.param("a sk_live_0123456789abcdefghij b", "a *** b", id="Stripe"),
        pytest.param("a SG.0123456789abcdef.0123456789abcdef b", "a *** b", id="SendGrid"),
        pytest.param("a hvs.0123456789abcdefghij b", "a *** b", id="Vault"),
        pytest.param("a AGE-SECRET-KEY-1QPZRY9X8GF2TVDW0S3JN b", "a *** b", id="age"),
        pytest.param("root:$6$salt$0123456789abcdef:1", "root:***:1", id="crypt"),
        pytest.param("u:$apr1$salt$0123456789abcdef", "u:***", id="crypt of Apache"),
        pytest.param(
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----", "***", id="OpenPGP key"
        ),
        pytest.param("session-eyJhbGciOi.eyJzdWIiOi.sig", "session-***", id="JWT after a word"),
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
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:HANA-*",
        *(f"--token {word} x" for word in ('""', "true", "false", "null", "none", "None", "yes", "no")),
        'token = "***',
        "2026-01-15 03:00:00 INFO [ssm-agent-worker] Starting session document processing",
        "/usr/sap/HDB/SYS/global/hdb/opt/hdbbackint",
        "vpce-0123456789abcdef0-abcdefgh.backup.eu-west-1.vpce.amazonaws.com",
        "20317174-17ec-464f-8ae7-f40a19aafb78",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "b4c8a2f0e1d3c5b7a9f8e6d4c2b0a1f3e5d7c9b8",
        "https://backup.eu-west-1.amazonaws.com/backup-vaults",
        "net.ipv4.tcp_keepalive_time = 7200",
        "the policy denies secretsmanager:ListSecrets and secretsmanager:GetSecret*",
        "secretsmanager: policy of vpce-0e1b2c3d4e5f67890 does not allow secretsmanager:ListSecrets",
        "Failed password for root from 10.0.0.1 port 22",
        "bypass: yes, compass: no, the tests pass",
        "aws secretsmanager get-secret-value --secret-id name --region eu-west-1",
        "docker run -p 8080:80 image",
        "curl -s https://backup.eu-west-1.amazonaws.com",
        "hdbuserstore LIST KEY",
        "<token>\n  <id>1</id>\n</token>",
        '"auth": "instance-role"',
        "USD $1$ and $2$",
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
            **dict.fromkeys(("AWS_SHARED_CREDENTIALS_FILE", "SSH_AUTH_SOCK", "OLDPWD", "PWD"), "/home/ops/credentials"),
            "SERVICE_TOKEN": "ec2messages",
            "REGION_TOKEN": "eu-west-1",
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
    assert known.isdisjoint({"/home/ops/credentials", "ec2messages", "eu-west-1", "Somebody Else", "", "abc", "backup"})
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
        "eyJaaaa-",
        "curl -",
        "hdbuserstore set abc ",
        "<password ",
        "password: abc ",
        "--token ",
        "$6$a",
    ],
)
def test_a_text_of_a_megabyte_ends(piece: str) -> None:
    """Even a megabyte is masked within the time limit of a test. If a pattern had quadratic time, this would take
    hours.
    """
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
