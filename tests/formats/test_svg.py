"""The picture of the path: a failure is drawn at its step, beside the fault in the configuration."""

import re
from dataclasses import replace

import pytest

from agent.documents.canvas import NARROW, PALETTES, WIDE
from agent.documents.elements import to_svg
from agent.documents.picture import MAX_ADDRESSES, MAX_TARGETS, picture
from agent.formats import svg
from agent.judge.verdict import refusal
from agent.report.model import Status
from agent.report.redact import redact
from tests.formats.svg_picture import boxes, description, lines, read, title
from tests.support import many_services, scenarios
from tests.support.extent import one_in
from tests.support.runs import report_of
from tests.support.untrusted import HOSTILE, everywhere


def test_what_failed_is_drawn_where_it_failed() -> None:
    root = read(svg.render(report_of("three-faults")))
    assert title(root) == "CRITICAL: backup: 1 of 3 addresses is silent on 443: 10.0.2.17 (and 2 more)"
    shown = boxes(root)
    silent = shown.index(("critical", "TCP", "TIMEOUT 1.0 s"))
    assert shown[silent + 1 : silent + 5] == [
        ("skipped", "TLS", "skipped"),
        ("skipped", "HTTP", "skipped"),
        ("skipped", "API call", "skipped"),
        ("skipped", "backup", "not reached"),
    ]
    assert [box for box in shown if box[1] == "backup"] == [
        ("warning", "backup", "answered, refused"),
        ("skipped", "backup", "not reached"),
        ("warning", "backup", "answered, refused"),
    ]
    words = lines(root)
    assert words.index("10.0.2.17") < words.index("TCP002: 1 of 3 addresses is silent on 443: 10.0.2.17")
    assert "Port 443: TCP TIMEOUT 1.0 s, TLS skipped" in description(root)


def test_of_a_healthy_path_nothing_is_critical() -> None:
    shown = boxes(read(svg.render(report_of("healthy"))))
    assert {box[0] for box in shown} <= {"ok", "skipped"}
    assert [box for box in shown if box[1] == "backup"] == [("ok", "backup", "reached")] * 3


def test_the_configuration_stands_next_to_what_was_measured() -> None:
    root = read(svg.render(report_of("gateway-group-for-the-appliance")))
    shown = boxes(root)
    assert ("critical", "endpoint's groups", "sg-0f1b2c3d4e5f67890", "BLOCKED") in shown
    assert ("ok", "host's ACL out", "acl-0a1b2c3d4e5f67890", "100 outbound") in shown
    assert ("ok", "route", "rtb-0a1b2c3d4e5f67890", "10.0.0.0/16 to local") in shown
    words = " ".join(lines(root))
    assert "by configuration, 1026-1028 1031 2222: BLOCKED, silent" in words
    assert "no rule of sg-0f1b2c3d4e5f67890 allows tcp 1026, 1027, 1028 and 1031 from 10.0.1.10" in " ".join(
        words.split()
    )
    assert "VPC005: sg-0f1b2c3d4e5f67890 does not admit 10.0.1.10 on 1026-1028 and 1031" in words


def test_where_measurement_and_configuration_differ() -> None:
    words = " ".join(lines(read(svg.render(report_of("connects-against-the-configuration")))))
    assert "here measurement and configuration differ: connected" in words


def test_a_name_that_fails_is_drawn_at_the_name() -> None:
    root = read(svg.render(report_of("own-server-fails")))
    failed = [box for box in boxes(root) if box[0] == "critical"]
    assert failed[0][:2] == ("critical", "this host")
    assert "SERVFAIL" in failed[0][2]


def test_of_ports_with_the_same_hops_the_hops_are_drawn_once() -> None:
    root = read(svg.render(report_of("gateway-group-for-the-appliance")))
    assert len([box for box in boxes(root) if box[:2] == ("critical", "endpoint's groups")]) == 2  # one each
    assert "allows tcp 2222 from 10.0.1.10" in " ".join(lines(root))


def test_an_answer_that_is_wrong_is_drawn_as_what_is_wrong() -> None:
    root = read(svg.render(report_of("hana-without-storage-endpoint")))
    asked = [box for box in boxes(root) if box[2:] and box[2].startswith("1 public")]
    assert asked
    assert ("critical", "this host", "1 public 2.0 ms") in asked
    assert "DNS001: the name leads off the private path, to 52.95.112.41" in lines(root)


