"""moto's server as the AWS of one account: `python account.py ADDRESS ISSUER KEY_ID SECRET_KEY POLICY NAME...`

It serves https at ADDRESS with a certificate of ISSUER (`agent.simulated.certificates`) for the names, and answers as
AWS would a user with that key and that policy (IAM, in JSON): whose signature does not match, or who may not call, is
refused.
"""

import json
import logging
import sys
from threading import Thread
from typing import Final

import boto3.session
from botocore.awsrequest import AWSRequest
from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam import access_control
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from agent.simulated.certificates import server_context

_USER: Final = "operator"
_PORT: Final = 443


class _Request(access_control.IAMRequest):
    """A request whose signature is checked over what was sent: moto takes the parameters of GET for a body, too."""

    def _create_aws_request(self) -> AWSRequest:
        if self._method == "GET":
            self._data = {}
        return super()._create_aws_request()


def main() -> None:
    address, issuer, key_id, secret_key, policy, *names = sys.argv[1:]
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    app = DomainDispatcherApplication(create_backend_app)
    plain = make_server("127.0.0.1", 0, app, threaded=True)
    Thread(target=plain.serve_forever, daemon=True).start()
    session = boto3.session.Session("any", "any", region_name="eu-west-1")
    url = f"http://127.0.0.1:{plain.server_port}"
    iam = session.client("iam", endpoint_url=url)
    iam.create_user(UserName=_USER)
    iam.put_user_policy(UserName=_USER, PolicyName="own", PolicyDocument=json.dumps(json.loads(policy)))
    iam.create_access_key(UserName=_USER)
    (key,) = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].users[_USER].access_keys
    key.access_key_id, key.secret_access_key = key_id, secret_key
    session.client("backup", endpoint_url=url).create_backup_vault(BackupVaultName="vault")
    plain.shutdown()
    access_control.IAMRequest = _Request  # type: ignore[misc] # a class of a library
    ActionAuthenticatorMixin.set_initial_no_auth_action_count(0)(_serve)(address, issuer, tuple(names), app)


def _serve(address: str, issuer: str, names: tuple[str, ...], app: DomainDispatcherApplication) -> None:
    context = server_context(issuer, names)
    make_server(address, _PORT, app, threaded=True, ssl_context=context).serve_forever()


if __name__ == "__main__":
    main()
