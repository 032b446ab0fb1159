# SPDX-License-Identifier: Apache-2.0
"""The form in which a document is tried before it is in force."""

from __future__ import annotations

from typing import Any

import yaml
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class PreviewForm(forms.Form):
    """A document, YAML or JSON, and optionally one host."""

    document = forms.CharField(
        label=gettext_lazy("Document"), strip=False,
        help_text=gettext_lazy("YAML or JSON. It is judged on the evidence "
                               "that is kept of the hosts, and not stored."),
        widget=forms.Textarea(attrs={
            "rows": 20, "class": "form-control", "spellcheck": "false"}))
    host = forms.CharField(
        label=gettext_lazy("Host"), required=False,
        help_text=gettext_lazy("Only this host; empty: all of them."),
        widget=forms.TextInput(attrs={"class": "form-control"}))

    def clean_document(self) -> Any:
        """Read the document; the service says whether it is a good one."""
        try:
            read = yaml.safe_load(self.cleaned_data["document"])
        except yaml.YAMLError as exc:
            raise forms.ValidationError(
                _("This is neither YAML nor JSON: %s") % exc) from exc
        if not isinstance(read, dict):
            raise forms.ValidationError(_("The document is no mapping."))
        return read
