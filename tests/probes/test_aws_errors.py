"""One table of AWS' error codes: the meaning of each for the signed call and for a read of the configuration."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from probes.aws_errors import ERROR_CODES, also_means, kind_for_call, kind_for_read
from probes.facts import ApiFacts
from probes.model import FailureKind
from probes.steps.api import kind_of
from probes.system.reader import refusal_of

TWO_MEANINGS = ("AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation")
ANSWERED = ApiFacts(
    operation="ListBackupVaults",
    status=400,
    request_id="1",
    expected_key=False,
    error_code=None,
    new_connection=False,
    error_message=None,
    gateways=(),
    server_time=datetime(2026, 1, 15, 3, 0, tzinfo=UTC),
    clock_offset_seconds=0.0,
    clock_uncertainty_seconds=0.1,
)


def by_call(code: str, status: int = 400, text: str = "") -> FailureKind:
    return kind_of(replace(ANSWERED, error_code=code, status=status, error_message=text))


def by_read(code: str, status: int = 400, text: str = "") -> FailureKind:
    return refusal_of(
        {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"RequestId": "1", "HTTPStatusCode": status}}
    ).kind


@pytest.mark.parametrize("code", TWO_MEANINGS)
def test_a_refusal_is_a_finding_of_the_call_and_a_gap_of_a_read(code: str) -> None:
    assert by_call(code) is FailureKind.ACCESS_DENIED
    assert by_read(code) is FailureKind.NOT_PERMITTED


def test_no_other_code_has_two_meanings() -> None:
    differing = [code for code, kinds in ERROR_CODES.items() if None not in (kinds.call, kinds.read)]
    assert [code for code in differing if kind_for_call(code) is not kind_for_read(code)] == list(TWO_MEANINGS)


@pytest.mark.parametrize("code", ERROR_CODES)
def test_both_sides_go_by_the_table(code: str) -> None:
    """For a code without a kind in the table, the call and the read both use the HTTP status."""
    assert by_call(code) is (kind_for_call(code) or FailureKind.MALFORMED)
    assert by_read(code) is (kind_for_read(code) or FailureKind.MALFORMED)
    assert by_call(code, 403) is (kind_for_call(code) or FailureKind.ACCESS_DENIED)
    assert by_read(code, 403) is (kind_for_read(code) or FailureKind.NOT_PERMITTED)


SIGNATURES = [code for code, kinds in ERROR_CODES.items() if FailureKind.SIGNATURE in (kinds.call, kinds.read)]


@pytest.mark.parametrize("code", SIGNATURES)
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(
            "Signature expired: 20210502T144040Z is now earlier than 20210502T173143Z (20210502T174643Z - 15 min.)",
            FailureKind.CLOCK_SKEW,
            id="behind",
        ),
        pytest.param(
            "Signature not yet current: 20220104T000518Z is still later than 20220104T000203Z (20220103T235703Z + 5 "
            "min.)",
            FailureKind.CLOCK_SKEW,
            id="ahead",
        ),
        pytest.param("Credential should be scoped to a valid region.", FailureKind.WRONG_SCOPE, id="scope"),
        pytest.param("The request signature we calculated does not match.", FailureKind.SIGNATURE, id="signature"),
    ],
)
def test_the_text_tells_what_is_wrong_with_a_signature(code: str, text: str, kind: FailureKind) -> None:
    """Each code about signatures is tested for the call and for a read of EC2, since both may be refused because of
    their scope.
    """
    assert by_call(code, text=text) is kind
    assert by_read(code, text=text) is kind


def test_one_code_has_two_meanings_that_no_text_tells_apart() -> None:
    assert {code: also_means(code) for code in ERROR_CODES if also_means(code) is not None} == {
        "RequestExpired": FailureKind.CREDENTIALS_EXPIRED
    }
    assert also_means(None) is None
    assert also_means("NoSuchCode") is None


def test_an_unknown_code_has_no_kind() -> None:
    assert kind_for_call("NoSuchCode") is None
    assert kind_for_read("NoSuchCode") is None
