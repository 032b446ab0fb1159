# SPDX-License-Identifier: Apache-2.0
"""What the tests need to know of a cloud, in ``tempest.conf``.

Not decided here: which tests need which option; each says so when it is
skipped.
"""

from __future__ import annotations

from oslo_config import cfg

SERVICE_AVAILABLE = cfg.BoolOpt(
    "trusted_launch", default=False,
    help="Whether the cloud has the attestation service.  While it is false, "
         "every test of this plugin is skipped.")

GROUP = cfg.OptGroup(
    "trusted_launch", title="Trusted launch",
    help="Tests of the attestation service and of trusted servers.")

OPTIONS = (
    cfg.StrOpt(
        "catalog_type", default="host-attestation",
        help="The service's type in the catalogue.  With another type than "
             "the catalogue has, every test fails with EndpointNotFound."),
    cfg.StrOpt(
        "region", default="",
        help="The service's region; empty: that of [identity] region."),
    cfg.StrOpt(
        "endpoint_type", default="publicURL",
        choices=["public", "admin", "internal", "publicURL", "adminURL",
                 "internalURL"],
        help="Which of the service's endpoints is tested."),
    cfg.StrOpt(
        "profile", default="baseline",
        help="A profile that an approved host satisfies when the tests "
             "begin.  Tests that launch servers fail without one."),
    cfg.StrOpt(
        "flavor_ref", default="",
        help="The id of a flavor whose trusted_launch:profile is that "
             "profile.  Empty: the tests make one, with 256 MiB of memory."),
    cfg.StrOpt(
        "image_ref", default="",
        help="The id of the image that trusted servers are launched with, "
             "and that is encrypted for the tests of encrypted images: raw "
             "or qcow2.  Empty: [compute] image_ref."),
    cfg.BoolOpt(
        "guest_tells_nonce", default=True,
        help="Whether a guest of that image tells its nonce on its console, "
             "by itself or in a shell script that it gets as user data "
             "(cirros and images with cloud-init run it).  False: the test "
             "of that is skipped."),
    cfg.StrOpt(
        "taint_command", default="",
        help="A command that changes the measured state of a host, so that "
             "it does not satisfy the profile any more; {host} in it stands "
             "for the host's name.  It is run without a shell.  Empty: the "
             "tests of hosts that have changed are skipped."),
    cfg.StrOpt(
        "heal_command", default="",
        help="A command that brings such a host back into its former state "
             "(it restarts a software TPM, say).  Empty: as above, since the "
             "tests would leave the cloud without a trusted host."),
    cfg.StrOpt(
        "taint_host", default="",
        help="The host that these commands change, when they change only "
             "that one: the server of those tests is launched there.  Empty: "
             "they change any host, by {host}."),
    cfg.IntOpt(
        "attest_timeout", default=180, min=1,
        help="Seconds in which a host that is asked to attest has a new "
             "result.  Tests fail after it."),
)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return every option for samples and the reference."""
    return [("service_available", [SERVICE_AVAILABLE]),
            (GROUP.name, list(OPTIONS))]
