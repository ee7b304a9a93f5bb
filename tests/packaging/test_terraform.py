"""The module that creates endpoints: the tests check its built form, compare its names and ports with the catalogue,
run `backuplink predict` for a plan of it, and run its check block.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

import estate
import manual
from agent.catalog.services import SERVICES, service_name_of
from agent.cli import main as cli
from agent.cli.to_settings import settings_from
from agent.report.hops import Reachability
from agent.settings import Ec2Facts
from agent.version import __version__
from tests.packaging.artifacts import artifact_of
from tests.packaging.endpoints import (
    GUIDE,
    OFFERED,
    OWN_BLOCK,
    PORTS,
    REGIONS_COVERED,
    SUBNETS,
    endpoint,
    group,
    outcomes,
    predicted,
    with_endpoints,
)
from tests.packaging.terraform import Module, Planned, RefusedError
from tests.support.aws_commands import complaint
from tests.support.extent import one_in
from tests.support.repository import ROOT

MODULE: Final = ROOT / "packaging" / "terraform"
ZONES: Final = dict(zip(SUBNETS, (f"{estate.REGION}{letter}" for letter in estate.ZONES), strict=True))
GROUP_IDS: Final = {"https": "sg-0e57a7e00000000e0", "gateway": "sg-0e57a7e00000000e1"}


@pytest.fixture(scope="module")
def module() -> Module:
    """The module, parsed once."""
    return Module(MODULE)


def planned(module: Module, region: str = estate.REGION, **given: Any) -> Planned:
    """The planned module. It has endpoints for every service, unless `given` says otherwise."""
    variables = {
        "vpc_id": estate.VPC_ID,
        "subnet_ids": [*SUBNETS],
        "client_cidrs": [OWN_BLOCK],
        "services": [*OFFERED],
        **given,
    }

    def read(kind: str, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        match kind:
            case "aws_region":
                return {"id": region}
            case "aws_caller_identity":
                return {"account_id": estate.ACCOUNT}
            case "aws_vpc":
                return {"enable_dns_support": True, "enable_dns_hostnames": True}
            case "aws_subnet":
                return {"vpc_id": estate.VPC_ID, "availability_zone": ZONES[arguments["id"]]}
            case "aws_vpc_endpoint_service":
                return {"availability_zones": [*ZONES.values()]}
        raise AssertionError(f"nothing is known of data.{kind}.{name}")

    return module.planned(variables, data=read, ids=an_id)


def an_id(address: str, key: Any) -> str:
    """The id that a resource gets when it is created."""
    kind, name = address.split(".")
    match kind:
        case "aws_security_group":
            return GROUP_IDS[name]
        case "aws_vpc_endpoint":
            return f"vpce-0e57a7e{0x40 + OFFERED.index(key):010x}"
    return f"sgr-{key}"


def before(services: tuple[str, ...] = OFFERED) -> Ec2Facts:
    """The facts about a VPC whose existing resources Terraform adopts. Its endpoints have no private DNS and a policy
    for another service, and their security groups have no rules.
    """
    policy = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sns:*","Resource":"*"}]}'
    endpoints = [
        endpoint(
            0x40 + OFFERED.index(service),
            f"com.amazonaws.{estate.REGION}.{service}",
            GROUP_IDS["gateway" if service == "backup-gateway" else "https"],
            private_dns=False,
            policy=policy,
        )
        for service in services
    ]
    return with_endpoints(endpoints, map(group, GROUP_IDS.values()))


def plan(made: Planned) -> dict[str, Any]:
    """The output of `terraform show -json` if the module adopts the endpoints and groups. The plan updates each of
    them, and creates the rules.
    """
    changes = []
    for address, attributes in made.resources().items():
        kind = address.split(".")[0]
        is_adopted = kind != "aws_vpc_security_group_ingress_rule"
        earlier = {**attributes, "private_dns_enabled": False, "policy": "{}", "tags": None} if is_adopted else None
        change = {
            "actions": ["update"] if is_adopted else ["create"],
            "before": earlier,
            "after": attributes if is_adopted else {**attributes, "id": None},
            "after_unknown": {} if is_adopted else {"id": True},
        }
        changes.append({"address": address, "mode": "managed", "type": kind, "name": "x", "change": change})
    return {"format_version": "1.2", "planned_values": {}, "resource_changes": changes}


def predicted_with(folder: Path, document: Mapping[str, Any], services: tuple[str, ...] = OFFERED) -> Any:
    file = folder / "plan.json"
    file.write_text(json.dumps(document), "utf-8")
    return predicted(before(services), folder, services, plans=(str(file),))


def test_without_the_module_everything_is_blocked(tmp_path: Path) -> None:
    code, document = predicted(before(), tmp_path, OFFERED)
    assert code == 2
    assert outcomes(document) == dict.fromkeys(PORTS, Reachability.BLOCKED)
    assert {name.answer for name in document.names} == {"public"}


@pytest.mark.parametrize("only_this_account", [False, True])
def test_every_port_of_the_module_s_endpoints_is_open(tmp_path: Path, module: Module, only_this_account: bool) -> None:
    code, document = predicted_with(tmp_path, plan(planned(module, only_this_account=only_this_account)))
    assert outcomes(document) == dict.fromkeys(PORTS, Reachability.OPEN)
    assert {name.answer for name in document.names} == {"private"}
    assert {call.outcome for call in document.calls} == {Reachability.OPEN}
    assert (code, document.unjudged) == (0, ())


@pytest.mark.parametrize("role", ["api", "control-plane", "activation", "proxy", "data-plane", "support"])
def test_a_rule_that_the_plan_lacks_leaves_its_port_blocked(tmp_path: Path, module: Module, role: str) -> None:
    document = plan(planned(module, services=["backup-gateway"]))
    rows = document["resource_changes"]
    (left_out,) = (row for row in rows if row["address"].endswith(f'["{role}-0"]'))
    rows.remove(left_out)
    _, made = predicted_with(tmp_path, document, ("backup-gateway",))
    shut = {port for (_, port), outcome in outcomes(made).items() if outcome is Reachability.BLOCKED}
    assert shut == {left_out["change"]["after"]["from_port"]}


@pytest.mark.parametrize("region", one_in(6, REGIONS_COVERED))
def test_the_module_s_service_names_are_the_catalogue_s(module: Module, region: str) -> None:
    made = planned(module, region).resources()
    for service in OFFERED:
        name = made[f'aws_vpc_endpoint.this["{service}"]']["service_name"]
        assert service_name_of(service, region) in (None, name)


def test_the_module_names_each_port_by_its_role(module: Module) -> None:
    rules = {
        address.partition('["')[2].removesuffix('-0"]'): attributes["from_port"]
        for address, attributes in planned(module).resources().items()
        if address.startswith("aws_vpc_security_group_ingress_rule.gateway[")
    }
    ports = {port.role: port.number for port in SERVICES["backup-gateway"].ports}
    assert rules.pop("support") == ports.pop("AWS Support's channel")
    assert rules == {role.lower().replace(" ", "-"): number for role, number in ports.items()}


def test_the_module_makes_what_is_asked_for_and_nothing_else(module: Module) -> None:
    assert {*planned(module, services=["backup", "sts"]).resources()} == {
        "aws_security_group.https[0]",
        'aws_vpc_security_group_ingress_rule.https["api-0"]',
        'aws_vpc_endpoint.this["backup"]',
        'aws_vpc_endpoint.this["sts"]',
    }
    assert {address.split("[")[0] for address in planned(module, services=["backup-gateway"]).resources()} == {
        "aws_security_group.gateway",
        "aws_vpc_security_group_ingress_rule.gateway",
        "aws_vpc_endpoint.this",
    }


def test_the_module_lets_in_groups_and_appliances(module: Module) -> None:
    made = planned(
        module,
        services=["backup", "backup-gateway"],
        client_cidrs=[],
        client_security_group_ids=["sg-0123abcd"],
        gateway_client_cidrs=["192.168.10.0/24"],
    ).resources()
    rules = {
        (one["security_group_id"], one["from_port"], one["cidr_ipv4"], one["referenced_security_group_id"])
        for address, one in made.items()
        if address.startswith("aws_vpc_security_group_ingress_rule.")
    }
    ports = [port.number for port in SERVICES["backup-gateway"].ports]
    assert rules == {
        (GROUP_IDS["https"], 443, None, "sg-0123abcd"),
        *((GROUP_IDS["gateway"], port, None, "sg-0123abcd") for port in ports),
        *((GROUP_IDS["gateway"], port, "192.168.10.0/24", None) for port in ports),
    }


def test_an_endpoint_gets_no_subnet_in_a_zone_without_its_service(
    module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = planned(module, services=["backup"])
    read = made.read

    def with_two(kind: str, name: str, arguments: Mapping[str, Any]) -> Any:
        if kind == "aws_vpc_endpoint_service":
            return {"availability_zones": [*ZONES.values()][:2]}
        return read(kind, name, arguments)

    monkeypatch.setattr(made, "read", with_two)
    assert made.resources()['aws_vpc_endpoint.this["backup"]']["subnet_ids"] == [*SUBNETS[:2]]


ALLOW: Final = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "backup:*", "Resource": "*"}}'
DENY: Final = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}'


def test_a_policy_of_one_s_own_wins(module: Module) -> None:
    made = planned(module, only_this_account=True, policies={"backup": ALLOW, "sts": ALLOW}).resources()
    policies = {attributes.get("policy") for address, attributes in made.items() if "vpc_endpoint.this" in address}
    assert policies == {ALLOW, None}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"services": ["backups"]}, "The services are backup"),
        ({"subnet_ids": []}, "at least one subnet"),
        ({"policies": {"backup": DENY}}, "a statement with the Effect Allow"),
        ({"policies": {"backup": "{"}}, "must be JSON"),
        ({"client_cidrs": []}, "Nobody reaches the endpoint of"),
        ({"subnet_ids": [SUBNETS[0], SUBNETS[0]]}, "in the same one"),
    ],
)
def test_what_the_module_refuses(module: Module, given: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(words)):
        planned(module, **given).resources()


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        ("aws_vpc", {"enable_dns_support": True, "enable_dns_hostnames": False}, "Private DNS needs the attributes"),
        ("aws_subnet", {"vpc_id": "vpc-0123abcd", "availability_zone": "eu-west-1a"}, "must be in the VPC"),
        ("aws_vpc_endpoint_service", {"availability_zones": ["eu-west-1f"]}, "in none of the zones"),
    ],
)
def test_what_the_module_refuses_of_what_is_there(
    module: Module, monkeypatch: pytest.MonkeyPatch, kind: str, answer: dict[str, Any], words: str
) -> None:
    made = planned(module, services=["backup"])
    read = made.read
    monkeypatch.setattr(made, "read", lambda asked, name, given: answer if asked == kind else read(asked, name, given))
    with pytest.raises(RefusedError, match=re.escape(words)):
        made.resources()


def test_the_example_calls_the_modules_as_they_are(module: Module) -> None:
    example = Module(MODULE / "examples" / "isolated-vpc")
    calls = example.of("module")
    for name, called in {"endpoints": module, "check": Module(MODULE / "check")}.items():
        variables = called.of("variable")
        required = {variable for variable, block in variables.items() if "default" not in block.attributes}
        assert required <= {*calls[name].attributes} - {"source"} <= {*variables}
    made = example.planned({}, data=lambda *_: {"names": ["eu-west-1a", "eu-west-1b"]}, ids=lambda *_: "x")
    assert [one.get("cidr_block") for one in made.resources().values()] == [
        "10.20.0.0/16",
        "10.20.0.0/24",
        "10.20.1.0/24",
    ]


# --- The check block -------------------------------------------------------------------------------------------------


def checked(program: str, *services: str) -> dict[str, str]:
    """Run the command in the data source of the check block; returns the result of the data source."""
    check = Module(MODULE / "check")
    made = check.planned({"program": program, "services": [*services]}, data=no_data, ids=an_id)
    (source,) = (block for block in check.of("check")["backuplink"].blocks if block.kind == "data")
    ended = subprocess.run(
        made.value(source.attributes["program"], {}), input="{}", capture_output=True, text=True, timeout=60, check=True
    )
    read = json.loads(ended.stdout)
    assert {type(value) for value in read.values()} == {str}, "the data source takes only texts"
    return dict(read)


def no_data(*_: object) -> Any:
    raise AssertionError("this module reads nothing")


def asserted(result: Mapping[str, str]) -> str | None:
    """The warning of the check block, or None if the check succeeds."""
    check = Module(MODULE / "check")
    made = check.planned({}, data=no_data, ids=an_id)
    (rule,) = (block for block in check.of("check")["backuplink"].blocks if block.kind == "assert")
    scope = {"data": {"external": {"backuplink": {"result": result}}}}
    if made.value(rule.attributes["condition"], scope):
        return None
    words: str = made.value(rule.attributes["error_message"], scope)
    return words


def script(folder: Path, text: str) -> str:
    file = folder / "backuplink"
    file.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    file.chmod(0o755)
    return str(file)


def test_the_check_block_says_what_a_run_found(tmp_path: Path) -> None:
    """The check block runs the real program in a scenario."""
    python, options = shlex.quote(sys.executable), tmp_path / "options"
    demo = f'echo "$@" >{options}\ncd {ROOT} && exec {python} -m agent demo gateway-ports-missing --format=nagios'
    result = checked(script(tmp_path, demo), "backup", "backup-gateway")
    assert result["status"] == "critical"
    assert asserted(result) == result["text"]
    assert result["text"].startswith("CRITICAL - backup-gateway: ")
    assert "|" not in result["text"]
    command, *words = options.read_text("utf-8").split()
    settings = settings_from(
        cli.main.commands[command].make_context(command, words, parent=manual.context_of(cli.main)).params, {}
    )
    assert settings.services == ("backup", "backup-gateway")


def test_no_setting_hides_the_verdict_from_the_check_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUPLINK_FAIL_ON", "never")
    monkeypatch.setenv("BACKUPLINK_OUTPUT", str(tmp_path / "output"))
    demo = f'shift\ncd {ROOT} && exec {shlex.quote(sys.executable)} -m agent demo gateway-ports-missing "$@"'
    result = checked(script(tmp_path, demo))
    assert result["status"] == "critical"
    assert result["text"].startswith("CRITICAL - backup-gateway: ")


@pytest.mark.parametrize(
    ("code", "printed", "status", "text"),
    [
        (0, "OK - all well | a=1", "ok", "OK - all well"),
        (1, 'WARNING - a "quoted" \\ word\nsecond line', "warning", 'WARNING - a "quoted" \\ word'),
        (0, "", "unknown", None),
        (1, "", "unknown", None),
        (0, "CRITICAL - a fault", "unknown", None),
        (3, "UNKNOWN - \ttab", "unknown", "UNKNOWN - tab"),
        (137, "", "unknown", None),
    ],
)
def test_the_check_block_gives_texts(tmp_path: Path, code: int, printed: str, status: str, text: str | None) -> None:
    output = tmp_path / "printed"
    output.write_text(printed, "utf-8")
    result = checked(script(tmp_path, f"cat {output}; exit {code}"))
    assert result["status"] == status
    assert text is None or result["text"] == text
    assert (asserted(result) is None) == (status == "ok")


def test_a_program_that_is_not_there_is_no_ok(tmp_path: Path) -> None:
    result = checked(str(tmp_path / "nowhere"))
    assert result["status"] == "unknown"
    assert "gave no verdict and ended with 127" in (asserted(result) or "")


def test_linters_of_shells_find_nothing_in_its_program() -> None:
    ended = subprocess.run(["/bin/sh", "-n", MODULE / "check" / "backuplink.sh"], capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize("folder", [".", "check", "examples/isolated-vpc"])
def test_hashicorp_s_own_reader_takes_it(folder: str) -> None:
    """HashiCorp's parser of modules, which other programs also use, can read the modules."""
    program = shutil.which("terraform-config-inspect")
    if program is None:
        pytest.skip("there is no terraform-config-inspect here (Debian and Ubuntu: package terraform-config-inspect)")
    ended = subprocess.run([program, "--json", str(MODULE / folder)], capture_output=True, text=True, timeout=60)
    read = json.loads(ended.stdout)
    assert (ended.returncode, read.get("diagnostics", [])) == (0, [])
    assert {*read["variables"]} == {*Module(MODULE / folder).of("variable")}
    assert {*read["managed_resources"]} == {*Module(MODULE / folder).of("resource")}


# --- What is built, and the page --------------------------------------------------------------------------------------


def test_what_dist_holds_is_the_module() -> None:
    name = f"backuplink-{__version__}-terraform"
    with tarfile.open(artifact_of(f"{name}.tar.gz", "terraform")) as archive:
        files = {one.name: read.read() for one in archive if (read := archive.extractfile(one)) is not None}
    wanted = {path for path in MODULE.rglob("*") if path.suffix in (".tf", ".sh")}
    assert files == {f"{name}/{path.relative_to(MODULE)}": path.read_bytes() for path in wanted}


def test_the_page_s_commands_are_of_the_aws_cli_and_of_backuplink() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    commands = [words for line in lines if (words := shlex.split(line, comments=True))]
    assert len(commands) > 3
    for words in commands:
        if words[0] == "backuplink":
            cli.main.commands[words[1]].make_context(words[1], words[2:], parent=manual.context_of(cli.main))
        elif words[0] == "aws":
            assert complaint(words) is None, words
        else:
            assert words[0] == "terraform"


def test_the_page_names_every_variable(module: Module) -> None:
    page = GUIDE.read_text("utf-8")
    assert [name for name in module.of("variable") if f"`{name}`" not in page] == []
