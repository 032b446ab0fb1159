# SPDX-License-Identifier: Apache-2.0
"""The table of routes: method, path, handler, policy rule, schemas.

What is not here is not served.
"""

from __future__ import annotations

from attestation_service.api import (
    attesters,
    challenges,
    evidence,
    instances,
    keys,
    launches,
    profiles,
    receipts,
    reference_values,
    releases,
    results,
    versions,
)
from attestation_service.api.routing import Route, query
from attestation_service.api.schemas import types
from attestation_service.api.schemas.parameters import (
    ATTESTER_STATE,
    RELEASE_STATE,
)

_PAGED = query("limit", "marker")
_BY_NUMBER = {**query("limit"), "marker": types.COUNT}

_PUBLIC = (
    Route("GET", "/", versions.index, "versions:show", answer="Versions"),
    Route("GET", "/v1", versions.show, "versions:show",
          answer="VersionAnswer"),
    Route("GET", "/openapi.json", versions.openapi, "openapi:show",
          answer="OpenApi"),
    Route("GET", "/v1/jwks", versions.jwks, "jwks:show", answer="Jwks"),
)

_ATTESTERS = (
    Route("POST", "/v1/attesters", attesters.enrol, "attesters:enrol",
          "EnrolmentRequest", "CredentialChallenge", 201,
          size="document"),
    Route("POST", "/v1/attesters/activate", attesters.activate,
          "attesters:enrol", "Activation", "AttesterAnswer", 201),
    Route("GET", "/v1/attesters", attesters.index, "attesters:list",
          answer="Attesters",
          query={**_PAGED, **query("host"), "state": ATTESTER_STATE}),
    Route("POST", "/v1/attesters/attest", attesters.attest_all,
          "attesters:attest", "Empty", "Empty", 202, body_optional=True),
    Route("GET", "/v1/attesters/{attester}", attesters.show,
          "attesters:show", answer="AttesterAnswer"),
    Route("PATCH", "/v1/attesters/{attester}", attesters.update,
          "attesters:update", "AttesterUpdate", "AttesterAnswer"),
    Route("DELETE", "/v1/attesters/{attester}", attesters.retire,
          "attesters:retire", status=204),
    Route("POST", "/v1/attesters/{attester}/approve", attesters.approve,
          "attesters:approve", "Empty", "AttesterAnswer",
          body_optional=True),
    Route("POST", "/v1/attesters/{attester}/attest", attesters.attest,
          "attesters:attest", "Empty", "Empty", 202, body_optional=True),
    Route("GET", "/v1/attesters/{attester}/explain", attesters.explain,
          "attesters:explain", answer="Explanation",
          query=query("profile")),
    Route("GET", "/v1/attesters/{attester}/evidence",
          attesters.evidence_index, "attesters:evidence",
          answer="KeptEvidenceList"),
    Route("GET", "/v1/attesters/{attester}/evidence/{evidence}",
          attesters.evidence_show, "attesters:evidence",
          answer="KeptEvidenceAnswer"),
)

_ATTESTATION = (
    Route("POST", "/v1/challenges", challenges.create, "challenges:create",
          "ChallengeRequest", "ChallengeAnswer", 201),
    Route("POST", "/v1/evidence", evidence.create, "evidence:create",
          "Evidence", "EvidenceAnswer", 201, size="evidence"),
    Route("GET", "/v1/results", results.index, "results:list",
          answer="Results",
          query={**_BY_NUMBER, **query("attester", "host", "profile")}),
    Route("GET", "/v1/results/history/{attester}", results.history,
          "results:history", answer="Results",
          query={**_BY_NUMBER, **query("profile")}),
    Route("GET", "/v1/results/snapshot", results.snapshot,
          "results:snapshot", answer="SnapshotAnswer",
          query=query("since")),
)

