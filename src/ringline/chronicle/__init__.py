"""A conversation told as numbered events: what REST lists, and what is sent to those who want to know.

Nothing is decided here. A `Projector` reads what a conversation's journal says and gives the same events for the same
journal, always.
"""

from ringline.chronicle.entries import DELETABLE, Changes, ConversationRecord, Entry, is_deletable
from ringline.chronicle.identity import automatic_name, automatic_person, member_of_leg
from ringline.chronicle.projector import Projector
from ringline.chronicle.shapes import left_by, matches, rtc_payload
from ringline.chronicle.story import rewrite

__all__ = [
    "DELETABLE",
    "Changes",
    "ConversationRecord",
    "Entry",
    "Projector",
    "automatic_name",
    "automatic_person",
    "is_deletable",
    "left_by",
    "matches",
    "member_of_leg",
    "rewrite",
    "rtc_payload",
]
