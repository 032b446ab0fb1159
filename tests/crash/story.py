# SPDX-License-Identifier: Apache-2.0
"""A host that enrols, attests and gets keys, until the service is gone.

It writes down what it sent before it sends it, and what came back once it
did: the ledger is what the service must answer for after the crash.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.fixtures.served import Server
from tests.fakes.tpm import FakeTpm
from tests.fixtures.host import Host, good


@dataclass(slots=True)
class Spent:
    """What may be sent once: a path, its body, and what came back."""

    path: str
    body: Any
    answer: Any = None


@dataclass(slots=True)
class Ledger:
    """What one host did."""

    host: str
    attester_id: str = ""
    approved: bool = False
    once: list[Spent] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)

    @property
    def released(self) -> list[dict[str, Any]]:
        """Answers that gave a key away."""
        return [s.answer for s in self.once
                if s.answer is not None and "receipt" in s.answer]

    @property
    def judged(self) -> list[Spent]:
        """What was sent as evidence; each leaves one result."""
        return [s for s in self.once if s.path.endswith("evidence")]


class Story(threading.Thread):
    """One host, from enrolment on; ends when nobody answers any more."""

    def __init__(self, server: Server, name: str, *, key_id: str,
                 tpm: FakeTpm) -> None:
        super().__init__()
        self.server, self.key_id = server, key_id
        self.ledger = Ledger(name)
        self.failed: BaseException | None = None
        self._client = requests.Session()
        self._client.trust_env = False
        self._host = Host(self, name, tpm=tpm)  # type: ignore[arg-type]

    @property
    def ca(self) -> Any:
        """Whose TPMs are believed in."""
        return self.server.ca

    def ask(self, who: str, method: str, path: str, body: Any = None
            ) -> requests.Response:
        """Send a request; Host speaks through this."""
        return self.server.ask(who, method, path, body, client=self._client)

    def run(self) -> None:
        """Go on until the service is killed."""
        try:
            self._enrol()
            for number in itertools.count():
                self._attest()
                self._release(f"{self.ledger.host}-{number}")
        except requests.RequestException:
            pass
        except BaseException as exc:  # noqa: BLE001 - told by whoever joins
            self.failed = exc
        finally:
            self._client.close()

    def _once(self, path: str, body: Any, status: int) -> Any:
        spent = Spent(path, body)
        self.ledger.once.append(spent)
        spent.answer = good(self.ask("agent", "POST", path, body), status)
        return spent.answer

    def _enrol(self) -> None:
        host = self._host
        begun = good(self.ask("agent", "POST", "/v1/attesters",
                              host.claim().to_dict()), 201)
        made = self._once("/v1/attesters/activate", host.activation(begun),
                          201)
        host.attester_id = self.ledger.attester_id = made["attester"]["id"]
        good(self.ask("admin", "POST",
                      f"/v1/attesters/{host.name}/approve", {}))
        self.ledger.approved = True

    def _attest(self) -> None:
        evidence = self._host.evidence(self._host.challenge())
        self._once("/v1/evidence", evidence.to_dict(), 201)

    def _release(self, instance: str) -> None:
        host = self._host
        request = host.request(str(uuid.uuid5(uuid.NAMESPACE_OID, instance)),
                               key_id=self.key_id, image_id="image-1")
        self.server.nova.server(request.instance_id, host.name,
                                image="image-1", project="p1")
        release_id, challenge = host.open(request)
        evidence = host.evidence(challenge, request.binding(challenge.nonce))
        self._once(f"/v1/releases/{release_id}/evidence", evidence.to_dict(),
                   200)
        self.ledger.checkpoints.append(good(self.ask(
            "member", "GET", "/v1/log/checkpoint"))["checkpoint"])
