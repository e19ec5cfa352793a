"""Voices and recognisers as ideas: which voice a request means, what its text says, what is listened for. No engine."""

from ringline.speech.answering import AnswerJudge, BeepFinder, Judgement
from ringline.speech.markup import (
    Break,
    Emphasis,
    Lang,
    Node,
    Paragraph,
    Phoneme,
    Prosody,
    SayAs,
    Sentence,
    Speech,
    Text,
    parse,
)
from ringline.speech.phonemes import ipa
from ringline.speech.readings import reading
from ringline.speech.recognition import (
    MOST_RESULTS,
    Wanted,
    find_recognition_language,
    recognition_languages,
    tidy,
    wanted,
)
from ringline.speech.sentences import pieces
from ringline.speech.text import is_ssml, strip_tags
from ringline.speech.transcripts import ChannelTranscript, Segment, SpokenWord, document, segments
from ringline.speech.voices import (
    DEFAULT_LANGUAGE,
    Gender,
    Resolution,
    VoiceChoice,
    find_language,
    is_listed,
    languages,
    legacy_voice,
    resolve,
    styles,
)

__all__ = [
    "DEFAULT_LANGUAGE",
    "MOST_RESULTS",
    "AnswerJudge",
    "BeepFinder",
    "Break",
    "ChannelTranscript",
    "Emphasis",
    "Gender",
    "Judgement",
    "Lang",
    "Node",
    "Paragraph",
    "Phoneme",
    "Prosody",
    "Resolution",
    "SayAs",
    "Segment",
    "Sentence",
    "Speech",
    "SpokenWord",
    "Text",
    "VoiceChoice",
    "Wanted",
    "document",
    "find_language",
    "find_recognition_language",
    "ipa",
    "is_listed",
    "is_ssml",
    "languages",
    "legacy_voice",
    "parse",
    "pieces",
    "reading",
    "recognition_languages",
    "resolve",
    "segments",
    "strip_tags",
    "styles",
    "tidy",
    "wanted",
]
