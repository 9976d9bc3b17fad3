# Generated from _async/__init__.py by client/scripts/generate_sync.py; edit that file instead.
"""The synchronous client."""
