"""Ringline: a self-hosted programmable voice platform that speaks the Vonage Voice API."""

__version__ = "0.1.0"
