# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration of the API reference."""

project = "Host attestation API"
copyright = "nova-trusted-launch maintainers"
extensions = ["os_api_ref", "openstackdocstheme"]
root_doc = "index"
html_theme = "openstackdocs"
html_theme_options = {"sidebar_mode": "toc"}
openstackdocs_repo_name = "openstack/nova-trusted-launch"
openstackdocs_auto_name = False
openstackdocs_bug_project = "nova-trusted-launch"
openstackdocs_bug_tag = "api-ref"
