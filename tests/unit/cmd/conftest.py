# SPDX-License-Identifier: Apache-2.0
"""A profile for a captured host."""

from __future__ import annotations

import pytest

from attestation_service.cmd import verify
from tests.unit.cmd.judging import AT, NONCE, TRUST, VECTORS, written


@pytest.fixture(scope="module")
def profile(tmp_path_factory):
    """Return the file of a profile that the captured host satisfies."""
    args = verify.parser().parse_args([
        "draft", str(VECTORS / "hosts" / "sb-tcg"), "--trust", str(TRUST),
        "--nonce", NONCE, "--at", AT])
    return written(tmp_path_factory.mktemp("profiles"),
                   dict(args.subcommand.run(args).fields), "profile.json")
