"""What opens the views of applications: credentials, tokens, and clients that carry them."""

import json
from base64 import b64encode
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from typing import Any

from bench.client import Client
from bench.place import BY, District, an_integration
from bench.serving import Serving


@dataclass(frozen=True)
class Application:
    """The credential of one application in one district, and the number of its view."""

    district: District
    view: int
    client_id: str
    client_secret: str

    def token(self, server: Serving) -> str:
        """By the endpoint that applications use."""
        connection = HTTPConnection("127.0.0.1", server.port)
        basic = b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/oauth/token", "grant_type=client_credentials", headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return str(answer["access_token"])

    def client(self, server: Serving) -> Client:
        return Client(server.port, {"Authorization": f"Bearer {self.token(server)}", "Accept": "application/json"})


def known(district: District) -> Application:
    """The application that the district names, with a credential of its own."""
    from schoolpassport.kit import clock  # noqa: PLC0415 (Django is set up by now)
    from schoolpassport.partners import actions as partners  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.sharing.models import View  # noqa: PLC0415 (not before Django is set up)
    from schoolpassport.tenancy import scope  # noqa: PLC0415 (not before Django is set up)

    credential = partners.issue_credential(
        district_id=district.id, integration_id=district.integration_id, by=BY, now=clock.now()
    )
    with scope.inside(district.id):
        view = View.objects.get(district_id=district.id, integration_id=district.integration_id).number
    return Application(
        district=district, view=view, client_id=credential.client_id, client_secret=credential.client_secret
    )


def another(district: District, *, shield: int = 0) -> Application:
    """Another application of the district, which may see everything, behind a level of Privacy Shield."""
    return known(replace(district, integration_id=an_integration(district.id, shield=shield)))
