# SPDX-License-Identifier: Apache-2.0
"""Inside a compute host: be its agent, and use an answer of the service twice.

``replayer.py CONF INSTANCE ANSWER`` has the keys of an instance released to
this host, opens the answer, and then tries everything a thief could with it;
``replayer.py CONF - ANSWER`` is the thief on another host.  The answer is
handed over in a file.  Each line of the output is an attempt and what came of
it: ``opened``, or a code.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import sys

from oslo_config import cfg

from nova_trusted_launch import client
from nova_trusted_launch.agent import deploy, unseal
from nova_trusted_launch.agent.attester import Collector
from nova_trusted_launch.agent.logs import HostLogs
from nova_trusted_launch.agent.state import StateFile
from nova_trusted_launch.agent.tpm import TpmError
from nova_trusted_launch.client import conf as client_options
from nova_trusted_launch.conf import agent as options
from nova_trusted_launch.wire.challenge import Purpose
from nova_trusted_launch.wire.release import Action, Released, ReleaseRequest


def attempt(what, act):
    """Say what came of it."""
    try:
        act()
    except (client.Refused, TpmError) as exc:
        print(f"{what}: {exc.code}")
    else:
        print(f"{what}: opened")


def opening(tpm, released):
    """Return the attempt to open an answer in a new session."""
    def act():
        with contextlib.closing(tpm.policy_session()) as session:
            unseal._open(released, session)

    return act


def obtain(conf, tpm, instance):
    """Have keys released, open them, and try to do it again."""
    own = conf[options.GROUP]
    service = client.from_conf(conf, client_options.GROUP)
    identity = StateFile(own.state_path).load()
    collector = Collector(tpm, HostLogs(own.boot_log_path, own.ima_log_path))
    with contextlib.closing(tpm.policy_session()) as session:
        request = ReleaseRequest(identity.attester_id, instance,
                                 Action.REBOOT, session.nonce)
        challenge = service.release_request(request)
        evidence = collector.collect(
            identity, challenge, Purpose.RELEASE,
            request.binding(challenge.nonce)).evidence
        released = service.release_answer(challenge.subject, evidence)
        attempt("in its session", lambda: unseal._open(released, session))
    attempt("in another session", opening(tpm, released))
    attempt("evidence again", lambda: service.release_answer(
        challenge.subject, evidence))
    other = service.release_request(request)
    attempt("evidence for another release", lambda: service.release_answer(
        other.subject, evidence))
    return released


def main():
    """Do as the arguments say."""
    path, instance, answer = sys.argv[1:]
    conf = cfg.ConfigOpts()
    options.register_opts(conf)
    client_options.register_opts(conf)
    conf([], project="trusted-launch-agent", default_config_files=[path])
    tpm = deploy.make_tpm(conf)
    file = pathlib.Path(answer)
    if instance == "-":
        attempt("on another host", opening(tpm, Released.from_dict(
            json.loads(file.read_text("utf-8")))))
    else:
        file.write_text(json.dumps(obtain(conf, tpm, instance).to_dict()),
                        "utf-8")


if __name__ == "__main__":
    main()
