#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

DOCUMENTATION = r"""
module: check
short_description: Check the private path to AWS Backup with backuplink
description:
  - Runs C(backuplink check) on the host once and returns its report, also as the fact C(backuplink).
  - The check changes nothing on the host, so the task never reports a change, and runs in check mode as well.
  - A verdict fails the task only if O(fail_on) says so. The task always fails if there is no verdict, because
    backuplink is missing, refused its options, or was stopped.
version_added: 1.0.0
author: backuplink maintainers (@backuplink)
requirements:
  - backuplink on the host, which the role M(backuplink.backuplink.backuplink) installs
options:
  executable:
    description: The program. It is a path, or a name to look up in PATH and in C(/usr/local/bin).
    type: path
    default: backuplink
  fail_on:
    description:
      - Lowest verdict that fails the task.
      - With V(critical) and V(warning), the verdict unknown fails the task as well.
    type: str
    choices: [never, critical, warning]
    default: never
  config:
    description: Configuration file of backuplink. The options here override it.
    type: path
  region:
    description:
      - Region of the endpoints. By default it comes from the settings of the AWS SDK, or from instance metadata.
    type: str
  workload:
    description:
      - Workloads whose services must be reachable, such as V(caller), V(gateway), V(ssm).
      - For SAP HANA, V(hana:backup) if its backups go to AWS Backup and V(hana:s3) if they go to S3. V(hana) reads
        on the host which of the two it is.
      - V(auto) stands for the workloads that are found on the host, or for V(caller) if none is found.
      - One of O(workload), O(service), O(endpoint) and O(config) is required.
    type: list
    elements: str
  service:
    description: Services that must be reachable, by the names that C(backuplink endpoints) lists.
    type: list
    elements: str
  endpoint:
    description: Endpoints of your own that must be reachable, each V([SERVICE=]DNS-NAME) or V([SERVICE=]vpce-ID).
    type: list
    elements: str
  expect:
    description: The path to treat as healthy. The default is the private path.
    type: str
    choices: [private, public, any]
  timeout:
    description: Time limit of one step, in seconds.
    type: float
  deadline:
    description: Time limit of the whole check, in seconds.
    type: float
  calls:
    description: Signed calls to make, one at each address (each), one for each service (one), or none.
    type: str
    choices: [each, one, none]
  ec2:
    description: When to read the network configuration from EC2.
    type: str
    choices: [auto, always, never]
  ec2_facts:
    description: A file on the host that C(backuplink facts) wrote. It is used in place of reads of EC2.
    type: path
  profile:
    description: Profile in the shared configuration files of the AWS SDK.
    type: str
  ca_bundle:
    description: File or folder of trusted CA certificates, instead of those of the AWS SDK.
    type: path
  suppress:
    description: Known findings that must not affect the verdict, each V(CODE[=TARGET][@DAY]).
    type: list
    elements: str
    default: []
  redact:
    description:
      - Mask ids, addresses, principals and certificates in the report. With V(false), the configuration file decides.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Check the path, whatever the verdict
  backuplink.backuplink.check:
    region: eu-west-1
  register: checked

- name: Say what is wrong
  ansible.builtin.debug:
    msg: "{{ checked.msg }}"
  when: checked.status != 'ok'

- name: Stop the play unless the path is usable
  backuplink.backuplink.check:
    config: /etc/backuplink/backuplink.toml
    fail_on: critical

- name: List the findings of the last check
  ansible.builtin.debug:
    msg: "{{ ansible_facts.backuplink.findings | map(attribute='code') }}"
"""

RETURN = r"""
status:
  description: The verdict, V(ok), V(warning), V(critical), V(unknown) or V(not-in-use).
  returned: when there is a verdict
  type: str
  sample: critical
exit_code:
  description: Exit code of backuplink, 0 ok or not in use, 1 warning, 2 critical, 3 unknown.
  returned: when the program ended
  type: int
  sample: 2
msg:
  description: The verdict and its findings in one line, or the reason why there is no verdict.
  returned: always
  type: str
  sample: "critical: TCP002 Port 443 of one zone is silent"
report:
  description: The report, as C(backuplink schema) describes it.
  returned: when there is a verdict
  type: dict
ansible_facts:
  description: The report as the fact C(backuplink).
  returned: when there is a verdict
  type: dict
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.backuplink.backuplink.plugins.module_utils import report as reports


def main():
    module = AnsibleModule(
        argument_spec=reports.ARGUMENTS, required_one_of=[reports.WHAT_IS_CHECKED], supports_check_mode=True
    )
    program = module.get_bin_path(module.params["executable"], required=True, opt_dirs=["/usr/local/bin"])
    output = Path(module.tmpdir) / "report.json"
    # A configuration file may set `brief`, which is only for the format text.
    code, _stdout, stderr = module.run_command(
        [program, *reports.arguments(module.params, str(output))], environ_update={"BACKUPLINK_BRIEF": "false"}
    )
    text = output.read_text("utf-8") if output.exists() else ""
    try:
        report = reports.read(code, text, stderr)
    except reports.NoReportError as error:
        module.fail_json(msg=f"backuplink gave no verdict: {error}", exit_code=code)
    status = report["verdict"]["status"]
    module.exit_json(
        changed=False,
        failed=reports.fails(status, module.params["fail_on"]),
        status=status,
        exit_code=code,
        msg=reports.summary(report),
        report=report,
        ansible_facts={"backuplink": report},
    )


if __name__ == "__main__":
    main()
