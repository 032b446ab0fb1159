# SPDX-License-Identifier: Apache-2.0
"""What must be true of a service that was killed and started again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nova_trusted_launch.client.trust import Verifier
from nova_trusted_launch.wire.receipts import (
    Checkpoint, leaf_hash, verify_consistency, verify_inclusion)
from tests.fixtures.served import Server
from tests.crash.story import Ledger, Spent
from tests.fixtures.host import good

_FETCHED = 100


@dataclass(slots=True)
class Count:
    """What was seen so far."""

    kills: int = 0
    #: Things that may be done once, answered and not, tried again.
    replays: int = 0
    #: Those among them that had no answer and had not been done.
    done_late: int = 0
    releases: int = 0
    #: Releases whose answer was lost though they had been granted.
    granted_unheard: int = 0
    stopped_at: dict[str, int] = field(default_factory=dict)


class Auditor:
    """Holds the service to what hosts wrote down before it was killed."""

    def __init__(self, server: Server, count: Count) -> None:
        self._server, self.count = server, count
        self._results = 0
        self._seen = Checkpoint("", 0, b"", None)  # type: ignore[arg-type]

    def audit(self, ledgers: list[Ledger]) -> None:
        """Check everything; an AssertionError says what is not so."""
        self.count.kills += 1
        self._verifier = Verifier(self._get("/v1/jwks"))
        self._hosts(ledgers)
        self._nonces(ledgers)
        self._log(ledgers)

    def _get(self, path: str) -> Any:
        return good(self._server.ask("admin", "GET", path))

    def _hosts(self, ledgers: list[Ledger]) -> None:
        """Whoever was told that it is enrolled, or approved, is."""
        for ledger in ledgers:
            if ledger.attester_id:
                found = self._get(
                    f"/v1/attesters/{ledger.host}")["attester"]
                assert found["id"] == ledger.attester_id
                assert found["state"] == "approved" or not ledger.approved

    def _nonces(self, ledgers: list[Ledger]) -> None:
        """What was spent stays spent, whether or not an answer came.

        Each piece of evidence that is believed leaves one result, so the
        number of results tells how many of those without an answer had been
        done: only the others may be done now, and each of them once.
        """
        for ledger in ledgers:
            for spent in ledger.once:
                if spent.answer is not None:
                    assert not self._again(spent), spent.path
                else:
                    self._stopped(spent)
        judged = [s for ledger in ledgers for s in ledger.judged]
        unheard = [s for s in judged if s.answer is None]
        done = (self._sequence() - self._results
                - (len(judged) - len(unheard)))
        assert 0 <= done <= len(unheard), "results lost or made twice"
        late = sum(self._again(spent) for spent in unheard)
        assert late <= len(unheard) - done, "a spent nonce was accepted"
        for ledger in ledgers:
            for spent in ledger.once:
                if spent.answer is None:
                    self._again(spent)
                    assert not self._again(spent), spent.path
        self.count.done_late += late
        self._results += len(judged) - len(unheard) + done + late
        assert self._sequence() == self._results

    def _again(self, spent: Spent) -> bool:
        """Send it once more; say whether it was accepted."""
        self.count.replays += 1
        answer = self._server.ask("agent", "POST", spent.path, spent.body)
        assert answer.ok or 400 <= answer.status_code < 500, answer.text
        return answer.ok

    def _stopped(self, spent: Spent) -> None:
        where = ("enrolment" if "attesters" in spent.path else
                 "release" if "releases" in spent.path else "attestation")
        self.count.stopped_at[where] = self.count.stopped_at.get(where, 0) + 1
        if where == "release":
            release = self._get(spent.path.removesuffix("/evidence"))
            if release["release"]["state"] == "granted":
                self.count.granted_unheard += 1

    def _sequence(self) -> int:
        return self._verifier.snapshot(
            self._get("/v1/results/snapshot")["snapshot"]).sequence

    def _log(self, ledgers: list[Ledger]) -> None:
        """Every receipt that anyone has, or that a release names, is in it."""
        now = self._checkpoint(self._get("/v1/log/checkpoint")["checkpoint"])
        for ledger in ledgers:
            for token in ledger.checkpoints:
                self._grown(self._checkpoint(token), now)
            for answer in ledger.released:
                assert self._receipt(answer["log_index"], now) == (
                    answer["release_id"], answer["receipt"])
        self._grown(self._seen, now)
        granted = {r["log_index"]: r["id"] for r in self._granted(now)}
        logged = {index: self._receipt(index, now)[0]
                  for index in range(self._seen.size, now.size)}
        assert granted == logged, "a release without receipt, or without one"
        self.count.releases += len(granted)
        self._seen = now

    def _granted(self, now: Checkpoint) -> list[dict[str, Any]]:
        """Fetch the releases granted since the last audit."""
        found, marker = [], ""
        while True:
            page = self._get(f"/v1/releases?state=granted&limit={_FETCHED}"
                             + (f"&marker={marker}" if marker else ""))
            new = [r for r in page["releases"]
                   if r["log_index"] >= self._seen.size]
            found += new
            marker = page["next"]
            if not marker or not new:
                return found

    def _receipt(self, index: int, now: Checkpoint) -> tuple[str, str]:
        """Fetch a receipt with its proof; return whose it is, and itself."""
        stored = self._get(f"/v1/receipts/{index}")["receipt"]
        proof = self._get(
            f"/v1/log/inclusion?index={index}&size={now.size}")
        leaf = leaf_hash(stored["receipt"])
        assert proof["leaf"] == leaf.hex()
        verify_inclusion(leaf, index, now.size,
                         [bytes.fromhex(n) for n in proof["path"]], now.root)
        receipt = self._verifier.receipt(stored["receipt"])
        assert receipt.release_id == stored["release_id"]
        return stored["release_id"], stored["receipt"]

    def _checkpoint(self, token: str) -> Checkpoint:
        return self._verifier.checkpoint(token)

    def _grown(self, old: Checkpoint, new: Checkpoint) -> None:
        if old.size == 0:
            return
        proof = self._get(
            f"/v1/log/consistency?first={old.size}&second={new.size}")
        verify_consistency(old.size, old.root, new.size, new.root,
                           [bytes.fromhex(n) for n in proof["path"]])
