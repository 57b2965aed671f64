"""The study's part of the report: what it asks, its answers, its methods and its words."""

from __future__ import annotations

from o2b_helpers.core.study import Section

SECTION = Section(question="Does a network that learned objects hold filters that answer to emotions?")
