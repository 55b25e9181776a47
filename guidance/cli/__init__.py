"""The command `guidance`: arguments, logging set-up and exit codes; no algorithm lives here."""

from guidance.cli._app import main

__all__ = ["main"]
