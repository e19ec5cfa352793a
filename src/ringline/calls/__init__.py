"""The heart: legs, conversations, the running script, who hears whom, which webhook is due. Events in, commands out."""

from ringline.calls.conversation import Conversation
from ringline.calls.journal import Difference, entry, replay

__all__ = ["Conversation", "Difference", "entry", "replay"]
