# SPDX-License-Identifier: Apache-2.0
"""Write a profile document that a known good host satisfies.

In: facts of that host.  Out: plain values that ``document.parse`` reads.  What
was measured is asked for by what it is (a component, a command line, a file)
rather than by the register it ended in, so that one of them can be updated
without the others; a register whose contents the log does not explain is
asked for as a whole.

Not decided here: whether the host is good, which an operator says, and
whether it satisfies all of the draft (``flows.provision.drafts``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from attestation_service.core import errors
from attestation_service.core.facts import HostFacts
from attestation_service.core.bootlog.facts import BootFacts
from attestation_service.core.ima import log as ima_log
from attestation_service.core.ima.appraise import BOOT_AGGREGATE
from attestation_service.core.ima.facts import ImaFacts
from attestation_service.core.policy import (
    boot_rules,
    chain_rules,
    ima_rules,
    rules,
)
from attestation_service.core.policy.node import Node
from attestation_service.core.policy.reference_values import ReferenceValues
from attestation_service.core.policy.rule import ask
from nova_trusted_launch.wire.digests import HashAlg
from nova_trusted_launch.wire.results import TrustTier, worst

SCHEMA = 1
# What firmware and boot loader measured; the others move while a host runs.
_BOOT = (*range(10), 14)
_COMPONENTS = ((0, "firmware"), (2, "drivers"), (4, "images"), (9, "files"),
               (14, "machine-owner"))
_PARSERS = {**rules.RULES, **boot_rules.RULES, **chain_rules.RULES,
            **ima_rules.RULES}
_FILE_HASHES = {alg.label for alg in HashAlg}
_FINGERPRINT = 64
_GLOB = re.compile(r"([*?[])")
# A draft says its values itself.
_NO_SETS: dict[str, ReferenceValues] = {}

Written = dict[str, Any]


def draft(facts: HostFacts, *, files: bool = True) -> Written:
    """Return a document of everything that can be asked of this host.

    Without ``files`` nothing is asked of what IMA measured.
    """
    require = [*_tpm(facts), *_boot(facts)]
    if files and facts.ima is not None:
        values = known_files(facts.ima)
        if values:
            require.append({"ima": {"values": values}})
    return {"schema": SCHEMA, "require": require}


def known_files(ima: ImaFacts) -> dict[str, list[str]]:
    """Return every file that was used, as reference values.

    A path that is not UTF-8 cannot be named: its digest is good at any.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for chunk in ima.list.chunks():
        for raw in chunk.entries:
            try:
                entry = ima.list.entry(raw)
                file = ima_log.file_facts(entry)
            except errors.MalformedEvidence:
                continue
            if (entry.violation or entry.register != ima_log.REGISTER
                    or file.path == BOOT_AGGREGATE
                    or file.algorithm not in _FILE_HASHES):
                continue
            found[file.digest.hex()].add(_text(file.path))
    return {digest: [] if "" in names else sorted(names)
            for digest, names in sorted(found.items())}


def _text(path: bytes) -> str:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _tpm(facts: HostFacts) -> Iterator[Written]:
    if facts.hardware:
        yield {"hardware-root": {"required": True}}
    tpm: Written = {
        "firmware": [rules.firmware_text(facts.firmware_version)]}
    if facts.manufacturer:
        tpm["manufacturers"] = [facts.manufacturer]
    yield {"tpm": tpm}


def _boot(facts: HostFacts) -> Iterator[Written]:
    """Ask for what the log explains, and for the other registers whole."""
    explained: set[int] = set()
    if facts.boot is not None:
        for registers, rule in _explanations(facts.boot):
            if _holds(rule, facts):
                explained.update(registers)
                yield rule
    pcrs = facts.pcrs
    for index in _BOOT:
        if index in pcrs.values and index not in explained:
            yield {"pcr": {"bank": pcrs.alg.label, "index": index,
                           "values": [pcrs.values[index].hex()]}}


def _explanations(boot: BootFacts
                  ) -> Iterator[tuple[Iterable[int], Written]]:
    """Propose rules, each with the registers that it makes superfluous."""
    log: Written = {"required": True}
    if boot.quirks:
        log["quirks"] = sorted(set(boot.quirks))
    yield (), {"boot-log": log}
    if boot.secure_boot.enabled:
        yield (7,), {"secure-boot": _secure_boot(boot)}
    components = {"firmware": boot.chain.firmware,
                  "drivers": boot.chain.drivers, "images": boot.chain.images,
                  "files": boot.chain.files,
                  "machine-owner": boot.chain.machine_owner}
    for register, kind in _COMPONENTS:
        digests = sorted({c.digest.hex() for c in components[kind]})
        if digests:
            yield (register,), {"boot-components": {
                "kind": kind, "values": digests}}
    lines = sorted({line.text for line in boot.chain.command_lines})
    if lines:
        yield (8,), {"command-line": {"patterns": [
            _GLOB.sub(r"[\1]", line) for line in lines]}}


def _secure_boot(boot: BootFacts) -> Written:
    state = boot.secure_boot
    # Where it is on, something was authorised: core.bootlog.secure_boot.
    rule: Written = {"enabled": True, "authorities": sorted({
        a.signature.fingerprint for a in state.authorities
        if a.signature is not None})}
    # What is revoked by its hash until some date, a rule cannot ask for.
    revoked = sorted({s.fingerprint for s in state.databases.get("dbx", ())
                      if len(s.fingerprint) == _FINGERPRINT})
    if revoked:
        rule["revoked"] = revoked
    return rule


def _holds(written: Written, facts: HostFacts) -> bool:
    """Tell whether a rule can be written and says yes to this host."""
    (name, body), = written.items()
    try:
        rule = _PARSERS[name](Node(body, "", _NO_SETS.__getitem__))
    except errors.Invalid:
        # Too long, or not printable.
        return False
    return worst(f.tier for f in ask(rule, facts)) is TrustTier.AFFIRMING
