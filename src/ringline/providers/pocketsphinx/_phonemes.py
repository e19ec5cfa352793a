"""The phonemes of espeak-ng (written in IPA) as those of the CMU set that the acoustic model knows."""

from __future__ import annotations

from typing import Final

_TABLE: Final = {
    "tʃ": "CH", "dʒ": "JH", "aɪə": "AY ER", "aʊə": "AW ER", "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW",
    "ɔɪ": "OY", "ɪɹ": "IH R", "ɪə": "IH R", "ɛɹ": "EH R", "eə": "EH R", "ɑːɹ": "AA R", "ɔːɹ": "AO R", "oːɹ": "AO R",
    "ʊɹ": "UH R", "ʊə": "UH R", "iə": "IY AH", "əl": "AH L", "ɜː": "ER", "ɚ": "ER", "ɝ": "ER", "əɹ": "ER", "ɑː": "AA",
    "ɔː": "AO", "oː": "AO", "iː": "IY", "uː": "UW", "æ": "AE", "a": "AA", "ɐ": "AH", "ʌ": "AH", "ə": "AH", "ᵻ": "IH",
    "ɛ": "EH", "e": "EH", "ɪ": "IH", "i": "IY", "ɒ": "AA", "ɔ": "AO", "o": "OW", "ʊ": "UH", "u": "UW", "ɑ": "AA",
    "b": "B", "d": "D", "ð": "DH", "f": "F", "ɡ": "G", "g": "G", "h": "HH", "j": "Y", "k": "K", "l": "L", "ɫ": "L",
    "m": "M", "n": "N", "ŋ": "NG", "p": "P", "ɹ": "R", "r": "R", "s": "S", "ʃ": "SH", "t": "T", "ɾ": "T", "θ": "TH",
    "v": "V", "w": "W", "ʍ": "W", "z": "Z", "ʒ": "ZH", "x": "K", "ç": "HH", "ɬ": "L", "ʔ": "T", "y": "UW", "ø": "ER",
    "œ": "ER", "ɲ": "N Y", "β": "V", "ɣ": "G", "ʁ": "R", "c": "K", "ɕ": "SH", "ɨ": "IH", "ɯ": "UW",
}  # fmt: skip
"The longest that fits is taken; whatever is not here is left out, such as stress."
_LONGEST: Final = max(map(len, _TABLE))


def cmu(ipa: str) -> str:
    """Write IPA in the CMU set, phonemes apart by blanks; empty when nothing of it is known."""
    out, place = [], 0
    text = ipa.replace("ˈ", "").replace("ˌ", "").replace("\u0303", "n").replace("\u0329", "")
    while place < len(text):
        for length in range(_LONGEST, 0, -1):
            found = _TABLE.get(text[place : place + length])
            if found is not None and len(text[place : place + length]) == length:
                out.append(found)
                place += length
                break
        else:
            place += 1
    return " ".join(out)
