"""Builds scenarios with secrets in them."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from agent.simulated.scenario import Scenario, TcpPart
from probes.model import Address
from probes.steps.imds import ECS
from tests.support.planted import KEY_ID, SECRETS

PROXY: Final = f"http://{SECRETS['proxy user']}:{SECRETS['proxy password']}@10.0.9.90:3128"
PROXY_ADDRESS: Final[Address] = ip_address("10.0.9.90")


def planted(scenario: Scenario, *, case: Callable[[str], str]) -> Scenario:
    """The scenario with a secret in every place that can contain one. `case` converts the names of proxy variables to
    upper or lower case.
    """
    user, password = SECRETS["endpoint user"], SECRETS["endpoint password"]
    kept = {name: value for name, value in scenario.host.environment.items() if not name.lower().endswith("_proxy")}
    hosts = {
        name: scenario.sdk.endpoint_urls.get(name, f"https://{name}.{scenario.run.region or 'eu-west-1'}.amazonaws.com")
        for name in ("backup", "backup-gateway")
    }
    return replace(
        scenario,
        host=replace(
            scenario.host,
            environment={
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://me:{SECRETS['metadata password']}@169.254.169.254/",
                **kept,
                **{case(f"{scheme}_proxy"): PROXY for scheme in ("http", "https", "all")},
                "AWS_ACCESS_KEY_ID": KEY_ID,
                "AWS_SECRET_ACCESS_KEY": SECRETS["secret key"],
                "AWS_SESSION_TOKEN": SECRETS["session token"],
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"/v2/{SECRETS['container path']}",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://169.254.170.23/v1/?id={SECRETS['container query']}",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": SECRETS["container authorization"],
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"/var/run/{SECRETS['container authorization']}",
                "AWS_WEB_IDENTITY_TOKEN_FILE": f"/var/run/{SECRETS['web identity']}",
                "AWS_ENDPOINT_URL": f"https://{user}:{password}@backup.eu-west-1.amazonaws.com",
            },
        ),
        sdk=replace(
            scenario.sdk,
            endpoint_urls={name: url.replace("://", f"://{user}:{password}@", 1) for name, url in hosts.items()},
        ),
        credentials=replace(
            scenario.credentials,
            access_key_id=KEY_ID,
            secret_key=SECRETS["secret key"],
            token=SECRETS["session token"],
        ),
        tcp=(
            TcpPart(addresses=(PROXY_ADDRESS,), ports=(3128,), speaks="proxy", connect_status=407),
            TcpPart(addresses=(ECS,), ports=(80,), speaks="plain"),
            *scenario.tcp,
        ),
    )
