# SPDX-License-Identifier: Apache-2.0
"""The architecture: who may import whom."""

from __future__ import annotations

import ast
import functools
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
NTL, SERVICE = "nova_trusted_launch", "attestation_service"

# What reaches out of the process, or does not give the same twice.
IMPURE = {"logging", "os", "time", "random", "secrets", "socket",
          "subprocess", "threading", "asyncio", "pathlib", "shutil",
          "tempfile", "urllib", "http", "sqlite3"}
PURE = sys.stdlib_module_names - IMPURE

# I1 to I3: package -> top-level names it never imports, however deep it is.
NEVER = {
    NTL: {SERVICE, "flask", "sqlalchemy"},
    SERVICE: {"nova", "horizon", "openstack_dashboard", "osc_lib",
              "tpm2_pytss"},
}
# I3 to I5: package -> the only things it imports.
ONLY = {
    f"{NTL}/wire": (PURE, {f"{NTL}.wire"}),
    f"{NTL}/admission.py": (PURE, {f"{NTL}.wire"}),
    # OpenSSL is cryptography's own sister; records are plain values.
    f"{SERVICE}/core": (PURE | {"cryptography", "OpenSSL"}, {
        f"{NTL}.wire", f"{SERVICE}.core", f"{SERVICE}.records"}),
    f"{SERVICE}/records": (PURE, {f"{NTL}.wire", f"{SERVICE}.records"}),
    f"{SERVICE}/ports": (PURE, {f"{NTL}.wire", f"{SERVICE}.core",
                                f"{SERVICE}.ports", f"{SERVICE}.records"}),
    f"{SERVICE}/flows": (PURE | {"oslo_log"}, {
        f"{NTL}.wire", f"{SERVICE}.core", f"{SERVICE}.flows",
        f"{SERVICE}.ports", f"{SERVICE}.records"}),
}
# I6: adapters never import each other, and only the edge over HTTP (and what
# composes it) imports flows.
ADAPTERS = ("api", "cloud", "messaging", "signing", "store", "vault")
# I7: one home per outside world.
HOMES = {
    "nova": (f"{NTL}/scheduler", f"{NTL}/compute"),
    "osc_lib": (f"{NTL}/osc",),
    "cliff": (f"{NTL}/osc",),
    "novaclient": (f"{NTL}/nova_shell.py", f"{SERVICE}/cloud"),
    "horizon": (f"{NTL}/horizon",), "django": (f"{NTL}/horizon",),
    "openstack_dashboard": (f"{NTL}/horizon",),
    "tpm2_pytss": (f"{NTL}/agent/tpm_tss",),
    "keystoneauth1": (f"{NTL}/client", f"{SERVICE}/cloud",
                      # Its options, not its sessions.
                      f"{SERVICE}/conf"),
    "castellan": (f"{SERVICE}/vault", f"{SERVICE}/signing",
                  f"{NTL}/compute/keymanager.py"),
    "oslo_messaging": (f"{SERVICE}/messaging", f"{NTL}/agent"),
    "sqlalchemy": (f"{SERVICE}/store", f"{SERVICE}/vault"),
    "alembic": (f"{SERVICE}/store",),
    "flask": (f"{SERVICE}/api",),
    "tempest": (f"{NTL}/tempest",),
}


def sources(place):
    path = ROOT / place
    return [path] if path.suffix else sorted(path.rglob("*.py"))


@functools.cache
def tree(path):
    return ast.parse(path.read_text())


def imports(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # "from package import module" names the module as well.
            yield from (f"{node.module}.{alias.name}"
                        for alias in node.names)


def shown(path):
    return str(path.relative_to(ROOT))


def within(name, packages):
    return any(name == package or name.startswith(f"{package}.")
               for package in packages)


@pytest.mark.parametrize("package", NEVER)
def test_i1_some_names_are_never_imported(package):
    bad = [(shown(path), name) for path in sources(package)
           for name in imports(path)
           if name.split(".")[0] in NEVER[package]]
    assert bad == []


def test_i2_service_sees_only_the_wire():
    bad = [(shown(path), name) for path in sources(SERVICE)
           for name in imports(path)
           if within(name, {NTL}) and not within(name, {f"{NTL}.wire"})]
    assert bad == []


def test_i3_the_package_itself_is_empty():
    for package in (NTL, SERVICE):
        assert (ROOT / package / "__init__.py").read_text() == ""


@pytest.mark.parametrize("place", ONLY)
def test_i3_i4_i5_the_inside_imports_little(place):
    top, ours = ONLY[place]
    assert sources(place)
    bad = [(shown(path), name) for path in sources(place)
           for name in imports(path)
           if name.split(".")[0] not in top and not within(name, ours)]
    assert bad == []


def test_i6_adapters_never_import_each_other():
    bad = [(shown(path), name) for adapter in ADAPTERS
           for path in sources(f"{SERVICE}/{adapter}")
           for name in imports(path)
           if within(name, {f"{SERVICE}.{other}" for other in ADAPTERS
                            if other != adapter})
           or (adapter != "api" and within(name, {f"{SERVICE}.flows"}))]
    assert bad == []


@pytest.mark.parametrize("world", HOMES)
def test_i7_one_home_per_outside_world(world):
    homes = [ROOT / home for home in HOMES[world]]
    bad = [shown(path) for package in (NTL, SERVICE)
           for path in sources(package)
           if world in {name.split(".")[0] for name in imports(path)}
           and not any(home == path or home in path.parents
                       for home in homes)]
    assert bad == []


def test_i8_no_import_inside_a_function():
    bad = [(shown(path), node.lineno)
           for package in (NTL, SERVICE) for path in sources(package)
           for function in ast.walk(tree(path))
           if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
           for node in ast.walk(function)
           if isinstance(node, ast.Import | ast.ImportFrom)]
    assert bad == []


def test_every_source_says_its_licence_and_what_it_is_for():
    bad = []
    for package in (NTL, SERVICE):
        for path in sources(package):
            text = path.read_text()
            if text and not (
                    text.startswith("# SPDX-License-Identifier: Apache-2.0")
                    and ast.get_docstring(tree(path))):
                bad.append(shown(path))
    assert bad == []


@pytest.mark.parametrize("module", [
    f"{NTL}.wire.evidence", f"{NTL}.wire.receipts", f"{NTL}.wire.snapshot",
    f"{NTL}.admission"])
def test_cold_import_brings_nothing_along(module):
    heavy = ["flask", "sqlalchemy", "nova", "oslo_config", "oslo_log",
             "keystoneauth1", "cryptography", "jwt", SERVICE]
    subprocess.run(
        [sys.executable, "-c",
         f"import sys, {module}\n"
         f"found = sorted(set({heavy!r}) & set(sys.modules))\n"
         "assert not found, found"], check=True, cwd=ROOT)
