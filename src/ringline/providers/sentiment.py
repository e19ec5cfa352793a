"""How friendly or hostile what was said is: a score for each segment of a transcription.

The lexicon and rules are those of VADER (MIT), which knows English only.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import util

from ringline.base import get_log

_log = get_log(__name__)
_INSTALL = "pip install ringline[sentiment]"


def sentiment_of(language: str) -> Callable[[str], float]:
    """A function that scores texts from -1 (negative) to 1 (positive); it takes some milliseconds.

    Where nothing knows the language, or the extra is not installed, everything is neutral: 0.
    """
    if language.partition("-")[0].lower() != "en":
        _log.info("sentiment is known of English only", language=language)
        return _neutral
    if util.find_spec("vaderSentiment") is None:
        _log.warning("sentiment is not known", why=_INSTALL)
        return _neutral
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyser = SentimentIntensityAnalyzer()
    return lambda text: float(analyser.polarity_scores(text)["compound"])


def _neutral(_text: str) -> float:
    return 0.0
