"""The search for the workloads of a host, in links, unit files and settings, some of which cannot be read."""

import asyncio
import errno
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.facts import (
    AWS_BACKUP_MODE,
    MANAGER_SETTINGS,
    S3_MODE,
    SAP_SYSTEMS,
    FoundWorkload,
    UnreadFile,
    WorkloadFacts,
)
from probes.model import Draft
from probes.steps.workload import (
    MAX_CHARACTERS,
    MAX_DROP_INS,
    MAX_SYSTEMS,
    SSM_AGENT,
    SSM_AGENT_SETTINGS,
    SSM_AGENT_SNAP,
    SSM_AGENT_UNITS,
    launcher_proxies,
    probe,
    proxies,
    ssm_settings,
    unit_environment,
    yaml_values,
)
from tests.support.fakes import FakeMachine, forever, os_error

HDB: Final = "/usr/sap/HDB/SYS/global/hdb"
LINK: Final = f"{HDB}/opt/hdbbackint"
AGENT: Final = "/hana/shared/aws-backint-agent"
LAUNCHER: Final = f"{AGENT}/aws-backint-agent-launcher.sh"
CONFIGURATION: Final = f"{AGENT}/aws-backint-agent-config.yaml"
OF_HANA: Final = f"{HDB}/opt/hdbconfig/aws-backint-agent-config.yaml"
PLAIN: Final = b"LogLevel: INFO\nUploadConcurrency: 100\n"
BUCKET: Final = b'S3BucketName: "backups"\nS3BucketAwsRegion: eu-west-2\n'
DENIED: Final = os_error(errno.EACCES)
DEB, RPM, _, SNAP = SSM_AGENT_UNITS


async def found(
    files: Mapping[str, bytes | Exception] | None = None, links: Mapping[str, str | Exception] | None = None
) -> WorkloadFacts:
    draft: Draft[WorkloadFacts] = Draft()
    facts = await probe(FakeMachine(files=files or {}, links=links or {}), draft)
    assert draft.facts == facts
    return facts


async def hana(files: Mapping[str, bytes | Exception], target: str = LAUNCHER) -> FoundWorkload:
    (workload,) = (await found(files, {LINK: target})).found
    assert (workload.name, workload.by) == ("hana", LINK)
    return workload


async def test_nothing_on_a_host_without_agents() -> None:
    assert await found() == WorkloadFacts()


# --- The Backint agent -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "mode"),
    [
        pytest.param({CONFIGURATION: PLAIN}, AWS_BACKUP_MODE, id="no bucket"),
        pytest.param({CONFIGURATION: BUCKET}, S3_MODE, id="a bucket"),
        pytest.param({CONFIGURATION: b'S3BucketName: ""\n'}, AWS_BACKUP_MODE, id="an empty bucket"),
        pytest.param({CONFIGURATION: b"S3BucketName:\nLogLevel: INFO\n"}, AWS_BACKUP_MODE, id="a key without a value"),
        pytest.param({CONFIGURATION: b"#S3BucketName: backups\nLogLevel: INFO\n"}, AWS_BACKUP_MODE, id="a comment"),
        pytest.param({CONFIGURATION: b"\xff\xfe\x00 no settings"}, None, id="no settings in it"),
        pytest.param({CONFIGURATION: b""}, None, id="an empty file"),
        pytest.param({CONFIGURATION: DENIED}, None, id="not for this user"),
        pytest.param({}, None, id="not there"),
        pytest.param({OF_HANA: BUCKET, CONFIGURATION: PLAIN}, S3_MODE, id="the link that HANA has, first"),
        pytest.param({OF_HANA: DENIED, CONFIGURATION: PLAIN}, None, id="that link, not for this user"),
        pytest.param(
            {
                f"{HDB}/custom/config/global.ini": b"[backup]\ndata_backup_parameter_file = /hana/own.yaml\n",
                "/hana/own.yaml": BUCKET,
                OF_HANA: PLAIN,
            },
            S3_MODE,
            id="the file that HANA's settings name, before both",
        ),
    ],
)
async def test_where_it_sends_its_data(files: Mapping[str, bytes | Exception], mode: str | None) -> None:
    assert (await hana(files)).mode == mode


