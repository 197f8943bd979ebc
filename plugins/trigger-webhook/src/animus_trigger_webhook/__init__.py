"""Triggers that answer webhooks: plain ones and GitHub's."""
