"""Wiring and life cycle: settings, logging, metrics, start-up, drain, and the command line."""