async def test_what_it_is_set_to() -> None:
    launcher = b"#!/bin/sh\nexport https_proxy='http://me:hunter2@10.0.9.9:3128'\nNO_PROXY=169.254.169.254 # metadata\n"
    assert (await hana({CONFIGURATION: BUCKET, LAUNCHER: launcher})).settings == {
        "S3BucketName": "backups",
        "S3BucketAwsRegion": "eu-west-2",
        "https_proxy": "http://***@10.0.9.9:3128",
        "no_proxy": "169.254.169.254",
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("export no_proxy=$NO_PROXY", {"variables of the shell": "no_proxy"}),
        ('export https_proxy="${PROXY}"', {"variables of the shell": "https_proxy"}),
        ("HTTPS_PROXY=http://$HOST:3128", {"variables of the shell": "https_proxy"}),
        ("https_proxy=`cat /etc/proxy`", {"variables of the shell": "https_proxy"}),
        ("https_proxy=$(cat /etc/proxy)", {"variables of the shell": "https_proxy"}),
        ("https_proxy='http://a$b:1'", {"https_proxy": "http://a$b:1"}),
        ("https_proxy=http://a:1 # not $PROXY", {"https_proxy": "http://a:1"}),
        ("https_proxy=$PROXY\nhttps_proxy=http://a:1", {"https_proxy": "http://a:1"}),
        (
            "https_proxy=http://a:1\nno_proxy=$NO_PROXY,169.254.169.254",
            {"https_proxy": "http://a:1", "variables of the shell": "no_proxy"},
        ),
        ("export https_proxy=$A no_proxy=$B\nexport NO_PROXY=$B", {"variables of the shell": "https_proxy, no_proxy"}),
    ],
)
def test_what_a_launcher_takes_from_its_shell_is_not_known(line: str, expected: dict[str, str]) -> None:
    assert launcher_proxies(f"#!/bin/sh\n{line}\n") == expected
    assert "$" not in str(launcher_proxies(line).values()) or "'" in line


@pytest.mark.parametrize("as_root", [False, True])
async def test_whose_search_it_was_is_said(as_root: bool) -> None:
    class OfRoot(FakeMachine):
        is_root = as_root

    assert (await probe(OfRoot(), Draft())).by_root is as_root


async def test_the_launcher_next_to_the_program() -> None:
    files = {f"{AGENT}/aws-backint-agent": b"\x7fELF", LAUNCHER: b"#!/bin/sh\nhttps_proxy=10.0.9.9:3128\n"}
    assert (await hana(files, f"{AGENT}/aws-backint-agent")).settings == {"https_proxy": "10.0.9.9:3128"}


async def test_what_this_user_may_not_read_is_said() -> None:
    facts = await found({CONFIGURATION: DENIED, LAUNCHER: DENIED}, {LINK: LAUNCHER})
    assert facts.unread == (UnreadFile(path=CONFIGURATION, error="EACCES"), UnreadFile(path=LAUNCHER, error="EACCES"))
    assert [workload.name for workload in facts.found] == ["hana"]


async def test_a_link_behind_a_folder_of_others_is_no_sign_and_is_said() -> None:
    facts = await found(links={LINK: DENIED})
    assert facts == WorkloadFacts(unread=(UnreadFile(path=LINK, error="EACCES"),))


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/opt/azure/hdbbackint", id="another vendor's agent"),
        pytest.param(os_error(errno.EINVAL), id="a program and no link"),
        pytest.param(os_error(errno.ENOENT), id="no agent"),
    ],
)
async def test_no_agent_of_aws(target: str | Exception) -> None:
    assert await found(links={LINK: target}) == WorkloadFacts()


async def test_each_system_has_its_own() -> None:
    links: dict[str, str | Exception] = {
        f"/usr/sap/{name}/SYS/global/hdb/opt/hdbbackint": LAUNCHER for name in "AB1 HDB hostctrl".split()
    }
    assert [workload.by.split("/")[3] for workload in (await found(links=links)).found] == ["AB1", "HDB"]
    many: dict[str, str | Exception] = {
        f"/usr/sap/H{place:02}/SYS/global/hdb/opt/hdbbackint": LAUNCHER for place in range(40)
    }
    assert len((await found(links=many)).found) == MAX_SYSTEMS


