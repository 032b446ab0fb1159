# SPDX-License-Identifier: Apache-2.0
"""README, sample and settings of the plugin say the same."""

from __future__ import annotations

import pathlib
import re
import subprocess

DEVSTACK = pathlib.Path(__file__).parents[2] / "devstack"
README = (DEVSTACK / "README.rst").read_text()
SETTINGS = (DEVSTACK / "settings").read_text()
VARIABLE = r"TRUSTED_LAUNCH_\w+"
SET = set(re.findall(rf"^({VARIABLE})=", SETTINGS, re.M))
HEADED = set(re.findall(rf"^``({VARIABLE})`` \(", README, re.M))


def test_every_variable_is_documented():
    assert HEADED == SET


def test_every_variable_has_a_default_that_local_conf_overrides():
    defaults = set(re.findall(rf"^({VARIABLE})=\$\{{\1:-", SETTINGS, re.M))
    booleans = set(re.findall(
        rf"^({VARIABLE})=\$\(trueorfalse \w+ \1\)", SETTINGS, re.M))
    assert defaults | booleans == SET


def test_plain_defaults_are_the_documented_ones():
    for name, default in re.findall(
            rf"^({VARIABLE})=\$\{{\1:-([\w./:-]+)\}}", SETTINGS, re.M):
        assert f"``{name}`` (``{default}``)" in README


def test_libraries_use_no_variable_without_a_default():
    used = {name for path in (DEVSTACK / "lib").iterdir()
            for name in re.findall(VARIABLE, path.read_text())}
    assert used <= SET


def test_sample_sets_only_what_there_is():
    sample = (DEVSTACK / "local.conf.sample").read_text()
    assert set(re.findall(VARIABLE, sample)) <= SET
    assert re.search(r"^enable_plugin nova-trusted-launch \S+ main$", sample,
                     re.M)


def test_every_service_is_documented():
    services = set(re.findall(r"enable_service (\S+)", SETTINGS))
    assert services == set(re.findall(
        r"``(tl-\w+)``", README))


def test_the_plugin_is_defined_under_the_name_it_is_enabled_by():
    assert "\ndefine_plugin nova-trusted-launch\n" in SETTINGS


def test_shell_is_correct():
    for path in [DEVSTACK / "plugin.sh", DEVSTACK / "settings",
                 *(DEVSTACK / "lib").iterdir()]:
        subprocess.run(["bash", "-n", path], check=True)


def test_packages_are_listed_for_both_families():
    listed = (DEVSTACK / "files/bindep.txt").read_text()
    for package in ("libtss2-dev [platform:dpkg]", "swtpm", "swtpm-tools",
                    "tpm2-tss-devel [platform:rpm]", "tpm2-tools"):
        assert package in listed.splitlines()
