# SPDX-License-Identifier: Apache-2.0
"""Wire the agent's parts together: the only place that reads its options."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

from oslo_config import cfg

from nova_trusted_launch import client
from nova_trusted_launch.agent import ekcert
from nova_trusted_launch.agent.attester import Attester, Collector
from nova_trusted_launch.agent.endorsement import Certificates
from nova_trusted_launch.agent.identity import Identities
from nova_trusted_launch.agent.logs import HostLogs
from nova_trusted_launch.agent.loop import AttestLoop, Journal
from nova_trusted_launch.agent.operations import Operations
from nova_trusted_launch.agent.pace import Pace
from nova_trusted_launch.agent.server import allowed
from nova_trusted_launch.agent.server import SocketOptions, SocketServer
from nova_trusted_launch.agent.state import StateFile
from nova_trusted_launch.agent.tpm import Tpm
from nova_trusted_launch.agent.tpm_tss.line import TssOptions
from nova_trusted_launch.agent.tpm_tss.tpm import TssTpm
from nova_trusted_launch.agent.unseal import Releaser
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.client.conf import GROUP as SERVICE_GROUP
from nova_trusted_launch.conf.agent import GROUP


class Misconfigured(Exception):
    """An option names something that cannot be used."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The parts that run."""

    tpm: Tpm
    loop: AttestLoop
    server: SocketServer


def build(conf: cfg.ConfigOpts) -> Agent:
    """Make an agent of its options; nothing runs yet.

    :raises Misconfigured: an option names something that cannot be used.
    """
    try:
        return assemble(conf, make_tpm(conf),
                        client.from_conf(conf, SERVICE_GROUP))
    except (OSError, ValueError, client.Unavailable) as exc:
        raise Misconfigured(str(exc)) from exc


def assemble(conf: cfg.ConfigOpts, tpm: Tpm,
             service: TrustedLaunchClient) -> Agent:
    """Make an agent over a TPM and a client of the service."""
    own = conf[GROUP]
    identities = Identities(tpm, service, StateFile(own.state_path),
                            own.host, os.urandom)
    collector = Collector(tpm, HostLogs(own.boot_log_path,
                                        own.ima_log_path))
    journal = Journal()
    loop = AttestLoop(
        Attester(identities, service, collector), identities, journal,
        Pace(own.interval, own.retry_interval, own.waiting_interval,
             own.jitter),
        random.SystemRandom().random, enrol_again=own.enrol_again)
    releaser = Releaser(
        tpm, identities, service, collector,
        parallel=own.parallel_releases, patience=own.release_wait)
    operations = Operations(releaser, service, identities, loop, journal,
                            host=own.host)
    return Agent(tpm, loop, SocketServer(
        SocketOptions(own.socket_path, allowed(own.allowed_users),
                      own.socket_connections, own.socket_timeout),
        operations.table()))


def make_tpm(conf: cfg.ConfigOpts) -> TssTpm:
    """Make the TPM of the options; it is not contacted yet.

    :raises OSError: a file cannot be read.
    :raises ValueError: a file holds no certificate.
    """
    own = conf[GROUP]
    auth = b""
    if own.endorsement_auth_file:
        with open(own.endorsement_auth_file, "rb") as stream:
            auth = stream.read().rstrip(b"\n")
    certificates = Certificates(
        tuple(ekcert.read_files(filter(None, [own.ek_certificate_file]))),
        tuple(ekcert.read_files(own.ek_intermediates_files)))
    return TssTpm(TssOptions(own.tcti, tuple(own.ek_kinds), own.tpm_owned,
                             auth), certificates)