async def test_ssm_for_sap_alone_is_no_sign() -> None:
    assert await found({"/opt/aws/ssm-sap/readme": b""}) == WorkloadFacts()


# --- The SSM Agent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", SSM_AGENT_UNITS)
async def test_the_ssm_agent_by_its_unit_file(unit: str) -> None:
    assert (await found({unit: b"[Unit]\n"})).found == (FoundWorkload(name="ssm", by=unit),)


async def test_a_unit_that_this_user_may_not_read_is_there() -> None:
    assert [workload.by for workload in (await found({RPM: DENIED})).found] == [RPM]


async def test_the_version_of_a_snap() -> None:
    snap = {SNAP: b"[Unit]\n", SSM_AGENT_SNAP: b"name: amazon-ssm-agent\nversion: 3.3.987.0\nbase: core22\n"}
    assert [workload.version for workload in (await found(snap)).found] == ["3.3.987.0"]
    assert [workload.version for workload in (await found({**snap, RPM: b"[Unit]\n"})).found] == [None]


async def test_the_hosts_that_its_settings_name() -> None:
    settings = json.dumps({"Ssm": {"Endpoint": "ssm.example"}, "Mgs": {"Endpoint": ""}, "Kms": None, "Os": {"a": 1}})
    facts = await found({RPM: b"", SSM_AGENT_SETTINGS[0]: settings.encode()})
    assert facts.found[0].settings == {"Ssm.Endpoint": "ssm.example"}


async def test_its_settings_may_be_for_others_alone() -> None:
    facts = await found({RPM: b"", SSM_AGENT_SETTINGS[0]: DENIED})
    assert facts.found == (FoundWorkload(name="ssm", by=RPM),)
    assert facts.unread == (UnreadFile(path=SSM_AGENT_SETTINGS[0], error="EACCES"),)


PROXY: Final = b"[Service]\nEnvironment=https_proxy=http://me:hunter2@10.0.9.9:3128\n"
OTHER: Final = b"[Service]\nEnvironment=https_proxy=b:2\n"
MASKED: Final = {"https_proxy": "http://***@10.0.9.9:3128"}
ALL: Final = "/etc/systemd/system/service.d"
ETC, RUN = f"{DEB}.d", "/run/systemd/system/amazon-ssm-agent.service.d"


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        pytest.param({RPM: b"[Unit]\n"}, {}, id="none"),
        pytest.param({RPM: PROXY}, MASKED, id="in the unit"),
        pytest.param({RPM: b"", f"{ETC}/a.conf": PROXY}, MASKED, id="in a drop-in"),
        pytest.param({RPM: b"", f"{ETC}/a.txt": PROXY, f"{DEB[:-8]}.d/a.conf": PROXY}, {}, id="in no drop-in"),
        pytest.param({SNAP: b"", f"{SNAP}.d/a.conf": PROXY, f"{ETC}/a.conf": OTHER}, MASKED, id="of the snap"),
        pytest.param({RPM: OTHER, f"{ETC}/b.conf": PROXY, f"{ETC}/a.conf": OTHER}, MASKED, id="the last by name"),
        pytest.param({RPM: b"", f"{ETC}/a.conf": OTHER, f"{RUN}/b.conf": PROXY}, MASKED, id="by name, not by folder"),
        pytest.param(
            {RPM: b"", f"{ETC}/a.conf": PROXY, f"{RUN}/a.conf": OTHER}, MASKED, id="of one name, that of /etc"
        ),
        pytest.param({RPM: PROXY, f"{ETC}/a.conf": b"[Service]\nEnvironment=\n"}, {}, id="taken back"),
        pytest.param({RPM: b"", f"{ALL}/a.conf": PROXY}, MASKED, id="in a drop-in for every service"),
        pytest.param({RPM: b"", f"{ALL}/a.conf": OTHER, f"{RUN}/a.conf": PROXY}, MASKED, id="its own before that"),
        pytest.param(
            {RPM: b"", MANAGER_SETTINGS: b"[Manager]\nDefaultEnvironment=https_proxy=b:2\n"},
            {"https_proxy": "b:2"},
            id="of all services",
        ),
        pytest.param(
            {
                RPM: PROXY,
                f"{MANAGER_SETTINGS}.d/a.conf": b"[Manager]\nDefaultEnvironment=https_proxy=b:2 no_proxy=c\n",
            },
            {**MASKED, "no_proxy": "c"},
            id="of all services, and its own",
        ),
        pytest.param(
            {
                SNAP: b"[Service]\nEnvironmentFile=-/etc/environment\nEnvironment=https_proxy=b:2\n",
                "/etc/environment": b"PATH=/bin\nhttps_proxy='http://me:hunter2@10.0.9.9:3128'\n",
            },
            MASKED,
            id="a file of variables, after the unit's",
        ),
        pytest.param({SNAP: b"[Service]\nEnvironmentFile=-/etc/environment\n"}, {}, id="such a file, not there"),
        pytest.param(
            {RPM: b"[Service]\nEnvironment=HTTPS_PROXY=a:1 https_proxy=b:2\n"}, {"https_proxy": "a:1"}, id="both cases"
        ),
    ],
)
async def test_the_proxy_that_systemd_gives_to_the_ssm_agent(
    files: Mapping[str, bytes | Exception], settings: Mapping[str, str]
) -> None:
    facts = await found(files)
    assert facts.found[0].settings == settings
    assert facts.unread == ()


