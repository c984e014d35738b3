"""The step `language-router`: guesses the language of a text and takes the branch for it.

For the first message of a conversation, before anybody has asked the contact which language to use.
It calls nothing and stores nothing: `detect` counts letters and words.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from jackfield_plugin import Branch, Done, Failure, Invocation, Outcome, Step, bounds

from detect import detect

Language = Literal["de", "en", "es", "fr", "it", "nl", "pt"]

NAME = bounds(max_length=64, pattern="^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
#: Branches that the step has whatever its settings are.
RESERVED = ("success", "failure", "other", "unknown")


@dataclass
class Route:
    """A branch for some languages."""

    name: Annotated[
        str,
        "Lower-case words with hyphens; the step's `branches` say where the run goes on.",
        NAME,
    ]
    languages: Annotated[
        list[Language], "ISO 639-1 codes, such as `fr`.", bounds(min_items=1, max_items=7)
    ]


@dataclass
class Settings:
    """What the workflow's author sets."""

    text: Annotated[str, "What the contact wrote, such as `$message.text`."]
    routes: Annotated[
        list[Route], "Which branch is taken for which languages.", bounds(min_items=1, max_items=7)
    ]
    confidence: Annotated[
        float,
        "From 0 to 1: what is less sure goes by the branch `unknown`. At 0.5 nearly nothing is "
        "mistaken, and a greeting of one word may be unknown.",
        bounds(minimum=0, maximum=1),
    ] = 0.5


@dataclass
class Output:
    """What later steps can read."""

    language: Annotated[
        Language | None, "The likeliest language, sure or not; nothing where there are no words."
    ]
    confidence: Annotated[float, "How sure it is, from 0 to 1."]


step = Step(
    name="language-router",
    version="1.0.0",
    title="Language router",
    summary="Guesses the language of a text (German, English, Spanish, French, Italian, Dutch or "
    "Portuguese) and takes the branch for it.",
    category="logic",
    icon="🌍",
    settings=Settings,
    output=Output,
    branches_from="/routes/*/name",
    branches=[
        Branch("other", "A language that no route names", otherwise="unknown"),
        Branch("unknown", "No language is sure enough", otherwise="next"),
    ],
)


@step.start
def start(run: Invocation, settings: Settings) -> Outcome:
    branches = routes(settings.routes)
    guess = detect(settings.text)
    output = {"language": guess.language, "confidence": guess.confidence}
    if guess.language is None or guess.confidence < settings.confidence:
        return Done(output, branch="unknown")
    return Done(output, branch=branches.get(guess.language, "other"))


def routes(listed: list[Route]) -> dict[str, str]:
    """The branch of each language. A language, like a name, belongs to one route."""
    branches: dict[str, str] = {}
    names: set[str] = set()
    for index, route in enumerate(listed):
        if route.name in RESERVED or route.name in names:
            raise Failure.invalid_config(
                f"routes[{index}].name",
                f"`{route.name}` is a branch of this step already; choose another name",
            )
        names.add(route.name)
        for language in route.languages:
            if language in branches:
                raise Failure.invalid_config(
                    f"routes[{index}].languages",
                    f"`{language}` goes by the branch `{branches[language]}` already",
                )
            branches[language] = route.name
    return branches
