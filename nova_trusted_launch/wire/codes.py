# SPDX-License-Identifier: Apache-2.0
"""Every public refusal code, once: its title and what the person should do.

Codes are part of the API and are never renamed.  A refusal travels as
``{"code", "title", "detail"}``; ``title`` and ``action`` come from here.
"""

from __future__ import annotations

import enum


class Code(str, enum.Enum):
    """A stable refusal code with its title and advice."""

    title_text: str
    action: str

    def __new__(cls, value: str, title: str, action: str) -> Code:
        member = str.__new__(cls, value)
        member._value_ = value
        member.title_text = title
        member.action = action
        return member

    def __str__(self) -> str:
        return str(self.value)

    # Evidence: we could not establish anything about the host.
    EVIDENCE_MALFORMED = (
        "evidence.malformed", "The evidence cannot be parsed",
        "Update the agent on the host; see its log for the structure named.")
    EVIDENCE_STALE = (
        "evidence.stale", "The evidence answers no open challenge",
        "Ask for a new challenge and send evidence for it once.")
    EVIDENCE_UNAUTHENTIC = (
        "evidence.unauthentic", "The evidence is not what the TPM signed",
        "Check the agent and the host: its TPM did not vouch for this.")
    EVIDENCE_UNENDORSED = (
        "evidence.unendorsed", "The key is not that of a trusted TPM",
        "Add the TPM maker's CA to the trust anchors, or enrol again.")
    EVIDENCE_TOO_LARGE = (
        "evidence.too_large", "A log is larger than the configured limit",
        "Raise [limits] in the service's configuration, or reboot the host.")

    # Enrolment and attesters.
    ATTESTER_UNKNOWN = (
        "attester.unknown", "No such attester",
        "Enrol the host's agent first; 'openstack trusted host list'.")
    ATTESTER_TAKEN = (
        "attester.taken", "The host name or the TPM is already enrolled",
        "Retire the old attester ('openstack trusted host retire') first.")
    ATTESTER_PENDING = (
        "attester.pending", "The attester waits for approval",
        "Approve it: 'openstack trusted host approve HOST'.")
    ATTESTER_RETIRED = (
        "attester.retired", "The attester has been retired",
        "Enrol the host again; it gets a new identity.")
    ENROLMENT_FAILED = (
        "enrolment.failed", "The credential was not activated",
        "Start the enrolment again from the host that owns the TPM.")
    ENROLMENT_EXPIRED = (
        "enrolment.expired", "The credential challenge is spent or expired",
        "Start the enrolment again.")

    # Release of a key.
    RELEASE_NOT_AFFIRMING = (
        "release.not_affirming", "The host's state does not satisfy a profile",
        "See 'openstack trusted host explain HOST', or use another host.")
    RELEASE_WRONG_PLACE = (
        "release.wrong_place", "Nova does not place this instance there",
        "Launch or move the instance through Nova; retry after the move.")
    RELEASE_WRONG_IMAGE = (
        "release.wrong_image", "Another image than the key was made for",
        "Use the image the key was registered with.")
    RELEASE_WRONG_PROJECT = (
        "release.wrong_project", "The key belongs to another project",
        "Launch the instance in the project that owns the key.")
    RELEASE_EXPIRED = (
        "release.expired", "The release or the key's policy has expired",
        "Start the instance again, or register the key anew.")
    RELEASE_EXHAUSTED = (
        "release.exhausted", "The key's number of launches is used up",
        "Register the key again with a larger number of launches.")
    RELEASE_NO_PROFILE = (
        "release.no_profile", "Nothing says which profile the host must meet",
        "Set trusted_launch:profile on the flavor, or use a launch token.")
    RELEASE_UNCONFIRMED = (
        "release.unconfirmed", "Nova could not be asked about the instance",
        "Check that the service can reach Nova, then start it again.")
    RELEASE_BAD_STATE = (
        "release.bad_state", "The release was already answered or refused",
        "Ask for a new release.")
    RELEASE_CLOSED = (
        "release.closed", "The instance's lease is closed: it was deleted",
        "Create a new instance.")

    # Launch tokens.
    TOKEN_DEMANDED = (
        "token.demanded", "This key may only be used with a launch token",
        "Create one: 'openstack trusted launch create', and pass its id.")
    TOKEN_UNKNOWN = (
        "token.unknown", "No such launch token",
        "Create a launch token in the instance's project.")
    TOKEN_SPENT = (
        "token.spent", "The launch token belongs to another launch",
        "Create a new launch token for each instance.")
    TOKEN_EXPIRED = (
        "token.expired", "The launch token has expired",
        "Create a new launch token.")
    TOKEN_MISMATCH = (
        "token.mismatch", "The launch token was made for something else",
        "Launch with the profile and image that the token names.")

    # Documents and resources.
    PROFILE_UNKNOWN = (
        "profile.unknown", "No such profile",
        "See 'openstack trusted profile list'.")
    PROFILE_INVALID = (
        "profile.invalid", "The profile document is not valid",
        "Correct the document where the detail points, then try again.")
    PROFILE_TAKEN = (
        "profile.taken", "The profile version already exists or is in use",
        "Create a new version, or retire what uses it first.")
    REFERENCE_VALUES_UNKNOWN = (
        "reference_values.unknown", "No such set of reference values",
        "See 'openstack trusted reference list'.")
    REFERENCE_VALUES_TAKEN = (
        "reference_values.taken", "The set of reference values exists",
        "Sets are immutable: choose another name.")
    KEY_UNKNOWN = (
        "key.unknown", "No such key",
        "See 'openstack trusted key list' in the owning project.")
    KEY_CORRUPT = (
        "key.corrupt", "The stored key cannot be opened",
        "Restore the vault's master key, or register the key again.")
    LAUNCH_UNKNOWN = (
        "launch.unknown", "No such launch",
        "See 'openstack trusted launch list'.")
    RECEIPT_UNKNOWN = (
        "receipt.unknown", "No such receipt",
        "The instance was never released, or is of another project.")
    RELEASE_UNKNOWN = (
        "release.unknown", "No such release",
        "Ask for a new release.")
    LOG_RANGE = (
        "log.range", "The log has no such size or entry",
        "Fetch the checkpoint and ask for sizes up to its own.")

    # The API as such.
    REQUEST_INVALID = (
        "request.invalid", "The request is not valid",
        "Correct the field that the detail names.")
    REQUEST_TOO_LARGE = (
        "request.too_large", "The request is too large",
        "Send a smaller body; the limits are in the documentation.")
    REQUEST_CONFLICT = (
        "request.conflict", "Another request changed this first",
        "Fetch the resource again, then repeat the request.")
    REQUEST_UNAUTHENTICATED = (
        "request.unauthenticated", "No valid token",
        "Get a new token from Keystone.")
    REQUEST_FORBIDDEN = (
        "request.forbidden", "Policy does not allow this",
        "Ask an operator for the role that the API reference names.")
    REQUEST_NOT_FOUND = (
        "request.not_found", "No such resource",
        "Check the URL against the API reference.")
    REQUEST_METHOD = (
        "request.method", "The resource has no such method",
        "Check the method against the API reference.")
    REQUEST_VERSION = (
        "request.version", "The service does not speak that microversion",
        "Ask for a version within the range of the version document.")
    REQUEST_LIMIT = (
        "request.limit", "Too many open requests of this kind",
        "Finish or wait for the open ones, then try again.")
    SERVICE_UNAVAILABLE = (
        "service.unavailable", "The service cannot decide at the moment",
        "Try again; operators find the cause under the request id.")
    SERVICE_BROKEN = (
        "service.broken", "The service failed",
        "Report the request id to the operator.")

    # What a Relying Party says on its own account.
    HOST_NO_RESULT = (
        "host.no_result", "No attestation result for this host",
        "Check that the host's agent runs and is approved.")
    HOST_EXPIRED = (
        "host.expired", "The host's attestation result has expired",
        "Check the host's agent: it does not attest any more.")
    HOST_NOT_AFFIRMING = (
        "host.not_affirming", "The host's result is not affirming",
        "See 'openstack trusted host explain HOST'.")
    HOST_UNFIT = (
        "host.unfit", "The host is not set up for trusted launches",
        "Change what the detail names: the install guide says how.")
    AGENT_UNAVAILABLE = (
        "agent.unavailable", "The host's agent does not answer",
        "Start trusted-launch-agent on the compute host.")
    TPM_FAILED = (
        "tpm.failed", "The host's TPM refused",
        "The host's state changed or its TPM is faulty; try again once.")
    SEAL_REFUSED = (
        "seal.refused", "The TPM did not unseal the key",
        "The host's state changed since its quote; see the agent's log.")
    PATH_REFUSED = (
        "path.refused", "This operation is not possible on a trusted instance",
        "Use an operation that the tenant guide lists as supported.")
    IMAGE_REFUSED = (
        "image.refused", "The image is not acceptable for a trusted launch",
        "Make the image with 'openstack trusted image create'.")
    IMAGE_CHANGED = (
        "image.changed", "The image's digest is not the registered one",
        "Upload the image again; somebody changed it.")
    FLAVOR_INVALID = (
        "flavor.invalid", "The request for a profile is contradictory",
        "Correct trusted_launch:* on flavor, image or hint.")
