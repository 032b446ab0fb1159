# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration of the release notes."""

project = "nova-trusted-launch Release Notes"
copyright = "nova-trusted-launch maintainers"
extensions = ["openstackdocstheme", "reno.sphinxext"]
root_doc = "index"
html_theme = "openstackdocs"
openstackdocs_repo_name = "openstack/nova-trusted-launch"
openstackdocs_auto_name = False
openstackdocs_bug_project = "nova-trusted-launch"
openstackdocs_bug_tag = "releasenotes"
