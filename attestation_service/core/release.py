# SPDX-License-Identifier: Apache-2.0
"""Decide whether a host gets the keys of an instance.

In: one :class:`Case` with everything that counts: the request, fresh results,
the tenant's key and token, the lease, and what Nova says.  Out: a
:class:`Grant`, or a :class:`Refuse` with its code and a sentence.

Every way out but the last line refuses.  Nova is not trusted: what it says
can only take a release away.  Once an instance was released, its lease says
what every later release must satisfy, whatever Nova says by then.

Not decided here: whether the results are true (``core.verify``,
``core.appraise``), and how the keys travel (``core.tpm.wrap``).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from attestation_service import records as r
from attestation_service.core.release_case import Case, Grant, Refuse
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import AttestationResult, TrustTier


def decide(case: Case, now: datetime.datetime) -> Grant | Refuse:
    """Decide on one case.

    Asked in this order: attester, place, lease, project, key, token, image,
    profiles.  The first objection is the answer.
    """
    for objections in (_attester, _place, _lease, _project, _key, _token,
                       _image, _profiles):
        for objection in objections(case, now):
            return objection
    return _grant(case)


def _attester(case: Case, now: datetime.datetime) -> Iterator[Refuse]:
    if case.attester.state is r.AttesterState.RETIRED:
        yield Refuse(Code.ATTESTER_RETIRED,
                     f"host {case.attester.host!r} has been retired")
    if case.attester.state is not r.AttesterState.APPROVED:
        yield Refuse(Code.ATTESTER_PENDING,
                     f"host {case.attester.host!r} waits for approval")


def _place(case: Case, now: datetime.datetime) -> Iterator[Refuse]:
    if case.whereabouts is None:
        yield Refuse(Code.RELEASE_WRONG_PLACE,
                     "Nova knows no such instance")
    elif case.whereabouts.deleted:
        yield Refuse(Code.RELEASE_CLOSED, "Nova has deleted the instance")
    elif case.attester.host not in case.whereabouts.hosts:
        yield Refuse(
            Code.RELEASE_WRONG_PLACE,
            f"host {case.attester.host!r} asks, but Nova has the instance "
            f"on {', '.join(sorted(case.whereabouts.hosts)) or 'no host'}")


def _lease(case: Case, now: datetime.datetime) -> Iterator[Refuse]:
    if case.lease is not None and case.lease.closed_at is not None:
        yield Refuse(Code.RELEASE_CLOSED,
                     "the instance was deleted; its keys are gone")
    if case.request.key_id not in {None, case.key_id}:
        yield Refuse(Code.RELEASE_WRONG_IMAGE,
                     "the instance's image has another key")
    if case.request.launch_id not in {None, case.launch_id}:
        yield Refuse(Code.TOKEN_MISMATCH,
                     "the instance was launched with another token")


def _project(case: Case, now: datetime.datetime) -> Iterator[Refuse]:
    project = _project_of(case)
    if case.lease is not None and case.lease.project_id != project:
        yield Refuse(Code.RELEASE_WRONG_PROJECT,
                     "the instance was launched in another project")
    if case.key is not None and case.key.project_id != project:
        yield Refuse(Code.RELEASE_WRONG_PROJECT,
                     "the image's key belongs to another project")
    if case.launch is not None and case.launch.project_id != project:
        yield Refuse(Code.TOKEN_UNKNOWN,
                     "there is no such token in the instance's project")


def _key(case: Case, now: datetime.datetime) -> Iterator[Refuse]:
    if case.key_id is not None and (
            case.key is None or case.key.purpose is not r.KeyPurpose.IMAGE):
        yield Refuse(Code.KEY_UNKNOWN, "there is no such image key")
    if case.key is None:
        return
    policy = case.key.policy
    if policy.expires_at is not None and now >= policy.expires_at:
        yield Refuse(Code.RELEASE_EXPIRED,
                     f"the image's key expired at {_text(policy.expires_at)}")
    if (_counts(case) and policy.launches is not None
            and case.key.launches_used >= policy.launches):
        yield Refuse(Code.RELEASE_EXHAUSTED,
                     f"all {policy.launches} launches are used")
    if policy.demand_token and case.launch_id is None:
        yield Refuse(Code.TOKEN_DEMANDED,
                     "the image's key demands a launch token")


def _token(case: Case, now: datetime.datetime) -> Iterator[Refuse]:
    if case.launch_id is not None and case.launch is None:
        yield Refuse(Code.TOKEN_UNKNOWN, "there is no such launch token")
    if case.launch is None:
        return
    bound = case.launch.instance_id
    if bound not in {None, case.request.instance_id}:
        yield Refuse(Code.TOKEN_SPENT,
                     "the token started another instance")
    if bound is None and now >= case.launch.expires_at:
        yield Refuse(Code.TOKEN_EXPIRED, "the token expired at "
                     f"{_text(case.launch.expires_at)}")
    if case.other_image and case.launch_id == case.kept_launch_id:
        # N went to the old image; another one must not learn it.
        yield Refuse(Code.TOKEN_MISMATCH, "a rebuild with another image "
                     "needs a new launch token")


def _image(case: Case, now: datetime.datetime) -> Iterator[Refuse]:
    if case.request.image_id not in {None, case.image_id}:
        yield Refuse(Code.RELEASE_WRONG_IMAGE, "the host asks for another "
                     "image than the instance has")
    if case.whereabouts is None or (
            case.whereabouts.image_id != case.image_id):
        yield Refuse(Code.RELEASE_WRONG_IMAGE, "Nova says that the instance "
                     "has another image than it was launched from")
    if case.key is not None and case.key.policy.image_id not in {
            None, case.image_id}:
        yield Refuse(Code.RELEASE_WRONG_IMAGE,
                     "the key was made for another image")
    if case.launch is not None and case.launch.image_id not in {
            None, case.image_id}:
        yield Refuse(Code.TOKEN_MISMATCH,
                     "the token was made for another image")
    if len(_digests(case)) > 1:
        yield Refuse(
            Code.TOKEN_MISMATCH if case.ruling is None
            else Code.RELEASE_WRONG_IMAGE,
            "key, token and lease do not name the same image digest")


def _profiles(case: Case, now: datetime.datetime) -> Iterator[Refuse]:
    if not case.required:
        yield Refuse(Code.RELEASE_NO_PROFILE,
                     "neither flavor, image, key nor token names a profile")
    kept = case.lease.profiles if case.lease is not None else ()
    for name in case.required:
        allowed = case.usable.get(name, ())
        if name not in case.results or (
                name not in kept and allowed is not None
                and _project_of(case) not in allowed):
            yield Refuse(Code.PROFILE_UNKNOWN, f"profile {name!r} is not in "
                         "force for the instance's project")
    bad = [result for name in case.required
           if (result := case.results[name]).tier is not TrustTier.AFFIRMING
           or now >= result.expires_at]
    if bad:
        yield Refuse(Code.RELEASE_NOT_AFFIRMING, "; ".join(
            _why(case.attester.host, result) for result in bad))


def _grant(case: Case) -> Grant:
    # A token's nonce is that of the lease that was opened with it.
    kept = None if case.other_image else case.lease
    source = case.launch or kept
    digests = _digests(case)
    return Grant(
        _project_of(case),
        tuple((name, case.results[name].version) for name in case.required),
        case.image_id, next(iter(digests), None), case.key_id,
        case.launch_id, None if source is None else source.nonce_ref,
        None if source is None else source.nonce_digest,
        case.ruling is None, _counts(case))


def _project_of(case: Case) -> str:
    # Asked only after _place: nowhere has no project.
    return case.whereabouts.project_id if case.whereabouts else ""


def _counts(case: Case) -> bool:
    """Whether an instance begins to use the image key."""
    return case.key_id is not None and (
        case.lease is None or case.lease.image_key_id != case.key_id)


def _digests(case: Case) -> set[bytes]:
    named = [case.key.policy.image_digest if case.key else None,
             case.launch.image_digest if case.launch else None,
             case.lease.image_digest if case.lease and (
                 not case.other_image) else None]
    return {digest for digest in named if digest is not None}


def _why(host: str, result: AttestationResult) -> str:
    reasons = [f.detail for f in result.findings
               if f.tier is not TrustTier.AFFIRMING]
    shown = ", ".join(reasons[:3]) or "its result has expired"
    more = len(reasons) - 3
    return (f"host {host!r} is {result.tier.label} for {result.profile!r} "
            f"version {result.version}: {shown}"
            + (f" and {more} more" if more > 0 else ""))


def _text(moment: datetime.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