@pytest.mark.parametrize(
    ("files", "unread"),
    [
        pytest.param({RPM: DENIED}, RPM, id="the unit"),
        pytest.param({RPM: b"", f"{ETC}/a.conf": DENIED}, f"{ETC}/a.conf", id="a drop-in"),
        pytest.param({RPM: b"", ETC: DENIED}, ETC, id="the folder"),
        pytest.param(
            {RPM: b"", **{f"{ETC}/{place:02}.conf": b"" for place in range(MAX_DROP_INS + 1)}}, ETC, id="too many"
        ),
        pytest.param({RPM: b"", MANAGER_SETTINGS: DENIED}, MANAGER_SETTINGS, id="the settings of systemd"),
    ],
)
async def test_what_systemd_gives_may_not_be_known(files: Mapping[str, bytes | Exception], unread: str) -> None:
    facts = await found(files)
    assert [file.path for file in facts.unread] == [unread]
    assert facts.found[0].settings == {}


@pytest.mark.parametrize("path", ["/etc/proxy.env", "/etc/%p.env", "/etc/*.env"])
async def test_a_file_of_variables_that_is_not_read_is_said(path: str) -> None:
    unit = f"[Service]\nEnvironmentFile={path}\n".encode()
    facts = await found({RPM: unit, path: DENIED})
    assert facts.found[0].settings == {"EnvironmentFile": path}


# --- Agents that are run ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "version"),
    [
        pytest.param('"backint 1.50" "aws-backint-agent 2.0.5.892"', "2.0.5.892", id="the Backint agent's"),
        pytest.param("SSM Agent version: 3.3.131.0\n", "3.3.131.0", id="the SSM Agent's"),
        pytest.param("version 2.1", None, id="no version"),
        pytest.param("10.0.1.17.", None, id="no version at the end of a sentence"),
        pytest.param("", None, id="nothing"),
        pytest.param(DENIED, None, id="not for this user"),
    ],
)
async def test_the_version_that_an_agent_tells(output: str | Exception, version: str | None) -> None:
    programs = {f"{LINK} -v": output, f"{SSM_AGENT} -version": output}
    machine = FakeMachine(files={CONFIGURATION: PLAIN, RPM: b""}, links={LINK: LAUNCHER}, programs=programs)
    facts = await probe(machine, Draft(), run_agents=True)
    assert [workload.version for workload in facts.found] == [version, version]
    assert [unread.path for unread in facts.unread] == ([LINK, SSM_AGENT] if output is DENIED else [])


async def test_no_agent_is_run_unless_asked() -> None:
    class Refusing(FakeMachine):
        async def output_of(self, program: str, option: str) -> str:
            raise AssertionError(program, option)

    machine = Refusing(files={CONFIGURATION: PLAIN, RPM: b""}, links={LINK: LAUNCHER})
    assert len((await probe(machine, Draft())).found) == 2


