# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration of the documentation."""

project = "nova-trusted-launch"
copyright = "nova-trusted-launch maintainers"
extensions = [
    "openstackdocstheme",
    "oslo_config.sphinxext",
    "oslo_policy.sphinxext",
]
root_doc = "index"
html_theme = "openstackdocs"
html_static_path = ["_static"]
openstackdocs_repo_name = "openstack/nova-trusted-launch"
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
openstackdocs_bug_project = "nova-trusted-launch"
openstackdocs_bug_tag = "docs"
pygments_style = "native"
exclude_patterns = []
