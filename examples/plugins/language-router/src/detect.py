"""Which of seven languages a short text is written in.

Two witnesses, both small enough to be read: the groups of three letters that the words are made of,
as often as they stand in the samples of each language, and the words that hold a language together,
which speak the louder the fewer languages share them. A group that no sample has speaks for none, so
a text in an eighth language ends with little evidence for any.

Everything is counted once, when the module is imported: in a component that is while it is built.
"""

import math
import re
from collections import Counter
from dataclasses import dataclass

from samples import SAMPLES, STOP_WORDS

LANGUAGES = tuple(SAMPLES)

#: Fewer letters than this say nothing.
FEWEST_LETTERS = 3
#: How much a word that only one language has counts, in groups of letters. With less, short sentences
#: of related languages are mixed up; with more, a single word that languages have by chance in common
#: makes a text in an eighth one look sure.
WORD_WEIGHT = 3.0
#: The share of groups that have to be known for full confidence. Of new sentences in the seven
#: languages the samples know 64 to 100 in a hundred, of others mostly less than 50.
KNOWN_SHARE = 0.75

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
#: Addresses are written in no language.
_ADDRESS = re.compile(r"\S+@\S+|https?://\S+|www\.\S+")


@dataclass(frozen=True)
class Guess:
    """The likeliest language, and from 0 to 1 how sure that is."""

    language: str | None
    confidence: float


def words(text: str) -> list[str]:
    """The words in lower case, without addresses and numbers."""
    return _WORD.findall(_ADDRESS.sub(" ", text).lower().replace("’", "'"))


def groups(word: str) -> list[str]:
    """The groups of three letters of a word, the gaps around it included."""
    padded = f" {word} "
    return [padded[at : at + 3] for at in range(len(padded) - 2)]


def detect(text: str) -> Guess:
    """The likeliest language of a text."""
    said = words(text)
    if sum(map(len, said)) < FEWEST_LETTERS:
        return Guess(None, 0.0)
    evidence = dict.fromkeys(LANGUAGES, 0.0)
    known = total = 0
    for word in said:
        holders = _HOLDERS.get(word, ())
        for language in holders:
            evidence[language] += WORD_WEIGHT / len(holders)
        for group in groups(word):
            total += 1
            shares = _SHARES.get(group)
            known += shares is not None or bool(holders)
            for language, share in shares or ():
                evidence[language] += share
    ranked = sorted(LANGUAGES, key=lambda language: -evidence[language])
    best, second = evidence[ranked[0]], evidence[ranked[1]]
    if best == 0:
        return Guess(None, 0.0)
    # The more evidence, the less a small lead can be chance.
    lead = 1 - math.exp(-(best - second))
    ahead = best / (best + second)
    confidence = lead * ahead * min(1.0, known / total / KNOWN_SHARE)
    return Guess(ranked[0], round(confidence, 3))


def _shares() -> dict[str, list[tuple[str, float]]]:
    """How much each group of letters speaks for each language; those of a group add up to 1."""
    counts = {
        language: Counter(group for word in words(sample) for group in groups(word))
        for language, sample in SAMPLES.items()
    }
    totals = {language: sum(count.values()) for language, count in counts.items()}
    out = {}
    for group in sorted(set().union(*counts.values())):
        often = {language: counts[language][group] / totals[language] for language in LANGUAGES}
        whole = sum(often.values())
        out[group] = [(language, part / whole) for language, part in often.items() if part > 0]
    return out


def _holders() -> dict[str, list[str]]:
    """The languages that each stop-word belongs to."""
    out: dict[str, list[str]] = {}
    for language, listed in STOP_WORDS.items():
        for word in listed.split():
            out.setdefault(word, []).append(language)
    return out


_SHARES = _shares()
_HOLDERS = _holders()
