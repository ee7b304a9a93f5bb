"""The parts of a session that botocore needs for its settings and its chain of credentials, without the cost of a whole
session.

`botocore.session` imports clients, handlers, waiters and the writer of their documentation, which takes a tenth of the
CPU of a whole check, although a check makes no client. SdkSession therefore has only what botocore's own configuration
store, providers and chain need. For everything else, above all a client of STS or SSO, a real session with the same
variables is made on demand. botocore still decides which setting and which source of credentials applies; a test
compares every setting and source with the real session.
"""

import os
from functools import cached_property
from typing import Any


def region_and_fips(name: str) -> tuple[str, bool]:
    """Return the Region in a name, and whether the name requests FIPS: fips-us-east-1 and us-east-1-fips are older ways
    to request FIPS (botocore, ClientCreator._normalize_fips_region)."""
    region = name.replace("fips-", "").replace("-fips", "")
    return region, region != name


class SdkSession:
    """Replaces `botocore.session.Session(profile=profile)`, with the same names and errors. Attributes that are not
    defined here come from a real session. Not thread-safe. Imports botocore without its clients, which is slow: make it
    in a thread."""

    def __init__(self, profile: str | None) -> None:
        from botocore.configprovider import ConfigValueStore, create_botocore_default_config_mapping

        self._variables: dict[str, object] = {} if profile is None else {"profile": profile}
        self._store = ConfigValueStore(mapping=create_botocore_default_config_mapping(self))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @cached_property
    def _real(self) -> Any:
        import botocore.session

        session = botocore.session.Session()
        for name, value in self._variables.items():
            session.set_config_variable(name, value)
        return session

    def create_client(self, *args: Any, **options: Any) -> Any:
        return self._real.create_client(*args, **options)  # the chain takes this method long before it calls the method

    @property
    def profile(self) -> Any:
        return self.get_config_variable("profile")

    def get_config_variable(self, logical_name: str) -> Any:
        return self._store.get_config_variable(logical_name)

    def set_config_variable(self, logical_name: str, value: object) -> None:
        self._variables[logical_name] = value

    def instance_variables(self) -> dict[str, object]:
        return dict(self._variables)

    @cached_property
    def full_config(self) -> Any:
        """Return the parsed config file; profiles of the credentials file are added and override it. Only this method
        and the next one repeat logic of the real session."""
        from botocore.configloader import load_config, raw_config_parse
        from botocore.exceptions import ConfigNotFound

        try:
            config = load_config(self.get_config_variable("config_file"))
        except ConfigNotFound:
            config = {"profiles": {}}
        try:
            credentials = raw_config_parse(self.get_config_variable("credentials_file"))
        except ConfigNotFound:
            credentials = {}
        for profile, values in credentials.items():
            config["profiles"].setdefault(profile, {}).update(values)
        return config

    def get_scoped_config(self) -> Any:
        from botocore.exceptions import ProfileNotFound

        profiles, profile = self.full_config["profiles"], self.profile
        if profile is not None and profile not in profiles:
            raise ProfileNotFound(profile=profile)
        return profiles.get("default" if profile is None else profile, {})

    def configured_url(self, service: str) -> Any:
        """Return the URL that a variable or a profile sets for a service, by boto3's name of the service. None if no
        URL is set, or a setting says to ignore it."""
        from botocore.configprovider import ConfiguredEndpointProvider

        if self.get_config_variable("ignore_configured_endpoint_urls"):
            return None
        # This is private to botocore, but nothing else reads AWS_ENDPOINT_URL* exactly as botocore does.
        return ConfiguredEndpointProvider(self.full_config, self.get_scoped_config(), service, os.environ).provide()

    def user_agent(self) -> str:
        """Return the user agent for requests to metadata. Some servers in place of metadata only answer SDKs, which
        they recognise by the user agent."""
        import platform

        import botocore
        from botocore.compat import HAS_CRT

        if HAS_CRT:
            return str(self._real.user_agent())
        base = f"Botocore/{botocore.__version__} Python/{platform.python_version()}"
        where = os.environ.get("AWS_EXECUTION_ENV")
        return f"{base} {platform.system()}/{platform.release()}" + ("" if where is None else f" exec-env/{where}")
