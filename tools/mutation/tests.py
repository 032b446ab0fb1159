# SPDX-License-Identifier: Apache-2.0
"""Which modules are mutated, and which tests stand up for each."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
WHERE = ("attestation_service/core", "nova_trusted_launch/wire",
         "nova_trusted_launch/admission.py")
# What neither decides nor computes anything.
SKIPPED = {"__init__.py", "errors.py"}
# Tests beyond tests/unit/<same place>/test_<same name>.py.
MORE_TESTS = {
    "core/policy/chain_rules.py": [
        "tests/unit/core/policy/test_boot_rules.py",
        "tests/unit/core/policy/test_explained.py",
        "tests/unit/core/policy/test_draft.py"],
    "core/release": ["tests/unit/core/test_release_cases.py",
                     "tests/unit/core/test_release_rebuild.py"],
    "core/tpm/quote.py": ["tests/attacks/test_a_quote.py",
                          "tests/attacks/test_b_freshness.py"],
    "core/tpm/structures.py": ["tests/unit/core/tpm/test_attestation_key.py",
                               "tests/attacks/test_a_quote.py",
                               "tests/attacks/test_d2_identity.py"],
    "core/tpm/attestation_key.py": ["tests/attacks/test_a_quote.py",
                                    "tests/attacks/test_d2_identity.py"],
    "core/tpm/certify.py": ["tests/attacks/test_d2_identity.py"],
    "core/ima/templates.py": ["tests/unit/core/ima/test_log.py"],
    "core/bootlog/event_types.py": ["tests/unit/core/bootlog/test_tcg.py"],
    "core/tpm/credential.py": ["tests/unit/core/tpm/test_wrap.py",
                               "tests/attacks/test_d2_identity.py"],
    "core/tpm/envelope.py": ["tests/unit/core/tpm/test_wrap.py",
                             "tests/attacks/test_d2_identity.py"],
    "core/appraise.py": ["tests/unit/core/policy/test_rules.py"],
    "core/policy/document.py": [
        "tests/unit/core/policy/test_wrong_documents.py"],
    "core/policy/node.py": ["tests/unit/core/policy/test_document.py",
                            "tests/unit/core/policy/test_wrong_documents.py"],
    "core/policy/rule.py": ["tests/unit/core/policy/test_rules.py"],
    "core/policy/rules.py": [
        "tests/unit/core/policy/test_document.py",
        "tests/unit/core/policy/test_wrong_documents.py"],
    "core/policy/combine.py": [
        "tests/unit/core/policy/test_rules.py",
        "tests/unit/core/policy/test_document.py",
        "tests/unit/core/policy/test_wrong_documents.py"],
    "core/bootlog/": ["tests/unit/core/bootlog"],
    "core/ima/": ["tests/unit/core/ima"],
    "core/endorsement.py": ["tests/attacks/test_d1_ek_certificate.py",
                            "tests/attacks/test_d2_identity.py"],
    "core/verify.py": ["tests/attacks/test_b_freshness.py"],
    "wire/encoding.py": ["tests/unit/wire/test_strict_json.py",
                         "tests/unit/wire/test_messages.py"],
    "wire/receipts.py": ["tests/unit/wire/test_proofs.py",
                         "tests/unit/wire/test_messages.py"],
    **{f"wire/{name}.py": ["tests/unit/wire/test_messages.py",
                           "tests/unit/wire/test_encoding.py"] for name in (
        "challenge", "digests", "enrolment", "evidence", "release",
        "results", "snapshot")},
}


def tests_of(path: str) -> list[str]:
    """Say which tests stand up for a module."""
    inner = pathlib.PurePath(path).relative_to(
        "attestation_service" if path.startswith("attestation_service")
        else "nova_trusted_launch")
    folder = pathlib.PurePath("tests/unit") / inner.parent
    named = folder / f"test_{inner.name}"
    more = [t for end, tests in MORE_TESTS.items() if end in path
            for t in tests]
    if (ROOT / named).exists():
        return [str(named), *more]
    return more or [str(folder)]


def modules(ends: list[str]) -> Iterator[str]:
    """Name the modules to mutate."""
    for place in WHERE:
        found = ([ROOT / place] if place.endswith(".py")
                 else sorted((ROOT / place).rglob("*.py")))
        for path in found:
            name = str(path.relative_to(ROOT))
            if path.name not in SKIPPED and (
                    not ends or any(name.endswith(end) for end in ends)):
                yield name
