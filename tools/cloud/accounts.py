# SPDX-License-Identifier: Apache-2.0
"""Make the accounts, services and endpoints of the cloud.

One process for all of them, and nothing is made twice.  Arguments: the names
of the compute hosts; each host's agent has an account of its own.
"""

from __future__ import annotations

import os
import sys

import openstack

ENV = os.environ

# type: (name, URL, user)
SERVICES = {
    "image": ("glance", f"http://{ENV['ADDRESS']}:{ENV['GLANCE_PORT']}"),
    "placement": (
        "placement", f"http://{ENV['ADDRESS']}:{ENV['PLACEMENT_PORT']}"),
    "network": ("neutron", f"http://{ENV['ADDRESS']}:{ENV['NEUTRON_PORT']}"),
    "compute": ("nova", f"http://{ENV['ADDRESS']}:{ENV['NOVA_PORT']}/v2.1"),
    "host-attestation": ("attestation", ENV["ATTESTATION_URL"]),
}
# Nova's and the attestation service's accounts ask about other people's
# servers and write Placement's traits.
SERVICE_ROLES = ("service", "admin")


def connect() -> openstack.connection.Connection:
    return openstack.connect(
        auth_url=ENV["AUTH_URL"], username="admin",
        password=ENV["ADMIN_PASSWORD"], project_name="admin",
        user_domain_id="default", project_domain_id="default",
        region_name=ENV["REGION"], load_yaml_config=False,
        load_envvars=False)


class Accounts:
    """What is there already, and what we add."""

    def __init__(self, identity) -> None:
        self._identity = identity
        self._roles = {r.name: r for r in identity.roles()}
        self._users = {u.name: u for u in identity.users()}
        self._projects = {p.name: p for p in identity.projects()}
        self._services = {s.type: s for s in identity.services()}
        self._endpoints = {
            (e.service_id, e.interface): e for e in identity.endpoints()}

    def role(self, name: str):
        if name not in self._roles:
            self._roles[name] = self._identity.create_role(name=name)
        return self._roles[name]

    def project(self, name: str):
        if name not in self._projects:
            self._projects[name] = self._identity.create_project(
                name=name, domain_id="default")
        return self._projects[name]

    def user(self, name, password, project, roles) -> None:
        if name not in self._users:
            self._users[name] = self._identity.create_user(
                name=name, password=password, domain_id="default")
        for role in roles:
            self._identity.assign_project_role_to_user(
                self.project(project), self._users[name], self.role(role))

    def service(self, kind: str, name: str, url: str) -> None:
        if kind not in self._services:
            self._services[kind] = self._identity.create_service(
                type=kind, name=name)
        service = self._services[kind]
        for interface in ("public", "internal"):
            known = self._endpoints.get((service.id, interface))
            if known is None:
                self._identity.create_endpoint(
                    service_id=service.id, interface=interface, url=url,
                    region_id=ENV["REGION"])
            elif known.url != url:
                self._identity.update_endpoint(known, url=url)


def main(hosts: list[str]) -> None:
    accounts = Accounts(connect().identity)
    for kind, (name, url) in SERVICES.items():
        accounts.service(kind, name, url)
        accounts.user(
            name, ENV["SERVICE_PASSWORD"], "service", SERVICE_ROLES)
    for host in hosts:
        accounts.user(
            f"agent-{host}", ENV["SERVICE_PASSWORD"], "service", ["service"])
    accounts.user("alice", ENV["ALICE_PASSWORD"], "demo", ["member"])
    accounts.user("admin", ENV["ADMIN_PASSWORD"], "demo", ["admin"])


if __name__ == "__main__":
    main(sys.argv[1:])
