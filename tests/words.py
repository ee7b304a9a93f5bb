"""`python -m tests.words`: refuses docstrings that say too little, and phrases that a reader must translate.

`./dev check` runs it. It reads every tracked text that is not generated: the docstrings, comments and strings of
Python, and the whole of all other files. A docstring is also the text below a constant or a field.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.repository import ROOT, git, tracked

LEAST: Final = 4
"""Number of words that a docstring needs at least. A name that says it all needs no docstring."""

LEANING: Final = re.compile(
    r"(?:The same|Of|Those|That|So|And|Or|But|Also|Likewise|Ditto|As (?:above|before|there|such|that|those|the one))\b"
)
"""How a docstring begins that makes sense only beside another text."""

PHRASES: Final = {
    "say 'is not', or 'there is no'": re.compile(
        r"(?<![Tt]here )\b(?:is|are|was|were) "
        r"(?:no (?!longer\b|more\b|less\b|fewer\b|later\b|earlier\b|doubt\b)\S|none\b)"
    ),
    "say what it is": re.compile(r"\bwhat is so\b"),
    "say 'silently'": re.compile(r"\bwithout a word\b"),
    "say 'add' or 'insert'": re.compile(r"\b(?:puts?|putting) in\b(?! (?:the )?(?:place|front|order)\b)"),
    "say 'remove'": re.compile(r"\b(?:takes?|taking|taken|took) out\b"),
}
"""Phrases that no text has, by what to write instead. Each white space in a text counts as a single space."""

OWN: Final = frozenset({"tests/words.py", "tests/test_words.py"})
"""Files that must quote the phrases."""

EXCEPTIONS: Final[dict[str, int]] = {
    ".ci/run": 1,
    "SECURITY.md": 3,
    "agent/app/bundle.py": 1,
    "agent/app/bundle_members.py": 1,
    "agent/app/check.py": 1,
    "agent/app/demo.py": 1,
    "agent/app/explain.py": 1,
    "agent/app/fleet_lake.py": 3,
    "agent/app/history.py": 1,
    "agent/app/keep.py": 1,
    "agent/app/own_commands.py": 1,
    "agent/app/predict.py": 2,
    "agent/app/publish.py": 1,
    "agent/app/read_saved.py": 3,
    "agent/app/show.py": 1,
    "agent/app/watch_job.py": 2,
    "agent/catalog/buckets.py": 1,
    "agent/catalog/findings.py": 1,
    "agent/catalog/known_texts.py": 3,
    "agent/catalog/service.py": 1,
    "agent/catalog/services.py": 1,
    "agent/catalog/text_search.py": 5,
    "agent/catalog/values.py": 3,
    "agent/catalog/vpce.py": 1,
    "agent/catalog/wording.py": 5,
    "agent/catalog/workloads.py": 4,
    "agent/cli/commands/audit.py": 1,
    "agent/cli/commands/bundle.py": 1,
    "agent/cli/commands/check.py": 1,
    "agent/cli/commands/demo.py": 1,
    "agent/cli/commands/explain.py": 1,
    "agent/cli/commands/facts.py": 1,
    "agent/cli/commands/fleet.py": 1,
    "agent/cli/commands/history.py": 2,
    "agent/cli/commands/predict.py": 1,
    "agent/cli/commands/tui.py": 1,
    "agent/cli/commands/watch.py": 1,
    "agent/cli/group.py": 1,
    "agent/cli/options.py": 3,
    "agent/cli/param_types.py": 1,
    "agent/documents/blocks.py": 5,
    "agent/documents/canvas.py": 2,
    "agent/documents/configured_path.py": 1,
    "agent/documents/difference.py": 1,
    "agent/documents/explain.py": 1,
    "agent/documents/flow.py": 1,
    "agent/documents/html.py": 1,
    "agent/documents/picture.py": 1,
    "agent/fixes/by_code.py": 19,
    "agent/fixes/changes.py": 1,
    "agent/fixes/checked.py": 1,
    "agent/fixes/commands.py": 3,
    "agent/fixes/fault.py": 1,
    "agent/fleet/answers.py": 2,
    "agent/fleet/athena.py": 3,
    "agent/fleet/cache.py": 1,
    "agent/fleet/causes.py": 2,
    "agent/fleet/database.py": 1,
    "agent/fleet/events.py": 2,
    "agent/fleet/fixes.py": 1,
    "agent/fleet/inventory.py": 4,
    "agent/fleet/metrics.py": 1,
    "agent/fleet/model.py": 7,
    "agent/fleet/pack.py": 2,
    "agent/fleet/parquet.py": 2,
    "agent/fleet/phrases.py": 4,
    "agent/fleet/pictures.py": 3,
    "agent/fleet/places.py": 3,
    "agent/fleet/put.py": 1,
    "agent/fleet/readers.py": 7,
    "agent/fleet/reading.py": 3,
    "agent/fleet/records.py": 4,
    "agent/fleet/reports.py": 1,
    "agent/fleet/run_command.py": 2,
    "agent/fleet/statements/only_evidence.sql": 1,
    "agent/fleet/statements/pool.sql": 1,
    "agent/fleet/statements/suppressed.sql": 1,
    "agent/fleet/store.py": 1,
    "agent/fleet/sweeps.py": 2,
    "agent/formats/emf.py": 3,
    "agent/formats/host.py": 1,
    "agent/formats/html.py": 1,
    "agent/formats/junit.py": 1,
    "agent/formats/nagios.py": 4,
    "agent/formats/ndjson.py": 1,
    "agent/formats/opsitem.py": 3,
    "agent/formats/progress.py": 3,
    "agent/formats/prometheus.py": 2,
    "agent/formats/registry.py": 1,
    "agent/formats/svg.py": 1,
    "agent/formats/text.py": 2,
    "agent/formats/tickets.py": 2,
    "agent/history/chart.py": 2,
    "agent/history/content.py": 5,
    "agent/history/file.py": 2,
    "agent/history/model.py": 11,
    "agent/history/read.py": 3,
    "agent/history/request.py": 1,
    "agent/history/summary.py": 2,
    "agent/history/write.py": 5,
    "agent/judge/causality.py": 1,
    "agent/judge/conditions/denials.py": 1,
    "agent/judge/conditions/dns_settings.py": 3,
    "agent/judge/conditions/endpoint_denials.py": 2,
    "agent/judge/conditions/name_settings.py": 1,
    "agent/judge/conditions/names.py": 4,
    "agent/judge/conditions/resolvers.py": 4,
    "agent/judge/conditions/search_list.py": 1,
    "agent/judge/conditions/stops.py": 2,
    "agent/judge/evidence.py": 2,
    "agent/judge/proof.py": 1,
    "agent/judge/requirements.py": 1,
    "agent/judge/rules/api.py": 1,
    "agent/judge/rules/connect.py": 1,
    "agent/judge/rules/host.py": 3,
    "agent/judge/rules/http.py": 1,
    "agent/judge/rules/names.py": 1,
    "agent/judge/rules/resolvers.py": 1,
    "agent/judge/rules/tls.py": 1,
    "agent/judge/rules/vpc/reads.py": 2,
    "agent/judge/rules/vpc/zones.py": 1,
    "agent/judge/rules/workload.py": 4,
    "agent/judge/subjects.py": 1,
    "agent/judge/verdict.py": 1,
    "agent/network/answers.py": 3,
    "agent/network/edits.py": 6,
    "agent/network/endpoint_policy/call.py": 2,
    "agent/network/endpoint_policy/conditions.py": 1,
    "agent/network/endpoint_policy/document.py": 7,
    "agent/network/endpoint_policy/elements.py": 3,
    "agent/network/endpoint_policy/matching.py": 1,
    "agent/network/names.py": 2,
    "agent/network/pending.py": 1,
    "agent/network/predictor.py": 1,
    "agent/network/transit.py": 2,
    "agent/predict/assume.py": 7,
    "agent/predict/cloudformation.py": 2,
    "agent/predict/denied_calls.py": 1,
    "agent/predict/fix_checks.py": 1,
    "agent/predict/intents.py": 3,
    "agent/predict/kinds.py": 1,
    "agent/predict/model.py": 10,
    "agent/predict/phrases.py": 2,
    "agent/predict/plan.py": 2,
    "agent/predict/plan_values.py": 2,
    "agent/predict/prediction.py": 1,
    "agent/predict/resources.py": 1,
    "agent/predict/terraform.py": 4,
    "agent/process/exit_codes.py": 1,
    "agent/process/files.py": 1,
    "agent/process/output.py": 1,
    "agent/process/write_file.py": 5,
    "agent/report/archive.py": 2,
    "agent/report/diff.py": 4,
    "agent/report/facts_file.py": 6,
    "agent/report/hops.py": 1,
    "agent/report/host_record.py": 8,
    "agent/report/in_words.py": 2,
    "agent/report/model.py": 8,
    "agent/report/path.py": 1,
    "agent/report/redact.py": 6,
    "agent/report/refusal.py": 2,
    "agent/report/saved.py": 2,
    "agent/report/secrets.py": 3,
    "agent/report/subjects.py": 1,
    "agent/report/words.py": 3,
    "agent/run/plan.py": 2,
    "agent/run/runner.py": 3,
    "agent/run/suspicion.py": 3,
    "agent/run/target_run.py": 2,
    "agent/runbooks/DNS015.md": 1,
    "agent/runbooks/DNS020.md": 1,
    "agent/runbooks/ENV017.md": 1,
    "agent/runbooks/IAM001.md": 1,
    "agent/settings.py": 10,
    "agent/simulated/certificates.py": 1,
    "agent/simulated/ec2.py": 1,
    "agent/simulated/estate.py": 5,
    "agent/simulated/network.py": 1,
    "agent/simulated/scenario.py": 12,
    "agent/simulated/scenario_files.py": 1,
    "agent/simulated/world.py": 2,
    "agent/tui/actions.py": 4,
    "agent/tui/app.py": 1,
    "agent/tui/copying.py": 1,
    "agent/tui/detail.py": 1,
    "agent/tui/following.py": 2,
    "agent/tui/hints.py": 1,
    "agent/tui/layout.py": 1,
    "agent/tui/lines.py": 1,
    "agent/tui/source.py": 1,
    "agent/tui/state.py": 6,
    "agent/tui/timeline.py": 1,
    "agent/tui/watching.py": 6,
    "agent/tui/widgets/pane.py": 2,
    "agent/watch/changes.py": 8,
    "agent/watch/config.py": 2,
    "agent/watch/listen.py": 3,
    "agent/watch/metrics.py": 3,
    "agent/watch/schedule.py": 3,
    "agent/watch/systemd.py": 1,
    "docs/audit.md": 1,
    "docs/ec2.md": 1,
    "docs/endpoints.md": 1,
    "docs/fleet-causes.md": 1,
    "docs/fleet-join.md": 1,
    "docs/fleet-lake.md": 2,
    "docs/predict.md": 2,
    "docs/settings.md": 1,
    "packaging/ansible/collection/plugins/module_utils/report.py": 1,
    "packaging/environment.sh": 1,
    "packaging/fleet/backuplink-check.yaml": 1,
    "packaging/generate/account.py": 1,
    "packaging/generate/docs.py": 2,
    "packaging/generate/estate.py": 3,
    "packaging/generate/manual.py": 1,
    "packaging/generate/rates.py": 2,
    "packaging/generate/regions.py": 1,
    "packaging/generate/screenshots.py": 1,
    "packaging/image/build": 1,
    "packaging/image/oci.py": 2,
    "packaging/live/acceptance.py": 4,
    "packaging/live/acceptance_cases.py": 3,
    "packaging/onefile/assemble.py": 2,
    "packaging/onefile/build": 1,
    "packaging/packages/build": 1,
    "packaging/packages/rpmlint.toml": 1,
    "packaging/repositories/build": 1,
    "packaging/tools/components.py": 7,
    "packaging/tools/inside_duckdb.py": 1,
    "packaging/tools/notes.py": 1,
    "packaging/tools/provenance.py": 2,
    "packaging/tools/sbom.py": 1,
    "tests/agent/app/test_audit.py": 2,
    "tests/agent/app/test_fleet_command.py": 1,
    "tests/agent/app/test_predict.py": 7,
    "tests/agent/app/test_publish.py": 2,
    "tests/agent/audit/test_collect_account.py": 4,
    "tests/agent/catalog/test_headline.py": 1,
    "tests/agent/catalog/test_known_texts.py": 1,
    "tests/agent/catalog/test_vpce.py": 4,
    "tests/agent/catalog/test_workloads.py": 1,
    "tests/agent/cli/test_options.py": 1,
    "tests/agent/documents/test_renderers.py": 1,
    "tests/agent/fixes/test_by_code.py": 1,
    "tests/agent/fixes/test_forms.py": 1,
    "tests/agent/fleet/test_answers.py": 2,
    "tests/agent/fleet/test_aws.py": 2,
    "tests/agent/fleet/test_estates.py": 1,
    "tests/agent/fleet/test_fleet_events.py": 1,
    "tests/agent/fleet/test_inventory.py": 2,
    "tests/agent/fleet/test_pack.py": 1,
    "tests/agent/fleet/test_parquet.py": 1,
    "tests/agent/fleet/test_put.py": 1,
    "tests/agent/fleet/test_reading.py": 2,
    "tests/agent/fleet/test_records.py": 7,
    "tests/agent/fleet/test_sharing.py": 2,
    "tests/agent/fleet/test_sweeps.py": 1,
    "tests/agent/history/entries.py": 3,
    "tests/agent/history/test_history_content.py": 1,
    "tests/agent/judge/rules/test_api.py": 1,
    "tests/agent/judge/rules/test_connect.py": 2,
    "tests/agent/judge/rules/test_host.py": 3,
    "tests/agent/judge/rules/test_http.py": 1,
    "tests/agent/judge/rules/test_iam.py": 3,
    "tests/agent/judge/rules/test_jobs.py": 1,
    "tests/agent/judge/rules/test_local.py": 2,
    "tests/agent/judge/rules/test_names.py": 8,
    "tests/agent/judge/rules/test_resolvers.py": 1,
    "tests/agent/judge/rules/test_run.py": 1,
    "tests/agent/judge/rules/test_tls.py": 5,
    "tests/agent/judge/rules/vpc/test_gateway_endpoints.py": 1,
    "tests/agent/judge/rules/vpc/test_inspect.py": 3,
    "tests/agent/judge/rules/vpc/test_names.py": 1,
    "tests/agent/judge/rules/vpc/test_paths.py": 3,
    "tests/agent/judge/test_diagnose.py": 4,
    "tests/agent/judge/test_evidence.py": 2,
    "tests/agent/judge/test_status_calls.py": 1,
    "tests/agent/judge/test_subjects.py": 1,
    "tests/agent/judge/test_verdict.py": 1,
    "tests/agent/network/policy_documents.py": 6,
    "tests/agent/network/slow_predict.py": 1,
    "tests/agent/network/test_endpoint_policy.py": 3,
    "tests/agent/network/test_transit.py": 1,
    "tests/agent/predict/test_assume.py": 8,
    "tests/agent/predict/test_minimal_plans.py": 1,
    "tests/agent/predict/test_plan_truths.py": 3,
    "tests/agent/predict/test_plan_variants.py": 1,
    "tests/agent/predict/test_plans.py": 11,
    "tests/agent/predict/test_prediction.py": 2,
    "tests/agent/report/test_diff.py": 5,
    "tests/agent/report/test_facts_file.py": 1,
    "tests/agent/report/test_host_record.py": 1,
    "tests/agent/report/test_redact.py": 6,
    "tests/agent/report/test_saved.py": 3,
    "tests/agent/run/test_plan.py": 2,
    "tests/agent/run/test_runner.py": 1,
    "tests/agent/run/test_suspicion.py": 3,
    "tests/agent/simulated/test_ec2.py": 2,
    "tests/agent/tui/test_export.py": 1,
    "tests/agent/watch/clients.py": 5,
    "tests/agent/watch/receiver.py": 2,
    "tests/agent/watch/test_watch_changes.py": 3,
    "tests/agent/watch/test_watch_listen.py": 2,
    "tests/agent/watch/test_watch_loop.py": 1,
    "tests/agent/watch/test_watch_required.py": 1,
    "tests/agent/watch/test_watch_words.py": 1,
    "tests/agent/watch/year.py": 1,
    "tests/bench/__main__.py": 1,
    "tests/bench/fleet.py": 1,
    "tests/bench/history.py": 1,
    "tests/bench/lakes.py": 3,
    "tests/bench/meter.py": 1,
    "tests/bench/screen.py": 1,
    "tests/bench/server.py": 2,
    "tests/bench/soak.py": 1,
    "tests/bench/spent.py": 3,
    "tests/bench/stall.py": 1,
    "tests/bench/start.py": 1,
    "tests/browser/test_pages.py": 1,
    "tests/formats/aws_requests.py": 1,
    "tests/formats/emf_events.py": 1,
    "tests/formats/host_record.py": 2,
    "tests/formats/readers.py": 1,
    "tests/formats/svg_picture.py": 1,
    "tests/formats/test_asff.py": 1,
    "tests/formats/test_explain.py": 1,
    "tests/formats/test_nagios.py": 1,
    "tests/formats/test_opsitem.py": 1,
    "tests/formats/test_prometheus.py": 1,
    "tests/golden/__init__.py": 1,
    "tests/hostile/fuzz/answers.py": 2,
    "tests/hostile/fuzz/commands.py": 2,
    "tests/hostile/fuzz/facts.py": 1,
    "tests/hostile/fuzz/histories.py": 1,
    "tests/hostile/fuzz/inventories.py": 2,
    "tests/hostile/fuzz/kinds.py": 1,
    "tests/hostile/fuzz/options.py": 1,
    "tests/hostile/fuzz/typed.py": 1,
    "tests/hostile/http-noise.toml": 1,
    "tests/hostile/patterns.py": 1,
    "tests/hostile/test_outside.py": 4,
    "tests/hostile/tls-noise.toml": 1,
    "tests/live/judging.py": 1,
    "tests/live/test_live.py": 2,
    "tests/mutants/__main__.py": 1,
    "tests/mutants/cosmic.py": 1,
    "tests/mutants/mutant.py": 1,
    "tests/mutants/run.py": 2,
    "tests/netns/filters.py": 2,
    "tests/netns/generated_networks.py": 1,
    "tests/netns/intruder.py": 1,
    "tests/netns/networks.py": 2,
    "tests/netns/peers.py": 2,
    "tests/netns/service_manager.py": 1,
    "tests/netns/shapes.py": 1,
    "tests/netns/test_units.py": 2,
    "tests/netns/vpc.py": 3,
    "tests/packaging/automation.py": 2,
    "tests/packaging/endpoints.py": 2,
    "tests/packaging/run_command.py": 2,
    "tests/packaging/standins.py": 1,
    "tests/packaging/terraform.py": 1,
    "tests/packaging/test_acceptance.py": 3,
    "tests/packaging/test_dashboards.py": 1,
    "tests/packaging/test_fleet.py": 4,
    "tests/packaging/test_image.py": 5,
    "tests/packaging/test_monitoring.py": 3,
    "tests/packaging/test_onefile.py": 3,
    "tests/packaging/test_packages.py": 3,
    "tests/packaging/test_repositories.py": 2,
    "tests/packaging/test_services.py": 1,
    "tests/packaging/test_sign.py": 1,
    "tests/packaging/test_trust.py": 1,
    "tests/peers/account.py": 5,
    "tests/peers/aws.py": 1,
    "tests/peers/page.py": 4,
    "tests/peers/setups.py": 2,
    "tests/peers/software.py": 2,
    "tests/peers/test_buckets.py": 3,
    "tests/peers/test_collectd.py": 4,
    "tests/peers/test_icinga.py": 6,
    "tests/peers/test_journal.py": 3,
    "tests/peers/test_junit_readers.py": 1,
    "tests/peers/test_middleboxes.py": 1,
    "tests/peers/test_monitors.py": 4,
    "tests/peers/test_name_servers.py": 1,
    "tests/peers/test_plugins.py": 1,
    "tests/peers/test_systems_manager.py": 4,
    "tests/probes/frozen_shapes.py": 3,
    "tests/probes/steps/test_api.py": 5,
    "tests/probes/steps/test_cancelled.py": 2,
    "tests/probes/steps/test_http.py": 1,
    "tests/probes/steps/test_imds.py": 5,
    "tests/probes/steps/test_jobs.py": 2,
    "tests/probes/steps/test_ladder.py": 1,
    "tests/probes/steps/test_proxy.py": 2,
    "tests/probes/steps/test_tls.py": 1,
    "tests/probes/system/test_as_botocore.py": 2,
    "tests/probes/system/test_host_files.py": 1,
    "tests/probes/system/test_lowest_boto3.py": 1,
    "tests/probes/system/test_netlink.py": 1,
    "tests/probes/system/test_reader.py": 1,
    "tests/probes/system/test_runs_as.py": 1,
    "tests/probes/system/test_system.py": 3,
    "tests/probes/test_aws_errors.py": 1,
    "tests/probes/test_frozen.py": 2,
    "tests/probes/test_window.py": 1,
    "tests/probes/vpc/test_reads.py": 3,
    "tests/process/bad_inputs.py": 60,
    "tests/process/failing_disk.py": 2,
    "tests/process/on_failing_disk.py": 1,
    "tests/process/signalled.py": 2,
    "tests/process/terminals.py": 2,
    "tests/process/test_failing_disk.py": 1,
    "tests/process/test_interrupted.py": 3,
    "tests/process/test_kills.py": 1,
    "tests/process/test_output.py": 1,
    "tests/process/test_resources.py": 1,
    "tests/process/test_secrets.py": 1,
    "tests/process/test_streams.py": 1,
    "tests/process/test_terminal.py": 4,
    "tests/scenarios/catalogue.py": 4,
    "tests/scenarios/test_no_wrong_ok.py": 1,
    "tests/scenarios/test_other_services.py": 3,
    "tests/scenarios/test_partitions.py": 1,
    "tests/scenarios/test_scenarios.py": 3,
    "tests/scenarios/test_two_services.py": 1,
    "tests/scenarios/workload_faults.py": 1,
    "tests/support/build.py": 1,
    "tests/support/calls.py": 1,
    "tests/support/cloudformation.py": 2,
    "tests/support/configured.py": 1,
    "tests/support/fakes.py": 2,
    "tests/support/large_account.py": 1,
    "tests/support/many_services.py": 1,
    "tests/support/moto_server.py": 1,
    "tests/support/recipe.py": 1,
    "tests/support/scenarios.py": 1,
    "tests/test_dev.py": 1,
    "tests/test_tracked.py": 1,
}
"""Number of faults that a file may still have, by its path. It may only shrink."""

_MARGIN: Final = re.compile(r"^[ \t]*(?:#|--|//|>)*[ \t]*", re.MULTILINE)
"""What stands before the text of a comment or a quotation on each of its lines."""


class Piece(NamedTuple):
    """A text that somebody reads, with the number of its first line."""

    line: int
    text: str
    is_docstring: bool = False


class Fault(NamedTuple):
    """A text that must be written otherwise, and why."""

    path: str
    line: int
    why: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}: {self.text}"


def faults(path: str, content: str) -> list[Fault]:
    """What is wrong with the words of a file, in the order of its lines."""
    found = []
    for piece in _pieces_of_python(content) if path.endswith(".py") else [Piece(1, content)]:
        if piece.is_docstring and (why := _weakness(piece.text)) is not None:
            found.append(Fault(path, piece.line, why, piece.text))
        found += (Fault(path, piece.line + line, why, text) for line, why, text in _phrases(piece.text))
    return sorted(found, key=lambda fault: fault.line)


def _weakness(docstring: str) -> str | None:
    """Why a docstring says too little, or None if it does not."""
    if len(docstring.split()) < LEAST:
        return f"a docstring of fewer than {LEAST} words"
    if (opening := LEANING.match(docstring.lstrip())) is not None:
        return f"a docstring that begins with '{opening[0]}' leans on another text"
    return None


def _phrases(text: str) -> Iterator[tuple[int, str, str]]:
    """Every phrase in a text: the number of lines before it, what to write instead, and the phrase itself."""
    text = _MARGIN.sub("", text)
    flat = re.sub(r"\s", " ", text)  # offsets stay; a line's margin is gone, so words are one space apart
    for why, pattern in PHRASES.items():
        for match in pattern.finditer(flat):
            yield text.count("\n", 0, match.start()), why, flat[max(0, match.start() - 30) : match.end() + 30].strip()


def _pieces_of_python(source: str) -> Iterator[Piece]:
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text)) as constant):
                docstrings.add(constant)
                yield Piece(node.lineno, text, is_docstring=True)
    parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                texts = [str(part.value) if isinstance(part, ast.Constant) else "{}" for part in values]
                yield Piece(node.lineno, "".join(texts))
            case ast.Constant(value=str(text)) if node not in docstrings and node not in parts:
                yield Piece(node.lineno, text)
    yield from _comments(source)


def _comments(source: str) -> Iterator[Piece]:
    """The comments of a source; those on lines that follow each other are one piece."""
    last, lines, first = 0, list[str](), 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != last + 1:
            yield Piece(first, "\n".join(lines))
            lines, first = [], token.start[0]
        lines.append(token.string)
        last = token.start[0]
    yield Piece(first, "\n".join(lines))


def written_here(paths: Iterable[str], root: Path) -> list[str]:
    """The paths of texts that somebody wrote: neither generated, nor this check itself."""
    asked = git(root, "check-attr", "-z", "--stdin", "linguist-generated", given="\0".join(paths))
    fields = asked.split("\0")
    generated = {path for path, value in zip(fields[::3], fields[2::3], strict=False) if value == "set"}
    return [path for path in paths if path not in generated | OWN]


def main() -> int:
    """Print every fault in a file that has more than it may. Returns 1 if there is one, otherwise 0."""
    failed = 0
    for path in written_here(tracked(ROOT), ROOT):
        found = faults(path, (ROOT / path).read_text("utf-8"))
        if len(found) > EXCEPTIONS.get(path, 0):
            failed = 1
            print(*found, sep="\n", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
