# SPDX-License-Identifier: Apache-2.0
"""Captured hosts, judged by attestation-verify."""

from __future__ import annotations

import json
import pathlib

import yaml

from attestation_service.cmd import verify

VECTORS = pathlib.Path(__file__).parents[2] / "vectors"
TRUST = VECTORS / "ek-ca"
NONCE = "00112233445566778899aabbccddeeff" * 2
AT = "2026-11-25T00:00:00Z"


def run(capsys, *argv):
    """Return status, stdout and stderr."""
    try:
        status = verify.main([str(a) for a in argv])
    except SystemExit as exc:
        status = exc.code
    told = capsys.readouterr()
    return status, told.out, told.err


def draft(capsys, folder, *more, nonce=NONCE):
    status, out, err = run(capsys, "draft", folder, "--trust", TRUST,
                           "--nonce", nonce, "--at", AT, *more)
    assert (status, err) == (0, "")
    return yaml.safe_load(out)


def written(tmp_path, document, name="profile.yaml"):
    path = tmp_path / name
    path.write_text(json.dumps(document) if name.endswith("json")
                    else yaml.safe_dump(document))
    return path


def judge(capsys, folder, profile, *more, nonce=NONCE, trust=TRUST):
    return run(capsys, "evidence", folder, "--profile", profile, "--trust",
               trust, "--nonce", nonce, "--at", AT, *more)