# --- A file system that does not answer ------------------------------------------------------------------------------


class Hanging(FakeMachine):
    """A host whose file system stops answering below some paths."""

    stops_below: tuple[str, ...] = (SAP_SYSTEMS,)

    async def entries(self, path: str, most: int) -> tuple[str, ...]:
        await self._wait(path)
        return await super().entries(path, most)

    async def link_target(self, path: str) -> str:
        await self._wait(path)
        return await super().link_target(path)

    async def read_of_user(self, path: str) -> bytes:
        await self._wait(path)
        return await super().read_of_user(path)

    async def _wait(self, path: str) -> None:
        if path.startswith(self.stops_below):
            await forever()


async def cut_short(machine: Hanging, *standing: FoundWorkload) -> WorkloadFacts:
    """The results of a search that is cancelled."""
    draft: Draft[WorkloadFacts] = Draft()
    searching = asyncio.ensure_future(probe(machine, draft, standing=standing))
    for _ in range(5):
        await asyncio.sleep(0)
    searching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await searching
    assert draft.facts is not None
    return draft.facts


async def test_a_sign_of_a_file_system_that_stopped_to_answer_could_not_be_read() -> None:
    facts = await cut_short(Hanging(files={RPM: b""}))
    assert facts == WorkloadFacts(unread=(UnreadFile(path=SAP_SYSTEMS, error="ETIMEDOUT"),))


@pytest.mark.parametrize("stops", [LINK, CONFIGURATION])
async def test_a_link_whose_file_system_stopped_to_answer_could_not_be_read(stops: str) -> None:
    machine = Hanging(files={CONFIGURATION: PLAIN}, links={LINK: LAUNCHER})
    machine.stops_below = (stops,)
    facts = await cut_short(machine)
    assert facts == WorkloadFacts(unread=(UnreadFile(path=LINK, error="ETIMEDOUT"),))


async def test_more_systems_than_are_looked_at_are_said() -> None:
    many: dict[str, str | Exception] = {
        f"/usr/sap/H{place:02}/SYS/global/hdb/opt/hdbbackint": "/opt/other/backint" for place in range(MAX_SYSTEMS + 1)
    }
    assert [unread.error for unread in (await found(links=many)).unread] == ["E2BIG"]


# --- What an earlier search found -------------------------------------------------------------------------------------

BEFORE: Final = FoundWorkload(name="hana", by=LINK, mode="s3", settings={"S3BucketName": "backups"})


async def again(machine: FakeMachine) -> tuple[FoundWorkload, ...]:
    return (await probe(machine, Draft(), standing=[BEFORE])).found


async def test_a_link_that_cannot_be_read_any_more_leaves_what_was_found() -> None:
    assert await again(FakeMachine(links={LINK: DENIED})) == (replace(BEFORE, is_standing=True),)


async def test_nor_does_a_file_system_that_stopped_to_answer() -> None:
    assert (await cut_short(Hanging(), BEFORE)).found == (replace(BEFORE, is_standing=True),)


async def test_a_configuration_that_cannot_be_read_any_more_leaves_the_mode() -> None:
    machine = FakeMachine(files={CONFIGURATION: DENIED}, links={LINK: LAUNCHER})
    assert await again(machine) == (replace(BEFORE, is_standing=True),)


async def test_what_is_gone_does_not_stand() -> None:
    assert await again(FakeMachine()) == ()


async def test_what_is_read_again_outranks_what_was_found() -> None:
    machine = FakeMachine(files={CONFIGURATION: PLAIN}, links={LINK: LAUNCHER})
    assert [(one.mode, one.is_standing) for one in await again(machine)] == [("aws-backup", False)]


# --- Files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("LogFile: /var/log/a.log", "/var/log/a.log"),
        ('LogFile: "/var/log/a # b.log" # c', "/var/log/a # b.log"),
        ("LogFile: '/var/log/a.log'\r", "/var/log/a.log"),
        ("  LogFile :  a  # c", "a"),
        ("- LogFile: a", "a"),
        ("LogFile:", ""),
        ("LogFile: ~", ""),
        ("LogFile: null", ""),
        ("LogFile: # nothing", ""),
        ("LogFile: a\u2028b", "a"),
    ],
)
def test_a_line_of_yaml(line: str, value: str) -> None:
    assert yaml_values(f"{line}\n") == {"LogFile": value}


