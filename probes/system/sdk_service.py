"""What the SDK knows of a service: where it is, what a request to it looks like, and what an answer says.

These are botocore's own models, endpoint rules, serialisers, signer, parsers and retry rules, without its clients: to
import those and to create one for each service costs more than all that is asked of them, and they bring connections,
TLS and proxies of their own. How a client puts these parts together is repeated here, and a test holds every request,
answer and retry against botocore's client. The models hold only the operations that are read
(`probes.system.service_models`).
"""

import uuid
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from probes.seams import Keys
from probes.steps.http import Response
from probes.system.sdk_session import SdkSession, region_and_fips

ATTEMPTS: Final = 2
"""Of a request, the first among them."""
_SCHEMES: Final = ("http", "https")


class SdkServices:
    """The services of one Region, as the SDK's settings for `profile` have them, asked with `keys`.

    Creating it, and a service of it, imports parts of botocore and reads files: slow, do it in a thread. Not
    thread-safe. Raises what botocore raises for settings that it refuses: BotoCoreError, ValueError, TypeError,
    AttributeError.
    """

    def __init__(self, keys: Keys, *, region: str, profile: str | None) -> None:
        from botocore.config import Config
        from botocore.credentials import Credentials
        from botocore.useragent import UserAgentString

        from probes.system.service_models import ReadsLoader

        session = self.session = SdkSession(profile)
        self.region, is_fips = region_and_fips(region)
        # As the rules of endpoints name them.
        self.variants = {
            "UseFIPS": is_fips or bool(session.get_config_variable("use_fips_endpoint")),
            "UseDualStack": bool(session.get_config_variable("use_dualstack_endpoint")),
        }
        self.ca_bundle = session.get_config_variable("ca_bundle")
        """The roots that the SDK is set to; None where it takes its own."""
        if not isinstance(self.ca_bundle, str | None):
            raise TypeError("ca_bundle is no text")
        self.loader: Any = ReadsLoader(session.get_config_variable("data_path"))
        self.partitions = self.loader.load_data("partitions")
        self.endpoints, path = self.loader.load_data_with_path("endpoints")
        self.has_own_list = not self.loader.is_builtin_path(path)
        """Whether the user has a list of Regions and endpoints that takes the place of the SDK's."""
        self.credentials = Credentials(keys.access_key_id, keys.secret_key, keys.token)
        config = Config(
            user_agent_extra="backuplink",
            user_agent_appid=session.get_config_variable("user_agent_appid"),
            retries={"mode": "standard"},
        )
        self.user_agent = UserAgentString.from_environment().with_client_config(config).to_string()

    def service(self, name: str) -> "SdkService":
        """A service by boto3's name of it."""
        return SdkService(self, name)


class SdkService:
    """One service: where it is (`scheme`, `host`, `port`), what proxy is on the way, and how it is asked."""

    def __init__(self, services: SdkServices, name: str) -> None:
        from botocore.auth import SigV4Auth
        from botocore.endpoint_provider import EndpointProvider
        from botocore.httpsession import ProxyConfiguration
        from botocore.model import ServiceModel
        from botocore.parsers import create_parser
        from botocore.serialize import create_serializer
        from botocore.utils import get_environ_proxies, is_valid_endpoint_url, is_valid_ipv6_endpoint_url

        loader, region = services.loader, services.region
        version = services.session.get_config_variable("api_versions").get(name)
        self.model: Any = ServiceModel(loader.load_service_model(name, "service-2", version), name)
        self.serializer: Any = create_serializer(self.model.resolved_protocol)
        self.parser: Any = create_parser(self.model.resolved_protocol)
        self.user_agent = services.user_agent

        signing_name, signing_region = self.model.signing_name, region
        configured = services.session.configured_url(name)
        if services.has_own_list or any(services.variants.values()):
            found = _by_list(services, self.model, configured)
            signing_name, signing_region = found["signing_name"], found["signing_region"]
            configured = found["endpoint_url"] if services.has_own_list else configured
        where = services.variants if configured is None else {"Endpoint": configured}
        rules = EndpointProvider(loader.load_service_model(name, "endpoint-rule-set-1", version), services.partitions)
        endpoint = rules.resolve_endpoint(Region=region, **where)
        for scheme in endpoint.properties.get("authSchemes", ())[:1]:
            signing_name = scheme.get("signingName", signing_name)
            signing_region = scheme.get("signingRegion", signing_region)
        self.signer: Any = SigV4Auth(services.credentials, signing_name, signing_region)

        self.url: str = endpoint.url
        parts = urlsplit(self.url)
        is_url = is_valid_endpoint_url(self.url) or is_valid_ipv6_endpoint_url(self.url)
        if not is_url or parts.scheme not in _SCHEMES or not parts.hostname:
            raise ValueError("not the URL of an endpoint")
        self.scheme = parts.scheme
        self.host = parts.hostname
        default_port = 443 if self.scheme == "https" else 80
        self.port = parts.port or default_port
        name_in_url = f"[{self.host}]" if ":" in self.host else self.host
        self.authority = name_in_url if self.port == default_port else f"{name_in_url}:{self.port}"
        """What the Host header of a request says."""
        proxies = ProxyConfiguration(get_environ_proxies(self.url))
        self.proxy: str | None = proxies.proxy_url_for(self.url)
        """URL of the proxy on the way, with its secrets; None without a proxy."""
        self.proxy_headers: Mapping[str, str] = {} if self.proxy is None else proxies.proxy_headers_for(self.proxy)

    def call(self, operation: str, parameters: Mapping[str, Any]) -> "SdkCall":
        """A call. Raises botocore's ParamValidationError for what the model does not know."""
        return SdkCall(self, operation, parameters)


