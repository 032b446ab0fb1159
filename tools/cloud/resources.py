# SPDX-License-Identifier: Apache-2.0
"""Make what a person needs to boot a guest: network, flavor, image.

Also waits until Nova can schedule to every compute host.  Arguments: the
guest image's file, the guests' subnet (first three numbers), the names of the
hosts.  Nothing is made twice.
"""

from __future__ import annotations

import pathlib
import sys
import time

import openstack

FLAVOR = {"name": "lab.small", "vcpus": 1, "ram": 128, "disk": 1}
LIMIT = 300


def make_network(conn, subnet: str) -> None:
    network = conn.network.find_network("lab")
    if network is None:
        network = conn.network.create_network(
            name="lab", is_shared=True,
            provider_network_type="flat", provider_physical_network="lab")
    if conn.network.find_subnet("lab") is None:
        conn.network.create_subnet(
            name="lab", network_id=network.id, ip_version=4,
            cidr=f"{subnet}.0/24", gateway_ip=None, is_dhcp_enabled=False,
            allocation_pools=[
                {"start": f"{subnet}.100", "end": f"{subnet}.250"}])


def make_flavor(conn) -> None:
    if conn.compute.find_flavor(FLAVOR["name"]) is None:
        conn.compute.create_flavor(**FLAVOR)


def make_image(conn, path: pathlib.Path) -> None:
    image = conn.image.find_image("guest")
    if image is not None and image.status == "active":
        return
    if image is not None:
        conn.image.delete_image(image)
    conn.image.create_image(
        name="guest", data=path.read_bytes(), disk_format="qcow2",
        container_format="bare", visibility="public", wait=True,
        hw_rng_model="virtio")


def wait_for_hosts(conn, hosts: list[str]) -> None:
    """Both must be alive, and mapped to the cell by the scheduler."""
    end = time.monotonic() + LIMIT
    missing, told = set(hosts), set()
    while missing:
        alive = {s.host for s in conn.compute.services()
                 if s.binary == "nova-compute" and s.state == "up"}
        mapped = {h.name for h in conn.compute.hypervisors()}
        missing = set(hosts) - (alive & mapped)
        if missing and time.monotonic() > end:
            sys.exit(f"not ready after {LIMIT} s: {', '.join(missing)}")
        if missing:
            if missing != told:
                print("waiting for", ", ".join(sorted(missing)))
            told = missing
            time.sleep(1)


def main(image: str, subnet: str, hosts: list[str]) -> None:
    conn = openstack.connect(cloud="admin")
    make_network(conn, subnet)
    make_flavor(conn)
    make_image(conn, pathlib.Path(image))
    wait_for_hosts(conn, hosts)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