@pytest.mark.parametrize("line", ["LogFile", "LogFile:a", "# LogFile: a", "---", "{LogFile: a}", ": a"])
def test_no_line_of_yaml(line: str) -> None:
    assert yaml_values(f"{line}\n") == {}


@pytest.mark.parametrize(
    ("script", "proxies"),
    [
        ("https_proxy=a:1", {"https_proxy": "a:1"}),
        ("export HTTPS_PROXY=a:1;", {"https_proxy": "a:1"}),
        ("HTTPS_PROXY=a:1\nhttps_proxy=b:2", {"https_proxy": "b:2"}),
        ("https_proxy=a:1\nhttps_proxy=b:2", {"https_proxy": "b:2"}),
        ("https_proxy=a:1\nhttps_proxy=", {}),
        ("#https_proxy=a:1", {}),
        ("my_https_proxy=a:1", {}),
        ("https_proxy='a:1", {"https_proxy": "'a:1"}),
        ('export no_proxy="a, b"', {"no_proxy": "a, b"}),
    ],
)
def test_proxies_of_a_launcher(script: str, proxies: dict[str, str]) -> None:
    assert launcher_proxies(f"#!/bin/sh\n{script}\n") == proxies


@pytest.mark.parametrize(
    ("lines", "given_to_it"),
    [
        ('Environment="https_proxy=a:1" "no_proxy=b, c"', {"https_proxy": "a:1", "no_proxy": "b, c"}),
        ("Environment='https_proxy=a:1' X=1 no_proxy=b", {"https_proxy": "a:1", "no_proxy": "b"}),
        ("Environment = https_proxy=a:1\nEnvironment=no_proxy=b", {"https_proxy": "a:1", "no_proxy": "b"}),
        ("Environment=https_proxy=a:1\nEnvironment=https_proxy=b:2", {"https_proxy": "b:2"}),
        ("Environment=X=1 \\\n  https_proxy=a:1", {"https_proxy": "a:1"}),
        ("Environment=X=1 \\\n# a comment\n  https_proxy=a:1", {"https_proxy": "a:1"}),
        ("Environment=https_proxy=http://a%%40b:1", {"https_proxy": "http://a%40b:1"}),
        ("Environment=https_proxy=a:1\r\nEnvironment=no_proxy=b\r", {"https_proxy": "a:1", "no_proxy": "b"}),
        ("Environment=https_proxy=a:1\nEnvironment=", {}),
        ("Environment='https_proxy=a:1", {}),
        ("#Environment=https_proxy=a:1\n;Environment=https_proxy=a:1", {}),
        ("PassEnvironment=https_proxy=a:1", {}),
        ("[Unit]\nEnvironment=https_proxy=a:1", {}),
    ],
)
def test_the_variables_of_a_unit(lines: str, given_to_it: dict[str, str]) -> None:
    assert unit_environment([f"[Service]\n{lines}\n"]) == (given_to_it, ())


def test_the_files_of_variables_of_a_unit() -> None:
    first, second = (
        "[Service]\nEnvironmentFile=/a\nEnvironmentFile=c\nEnvironmentFile=-/b\n",
        "[Service]\nEnvironmentFile=\n",
    )
    assert unit_environment([first]) == ({}, ("/a", "/b"))
    assert unit_environment([first, second]) == ({}, ())


def proxies_of_unit(text: str) -> dict[str, str]:
    return proxies(unit_environment([text, f"[Service]\n{text}"])[0])


@given(st.text() | st.text("S3BucketName: \"'#~\n\r{}[]httpsproxy_=;\\ \t"))
def test_any_text(text: str) -> None:
    for parse in (ssm_settings, yaml_values, launcher_proxies, proxies_of_unit):
        for value in parse(text).values():
            assert value.isascii()
            assert value.isprintable()
            assert len(value) <= MAX_CHARACTERS