class SdkCall:
    """One request to a service, with its attempts."""

    def __init__(self, service: SdkService, operation: str, parameters: Mapping[str, Any]) -> None:
        from botocore.awsrequest import prepare_request_dict

        self._service = service
        self._operation: Any = service.model.operation_model(operation)
        self._request = service.serializer.serialize_to_request(dict(parameters), self._operation)
        prepare_request_dict(self._request, service.url, user_agent=service.user_agent)
        self._id = str(uuid.uuid4())
        self._attempt = 0

    def next_request(self) -> Any:
        """The request of the next attempt, signed now, as botocore prepares it (AWSPreparedRequest)."""
        from botocore.awsrequest import create_request_object

        self._attempt += 1
        request = create_request_object(self._request)
        self._service.signer.add_auth(request)
        request.headers["amz-sdk-invocation-id"] = self._id
        request.headers["amz-sdk-request"] = f"attempt={self._attempt}; max={ATTEMPTS}"
        return request.prepare()

    def parsed(self, response: Response) -> dict[str, Any]:
        """What an answer says in boto3's form, be it an error. Raises whatever bytes that are not as the model says
        cause in botocore's parsers."""
        from botocore.awsrequest import HeadersDict

        given = {
            "headers": HeadersDict(response.headers),
            "status_code": response.status,
            "body": response.body,
            "context": {"operation_name": self._operation.name},
        }
        answer: dict[str, Any] = self._service.parser.parse(given, self._operation.output_shape)
        answer["ResponseMetadata"]["RetryAttempts"] = self._attempt - 1
        return answer

    def delay_after(self, response: Response, answer: Mapping[str, Any]) -> float | None:
        """Seconds to wait before another attempt, after a response and what it says; None where the SDK, in its mode
        `standard`, makes none."""
        if response.status < 300:
            return None
        told = SimpleNamespace(status_code=response.status, headers=dict(response.headers))
        return self._delay(http_response=told, parsed_response=answer)

    def delay_without_answer(self, error: Exception) -> float | None:
        """The same after an attempt that was not answered."""
        from botocore.exceptions import HTTPClientError

        return self._delay(caught_exception=HTTPClientError(error=error))

    def _delay(self, **outcome: Any) -> float | None:
        from botocore.retries import standard

        context = standard.RetryContext(self._attempt, self._operation, **outcome)
        if not standard.StandardRetryConditions(ATTEMPTS).is_retryable(context):
            return None
        detector = standard.ThrottlingErrorDetector(standard.RetryEventAdapter())
        delay: float = standard.ExponentialBackoff(throttling_detector=detector).delay_amount(context)
        return delay


def _by_list(services: SdkServices, model: Any, configured: str | None) -> Mapping[str, Any]:
    """Where a service is by the list of endpoints, which botocore asks before its rules: it is the list that refuses
    FIPS or dual stack to a partition, and one of the user's own outranks the rules. Slow to import, and needed for
    these two alone."""
    from botocore.client import ClientEndpointBridge
    from botocore.config import Config
    from botocore.regions import EndpointResolver

    variants = services.variants
    bridge = ClientEndpointBridge(
        EndpointResolver(services.endpoints),
        client_config=Config(use_fips_endpoint=variants["UseFIPS"], use_dualstack_endpoint=variants["UseDualStack"]),
        service_signing_name=model.metadata.get("signingName"),
        service_signature_version="v4",
    )
    found: Mapping[str, Any] = bridge.resolve(model.endpoint_prefix, services.region, configured)
    return found
