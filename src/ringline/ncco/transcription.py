"""What `record` and `conversation` say about transcription."""

from __future__ import annotations

from ringline.ncco.options import Options
from ringline.ncco.scalars import Flag, Method, OptionalName, Url


class Transcription(Options):
    """Turn the finished recording into text. `{}` asks for it with all defaults."""

    language: OptionalName = None
    "BCP 47; None means `en-US`."
    event_url: Url = None
    "Where the webhook goes; None: as the recording's."
    event_method: Method = "POST"
    sentiment_analysis: Flag = False
    "Adds a score from -1 to 1 to each segment."
