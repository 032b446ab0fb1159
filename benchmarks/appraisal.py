# SPDX-License-Identifier: Apache-2.0
"""Appraising a host's evidence, on one core: we, Keylime, and the limit.

The evidence is that of captured hosts.  *cold* is a service that has never
seen anything like it; *fleet* is one that has judged a host like it before
and remembers what it had to compute.  The limit is hashing what has to be
hashed, and verifying the signature, and nothing else.

Seconds are those of the processor, children's too (Keylime runs
tpm2_eventlog), so that neighbours do not count; the best turn is taken.
Our lists are binary, as agents send them; Keylime's are ASCII, as its agents
send them.  What both keep (a loaded key, a compiled profile) is made before.

    python -m benchmarks.appraisal [--rounds N] [--without-growth]

Keylime is asked when NTL_KEYLIME_PYTHON names the Python of its environment.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import functools
import hashlib
import os
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from attestation_service.core.appraise import appraise
from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.facts import LogSettings, extract
from attestation_service.core.ima import log as ima_log
from attestation_service.core.policy import document
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.core.policy.draft import draft
from attestation_service.core.tpm.attestation_key import load_attestation_key
from attestation_service.core.tpm.structures import untpm2b
from attestation_service.core.verify import (
    VerifiedEvidence,
    verify_evidence,
)
from attestation_service.flows.settings import log_settings
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.results import TrustTier
from benchmarks import appraisal_growth
from benchmarks.appraisal_rates import Keylime, Table
from tests.fakes import logs

NONCE = bytes.fromhex("00112233445566778899aabbccddeeff" * 2)
NOW = datetime.datetime.now(datetime.UTC)
LONG = 10_000
Turn = Callable[[], Any]


def nothing_known() -> LogSettings:
    """Return the settings of a service that remembers nothing."""
    return LogSettings(boot_memos={})


@dataclass(frozen=True, slots=True)
class Captured:
    """A host's evidence, and a profile that was drafted from it."""

    folder: pathlib.Path
    evidence: Evidence
    challenge: Challenge
    ak: Any
    profile: AppraisalPolicy

    @classmethod
    def load(cls, name: str) -> Captured:
        """Read a captured host."""
        folder = logs.VECTORS / "hosts" / name
        read = {f: (folder / f).read_bytes() for f in (
            "quote.attest", "quote.sig", "bios_measurements",
            "ak.tpm2b_public")}
        pcrs = logs.pcrs_of(name).only(range(15))
        evidence = Evidence(
            "host", NONCE, read["quote.attest"], read["quote.sig"], pcrs,
            read["bios_measurements"], appraisal_growth.binary_list(folder))
        challenge = Challenge(
            NONCE, "host", Purpose.ATTEST, pcrs.selection, 0,
            NOW + datetime.timedelta(hours=1))
        ak = load_attestation_key(untpm2b(read["ak.tpm2b_public"], "AK"))
        found = cls(folder, evidence, challenge, ak, _anything())
        facts = found._extract(nothing_known())
        return cls(folder, evidence, challenge, ak, _compiled(draft(facts)))

    def compared(self) -> Captured:
        """Return it with what Keylime's profile asks for, and no more.

        That has a boot log, and knows every file; Secure Boot goes on top.
        """
        return dataclasses.replace(self, profile=_compiled({
            "schema": 1, "require": [
                rule.to_document() for rule in self.profile.rules
                if rule.to_document().keys() & {
                    "boot-log", "secure-boot", "ima"}]}))

    def _extract(self, settings: LogSettings) -> Any:
        return extract(
            verify_evidence(self.evidence, ak=self.ak, now=NOW,
                            challenge=self.challenge, qualifying=NONCE),
            manufacturer="IFX", hardware=False, labels={}, logs=settings)

    def judge(self, settings: LogSettings) -> None:
        """Do all of it: quote, boot log, list, policy."""
        result = appraise("host", "host", self._extract(settings),
                          self.profile, NOW)
        assert result.tier is TrustTier.AFFIRMING, result.findings

    def limit(self) -> float:
        """Return the seconds that hashing and the signature alone take."""
        alg, data = hashlib.sha256, self.evidence.ima_log or b""
        form = ima_log.shape(data)
        template = [ima_log.parse(raw, form).data
                    for chunk in ima_log.chunks(data, form) for raw in chunk]
        log = logs.load(self.folder / "bios_measurements").events

        def turn() -> None:
            assert self.ak.signed(self.evidence.quote,
                                  self.evidence.signature)
            for entry in template:
                # What the list says, what the bank has, the extend.
                hashlib.sha1(entry).digest()
                alg(alg(entry).digest() * 2).digest()
            for event in log:
                alg(event.data).digest()
                alg(event.digests[11] * 2).digest()
        return best(20, [turn])[0]


def _anything() -> AppraisalPolicy:
    return _compiled({"schema": 1, "require": [
        {"tpm": {"manufacturers": ["IFX"]}}]})


