# SPDX-License-Identifier: Apache-2.0
"""The chapter about one changed file, and what the service says of it."""

from __future__ import annotations

from tools.cloud import lab
from tools.demo.telling import Telling

PATH = "/usr/bin/qemu-system-x86_64"


def tell(say: Telling, admin: lab.User, host: str, profile: str) -> None:
    """Run a changed file on a host; have it explained; reboot the host."""
    say.chapter(f"One file on {host} is not the one that it was")
    text = "a hypervisor that somebody changed"
    say.command(f"tools/cloud.sh measure {host} {PATH} '{text}'")
    lab.tool("measure", host, PATH, text)
    say.command(f"openstack trusted host attest {host}")
    admin.trusted.attester_attest(host)
    lab.wait(f"{host} attests, and is judged",
             lambda: lab.tier(admin, host, profile).get("tier")
             == "contraindicated", say=say.waiting)
    say.command(f"openstack trusted host explain {host}")
    answer = admin.trusted.attester_explain(host, profile)
    bad = [finding for result in answer["results"]
           for finding in result["findings"]
           if finding["tier"] != "affirming"]
    for finding in bad:
        for name in ("subject", "detail", "expected", "actual", "action"):
            say.quote(f"{name:10}{finding[name]}")
    say.expect("the one file is named, and nothing else is wrong",
               len(bad) == 1 and PATH in bad[0]["subject"])
    say.expect("with what was expected, what was found, and what to do",
               bool(bad) and all(bad[0][name] for name in (
                   "expected", "actual", "action")))
    say.command(f"tools/cloud.sh restart swtpm@{host}")
    lab.heal(admin, host, profile, say.waiting)
    say.expect(f"{host} is good again after a reboot", True)
