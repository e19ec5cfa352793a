"""The three answers to "may this request come in?", shared by those who ask and those who decide."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Admit:
    """Let in."""

    identity: str
    "Who it is: `trunk:<name>`, `user:<username>`, `account:<api key>` or `domain:<name>`."


@dataclass(frozen=True, slots=True)
class Challenge:
    """Ask for a name and password (401); the question is put again once they are right."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Turn away. 401, 403 and 407 count against the source: ten in a minute, and it is not answered for a while."""

    status: int
    reason: str = ""
    "For the log and the status line; never says whether a number or user exists."


Admission = Admit | Challenge | Refuse