def _compiled(written: Any) -> AppraisalPolicy:
    return document.parse(written, sets={}.__getitem__, now=NOW).policy(
        "benchmark", 1, default_valid_for=datetime.timedelta(hours=1))


def fresh(policy: AppraisalPolicy) -> AppraisalPolicy:
    """Compile a profile again, so that it remembers no file."""
    return _compiled({"schema": 1, "require": [
        rule.to_document() for rule in policy.rules]})


def best(rounds: int, turns: Sequence[Turn]) -> list[float]:
    """Let each have its turn, so often; return the shortest of each."""
    found = [float("inf")] * len(turns)
    for _ in range(rounds):
        for place, turn in enumerate(turns):
            start = time.process_time()
            turn()
            found[place] = min(found[place], time.process_time() - start)
    return found


def cold(rounds: int, prepare: Callable[[], Turn]) -> float:
    """Return the shortest first turn; what it needs is made before."""
    found = float("inf")
    for _ in range(rounds):
        turn = prepare()
        start = time.process_time()
        turn()
        found = min(found, time.process_time() - start)
    return found


def whole_hosts(table: Table, keylime: Keylime, rounds: int) -> None:
    """Judge everything of two hosts."""
    for name, entries, target in (("sb-tcg", 248, 25.0),
                                  ("many", 6493, 5.0)):
        drafted = Captured.load(name)
        host = drafted.compared()
        turns = max(3, rounds * 200 // entries)
        with tempfile.NamedTemporaryFile(suffix=".ascii") as lines:
            lines.write(appraisal_growth.ascii_list(host.folder))
            lines.flush()
            peer = keylime(host=str(host.folder), list=lines.name,
                           turns=max(3, turns // 20))
        limit = host.limit()

        def first(host: Captured = host) -> Turn:
            new = dataclasses.replace(host, profile=fresh(host.profile))
            return functools.partial(new.judge, nothing_known())
        table.row(f"quote, boot log, {entries} files, cold",
                  cold(turns, first), peer, limit, target)
        settings = log_settings()
        fleet, more = best(turns, [
            functools.partial(host.judge, settings),
            functools.partial(drafted.judge, settings)])
        table.row("  the same in a fleet", fleet, peer, limit, None)
        table.row("  and every rule of a draft", more, peer, limit, None)


def boot_logs(table: Table, keylime: Keylime, rounds: int) -> None:
    """Prove a boot log and nothing else."""
    path = logs.VECTORS / "hosts/sb-tcg/bios_measurements"
    data, pcrs = path.read_bytes(), logs.pcrs_of("sb-tcg").only(range(15))
    memo = log_settings().boot_memos[HashAlg.SHA256]
    first, fleet = best(rounds * 5, [
        lambda: boot_facts(data, pcrs),
        lambda: boot_facts(data, pcrs, memo=memo)])
    peer = keylime(log=str(path), turns=max(3, rounds // 20))
    table.row("boot log of 47 events, cold", first, peer, None, None)
    table.absolute("  the same in a fleet", fleet, peer, 10_000)


def lists(table: Table, keylime: Keylime, rounds: int) -> None:
    """Judge a long list and nothing else."""
    files = appraisal_growth.made_list(LONG)
    host = Captured.load("sb-tcg")
    values = dict(host.evidence.pcrs.values)
    values[10] = files.value()
    pcrs = PcrBank(HashAlg.SHA256, values)
    data, policy = files.dump(), _compiled(appraisal_growth.knowing(files))
    verified = VerifiedEvidence(
        appraisal_growth.quoted(pcrs), None, data, 0)

    def judged(policy: AppraisalPolicy, settings: LogSettings) -> Turn:
        def turn() -> None:
            facts = extract(verified, manufacturer="", hardware=False,
                            labels={}, logs=settings)
            result = appraise("host", "host", facts, policy, NOW)
            assert result.tier is TrustTier.AFFIRMING
        return turn
    with tempfile.NamedTemporaryFile(suffix=".ascii") as lines:
        lines.write(files.ascii())
        lines.flush()
        peer = keylime(
            list=lines.name, turns=3, pcr10=values[10].hex(),
            boot_aggregate=appraisal_growth.aggregate(pcrs).hex())
    turns = max(5, rounds // 20)
    table.row("IMA list of 10,000 entries, cold", cold(turns, lambda: judged(
        fresh(policy), nothing_known())), peer, None, 5.0)
    settings = log_settings()
    table.row("  the same in a fleet", best(turns, [
        judged(policy, settings)])[0], peer, None, 12.0)


def main() -> int:
    """Print the tables; 0 when targets are met."""
    parser = argparse.ArgumentParser(description="evidence a second")
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--without-growth", action="store_true")
    args = parser.parse_args()
    # Children stay on the same core.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    table, keylime = Table(), Keylime()
    whole_hosts(table, keylime, args.rounds)
    boot_logs(table, keylime, args.rounds)
    lists(table, keylime, args.rounds)
    grown = args.without_growth or appraisal_growth.growth()
    return int(table.missed or not grown)


if __name__ == "__main__":
    sys.exit(main())