_PROFILES = (
    Route("GET", "/v1/profiles", profiles.index, "profiles:list",
          answer="Profiles", query=_PAGED),
    Route("POST", "/v1/profiles", profiles.create, "profiles:create",
          "ProfileCreate", "ProfileAnswer", 201, size="document"),
    Route("POST", "/v1/profiles/preview", profiles.preview,
          "profiles:preview", "PreviewRequest", "Preview",
          size="document"),
    Route("POST", "/v1/profiles/draft", profiles.draft, "profiles:draft",
          "DraftRequest", "Draft"),
    Route("GET", "/v1/profiles/{profile}", profiles.show, "profiles:show",
          answer="ProfileAnswer"),
    Route("PATCH", "/v1/profiles/{profile}", profiles.update,
          "profiles:update", "ProfileUpdate", "ProfileAnswer"),
    Route("DELETE", "/v1/profiles/{profile}", profiles.retire,
          "profiles:retire", status=204),
    Route("GET", "/v1/profiles/{profile}/versions", profiles.versions,
          "profiles:versions", answer="ProfileVersions"),
    Route("POST", "/v1/profiles/{profile}/versions",
          profiles.create_version, "profiles:create", "VersionCreate",
          "ProfileVersionAnswer", 201, size="document"),
    Route("GET", "/v1/profiles/{profile}/versions/{version}",
          profiles.show_version, "profiles:versions",
          answer="ProfileVersionAnswer"),
    Route("GET", "/v1/reference-values", reference_values.index,
          "reference_values:list", answer="ReferenceSets", query=_PAGED),
    Route("POST", "/v1/reference-values", reference_values.create,
          "reference_values:create", "ReferenceSetCreate",
          "ReferenceSetAnswer", 201, size="reference_values"),
    Route("GET", "/v1/reference-values/{name}", reference_values.show,
          "reference_values:show", answer="ReferenceSetAnswer"),
    Route("DELETE", "/v1/reference-values/{name}",
          reference_values.delete, "reference_values:delete", status=204),
)

_TENANTS = (
    Route("GET", "/v1/keys", keys.index, "keys:list", answer="Keys",
          query=_PAGED),
    Route("POST", "/v1/keys", keys.create, "keys:create", "KeyCreate",
          "KeyAnswer", 201),
    Route("GET", "/v1/keys/{key}", keys.show, "keys:show",
          answer="KeyAnswer"),
    Route("DELETE", "/v1/keys/{key}", keys.delete, "keys:delete",
          status=204),
    Route("GET", "/v1/launches", launches.index, "launches:list",
          answer="Launches", query={**_PAGED, **query("instance_id")}),
    Route("POST", "/v1/launches", launches.create, "launches:create",
          "LaunchCreate", "LaunchAnswer", 201),
    Route("GET", "/v1/launches/{launch}", launches.show, "launches:show",
          answer="LaunchAnswer"),
    Route("DELETE", "/v1/launches/{launch}", launches.delete,
          "launches:delete", status=204),
    Route("GET", "/v1/instances/{instance}", instances.show,
          "instances:show", answer="InstanceAnswer"),
    Route("DELETE", "/v1/instances/{instance}", instances.close,
          "instances:close", status=204),
)

_RELEASES = (
    Route("POST", "/v1/releases", releases.create, "releases:create",
          "ReleaseRequest", "ReleaseOpened", 201),
    Route("POST", "/v1/releases/{release}/evidence", releases.answer,
          "releases:answer", "Evidence", "Released", size="evidence"),
    Route("GET", "/v1/releases", releases.index, "releases:list",
          answer="Releases",
          query={**_PAGED, **query("instance_id"),
                 "state": RELEASE_STATE}),
    Route("GET", "/v1/releases/{release}", releases.show, "releases:show",
          answer="ReleaseAnswer"),
    Route("GET", "/v1/receipts", receipts.index, "receipts:list",
          answer="Receipts",
          query={**_BY_NUMBER, **query("instance_id")}),
    Route("GET", "/v1/receipts/{index}", receipts.show, "receipts:show",
          answer="ReceiptAnswer"),
    Route("GET", "/v1/log/checkpoint", receipts.checkpoint, "log:show",
          answer="CheckpointAnswer"),
    Route("GET", "/v1/log/inclusion", receipts.inclusion, "log:show",
          answer="Inclusion", query=query("index", "size"),
          demands=("index", "size")),
    Route("GET", "/v1/log/consistency", receipts.consistency, "log:show",
          answer="Consistency", query=query("first", "second"),
          demands=("first", "second")),
    Route("GET", "/v1/log/leaves", receipts.leaves, "log:show",
          answer="Leaves", query=query("start", "limit")),
)

ROUTES: tuple[Route, ...] = (
    *_PUBLIC, *_ATTESTERS, *_ATTESTATION, *_PROFILES, *_TENANTS, *_RELEASES)
