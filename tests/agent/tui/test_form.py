"""The settings of a run as texts, and these texts read back as settings."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from agent.catalog.services import checkable
from agent.settings import NamedEndpoint, Settings
from agent.tui import form
from tests.agent.tui.replays import settings

VPCE = "vpce-0a1b2c3d4e5f67890-abcdefgh.backup.eu-west-1.vpce.amazonaws.com"


def read(changed: dict[str, str]) -> tuple[Settings, float] | dict[str, str]:
    return form.read(settings(), form.texts(settings(), 60.0) | changed)


def test_a_form_that_is_left_alone_changes_nothing() -> None:
    asked = replace(
        settings(),
        services=("backup",),
        endpoints=(NamedEndpoint(service="backup", host=VPCE),),
        resolvers=(ip_address("10.0.0.2"), ip_address("fd00:ec2::253")),
        timeout=2.5,
    )

    assert form.read(asked, form.texts(asked, 30.0)) == (asked, 30.0)


@pytest.mark.parametrize(
    ("changed", "name", "value"),
    [
        ({"region": " us-gov-west-1 "}, "region", "us-gov-west-1"),
        ({"region": ""}, "region", None),
        ({"endpoints": VPCE.upper()}, "endpoints", (NamedEndpoint(service="backup", host=VPCE),)),
        ({"resolvers": "10.0.0.2, 10.0.0.2 ::1"}, "resolvers", (ip_address("10.0.0.2"), ip_address("::1"))),
        ({"timeout": "0.5"}, "timeout", 0.5),
        ({"deadline": "60"}, "deadline", 60.0),
    ],
)
def test_each_text_is_read_as_its_option_reads_it(changed: dict[str, str], name: str, value: object) -> None:
    result = read(changed)

    assert isinstance(result, tuple)
    assert getattr(result[0], name) == value


def test_services_come_in_the_order_of_the_catalogue() -> None:
    result = read({"services": "backup-gateway, BACKUP  backup"})

    assert isinstance(result, tuple)
    assert result[0].services == ("backup", "backup-gateway")


def test_a_region_that_was_typed_is_as_good_as_an_option() -> None:
    asked = replace(settings(), region="eu-west-1", region_source="AWS_REGION")
    texts = form.texts(asked, 60.0)

    kept = form.read(asked, texts)
    typed = form.read(asked, texts | {"region": "eu-west-2"})
    gone = form.read(asked, texts | {"region": ""})
    sources = [result[0].region_source for result in (kept, typed, gone) if isinstance(result, tuple)]
    assert sources == ["AWS_REGION", "--region", None]


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("region", "Ireland", "'Ireland' is not the name of a Region"),
        (
            "services",
            "backup backup-storag",
            "'backup-storag' is not a service that can be checked; did you mean backup-",
        ),
        ("services", "vss", "'vss' is not a service that can be checked"),
        ("services", "zzzz", "backuplink endpoints lists them"),
        ("endpoints", "https://backup.eu-west-1.amazonaws.com", "is a URL; give only the host"),
        ("endpoints", "vpce-0a1b2c3d4e5f67890", "does not say whose endpoint it is"),
        ("resolvers", "dns.example", "'dns.example' is not an IP address"),
        ("timeout", "0", "a number of seconds from 0.1 to 60"),
        ("timeout", "", "a number of seconds"),
        ("deadline", "nan", "a number of seconds from 1 to 3600"),
        ("interval", "9", "'9' is not a number of seconds from 10 to 86400"),
        ("interval", "often", "'often' is not a number of seconds"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(field: str, text: str, words: str) -> None:
    result = read({field: text})

    assert isinstance(result, dict)
    assert list(result) == [field]
    assert words in result[field]


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert list(read({"timeout": "x", "region": "x", "interval": ""})) == ["region", "timeout"]


def test_every_service_can_be_named() -> None:
    result = read({"services": " ".join(reversed(checkable()))})

    assert isinstance(result, tuple)
    assert result[0].services == checkable()
    assert form.texts(result[0], 60.0)["services"] == " ".join(checkable())


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("back", "backup"),
        ("backup back", "backup backup-gateway"),
        ("backup backup-gateway SSMM", "backup backup-gateway SSMMessages"),
        ("backup,sec", "backup,secretsmanager"),
        ("", None),
        ("backup ", None),
        ("zzzz", None),
        ("sns sns", None),
    ],
)
def test_the_last_word_is_completed_to_a_service_that_is_not_named_yet(text: str, whole: str | None) -> None:
    assert form.completed(text) == whole