@pytest.mark.parametrize("name", one_in(16, scenarios.names()))
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_every_scenario_fits(name: str, width: int) -> None:
    report = report_of(name)
    for shown in (report, redact(report)):
        root = read(to_svg(picture(shown, width, "path", stands_alone=True)))
        failed = [observation.id for observation in report.observations if observation.failure is not None]
        assert bool(failed or report.findings) >= any(box[0] == "critical" for box in boxes(root))
        classes = {part.get("class", "") for part in root.iter()}
        assert report.verdict.status is Status.CRITICAL or not [kind for kind in classes if "critical" in kind.split()]


@pytest.mark.parametrize(
    ("name", "shape", "why"),
    [
        ("metadata-forbidden", ("uncounted", "metadata", "NOT-PERMITTED 2.0 ms"), "ENV003 is information only"),
        ("dual-stack-healthy", ("uncounted", "fd00:ec2::253", "TIMEOUT 3.0 s"), "no IPv6 resolver here"),
    ],
)
def test_a_failure_that_does_not_count_has_no_colour_and_says_why(name: str, shape: tuple[str, ...], why: str) -> None:
    root = read(svg.render(report_of(name)))
    assert shape in boxes(root)
    assert f"not counted: {why}" in lines(root)
    assert f"Not counted: {why}." in description(root)


@pytest.mark.parametrize("text", one_in(8, (*HOSTILE, "W" * 500)))
def test_whatever_a_field_holds_it_fits(text: str) -> None:
    for name in ("gateway-group-for-the-appliance", "three-faults", "own-server-fails"):
        for width in (WIDE, NARROW):
            read(to_svg(picture(everywhere(report_of(name), text), width, "path", stands_alone=True)))


def test_of_a_call_that_was_refused() -> None:
    root = read(svg.render(refusal("no such option: --frmat.")))
    assert lines(root) == ["UNKNOWN: no such option: --frmat."]


# --- Too much for a picture -------------------------------------------------------------------------------------------


def test_of_many_addresses_those_that_failed_are_drawn() -> None:
    report = report_of("answer-of-24-addresses")
    words = lines(read(svg.render(report)))
    (target,) = (target for target in report.targets if target.required)
    left = len(target.addresses) - MAX_ADDRESSES
    assert f"and {left} more addresses, of which none failed" in words


def test_of_many_services_the_healthy_are_one_box_each() -> None:
    sick = many_services.ALL[:2]
    shown = boxes(read(svg.render(many_services.report_of(many_services.ALL, sick))))
    assert [box[1:] for box in shown if box[2:] == ("3 addresses",)] == [
        (name, "3 addresses") for name in many_services.ALL[2:]
    ]
    assert {box[1] for box in shown if box[2:] == ("not reached",)} == set(sick)


def test_of_many_sick_services_the_rest_is_counted() -> None:
    words = lines(read(svg.render(many_services.report_of(many_services.ALL, many_services.ALL))))
    assert f"and {len(many_services.ALL) - MAX_TARGETS} more services" in words
    one_more = many_services.ALL[: MAX_TARGETS + 1]
    assert "and 1 more service" in lines(read(svg.render(many_services.report_of(one_more, one_more))))


# --- Colours ----------------------------------------------------------------------------------------------------------


def contrast(one: str, other: str) -> float:
    """The contrast ratio by the formula of WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", PALETTES)
def test_colours_can_be_told_from_their_grounds(theme: str) -> None:
    colours = PALETTES[theme]
    grounds = [colours[name] for name in ("paper", "panel")]
    for kind in ("ok", "warning", "critical", "unknown"):
        for ground in (*grounds, colours[f"{kind}-back"]):
            assert contrast(colours[kind], ground) >= 4.5
        assert contrast(colours["muted"], colours[f"{kind}-back"]) >= 4.5
        assert contrast(colours["ink"], colours[f"{kind}-back"]) >= 4.5
    for ground in grounds:
        assert min(contrast(colours[name], ground) for name in ("ink", "muted", "link")) >= 4.5
        assert contrast(colours["line"], ground) >= 3


def test_a_kind_is_told_without_its_colour() -> None:
    """Each kind has a mark with its own shape, and a failure has a thicker line."""
    document = svg.render(report_of("three-faults"))
    for group in re.findall(r'<g class="(\w+)"><path class="mark" d="([^"]+)"', document):
        kind, shape = group
        assert (shape.startswith("M0 4.5l3 3 5-7")) is (kind == "ok")


def test_an_unknown_zone_is_left_out() -> None:
    report = report_of("one-zone-silent")
    targets = tuple(
        replace(
            target,
            addresses=tuple(
                replace(address, availability_zone=None, availability_zone_id=None) for address in target.addresses
            ),
        )
        for target in report.targets
    )
    assert "None" not in svg.render(replace(report, targets=targets))
