"""Sentences that the samples do not have."""

import unittest

from detect import LANGUAGES, detect

SENTENCES = {
    "de": [
        "Hallo, wo bleibt meine Lieferung?",
        "Danke!",
        "Kann man bei euch auch mit Karte zahlen",
    ],
    "en": ["where is my delivery", "I can't make it today, sorry", "See you on Monday then"],
    "es": ["¿Dónde está mi entrega?", "gracias", "Se puede pagar con tarjeta?"],
    "fr": ["où est ma livraison ?", "merci", "On peut payer par carte chez vous ?"],
    "it": ["grazie", "Oggi non riesco a venire, mi dispiace", "Si può pagare con la carta?"],
    "nl": ["waar blijft mijn levering?", "Kan ik bij jullie ook pinnen?", "Tot maandag dan"],
    "pt": ["onde está a minha entrega?", "Hoje não posso ir, desculpe", "Posso pagar com cartão?"],
}
OTHERS = [
    "Gdzie jest moja przesyłka? Proszę o odpowiedź",
    "Kde je moje zásilka, prosím?",
    "Var är mitt paket? Tack för hjälpen",
    "Siparişim nerede kaldı acaba",
    "Missä pakettini on? Kiitos avusta",
    "asdf qwer zxcv",
]


class Detect(unittest.TestCase):
    def test_short_sentences_are_told_apart_with_confidence(self) -> None:
        self.assertEqual(set(SENTENCES), set(LANGUAGES))
        for language, sentences in SENTENCES.items():
            for sentence in sentences:
                guess = detect(sentence)
                self.assertEqual(guess.language, language, sentence)
                self.assertGreater(guess.confidence, 0.5, sentence)

    def test_other_languages_are_not_taken_for_one_of_the_seven(self) -> None:
        for sentence in OTHERS:
            self.assertLess(detect(sentence).confidence, 0.5, sentence)

    def test_what_has_no_words_has_no_language(self) -> None:
        for text in ("", "12345", "👍👍", "ok", "Где моя посылка?", "https://example.com/where-is"):
            self.assertEqual(detect(text).language, None, text)
            self.assertEqual(detect(text).confidence, 0.0, text)

    def test_case_and_apostrophes_make_no_difference(self) -> None:
        self.assertEqual(detect("J'AI UNE QUESTION"), detect("j’ai une question"))
