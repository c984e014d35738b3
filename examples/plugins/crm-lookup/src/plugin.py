"""The step `crm-lookup`: finds the contact in a CRM and takes over what is known there.

Asks any REST API that answers a GET with JSON. What it finds goes into a variable of the run, and,
field by field, to the contact. Nothing is kept between runs: what is true in the CRM is asked there.
A contact's field that refuses its value is logged and left as it is; the others are taken over.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from jackfield_plugin import (
    URI,
    Branch,
    CallError,
    Done,
    Failure,
    Invocation,
    Outcome,
    Secret,
    Step,
    bounds,
    clock,
    contacts,
    http,
    log,
    ref,
    secret,
    variables,
)


@dataclass
class Mapping:
    """A field of the contact, and where its value stands."""

    field: Annotated[
        str, "The contact's field, such as `lastname` or one of your own.", ref("contact-field")
    ]
    from_: Annotated[str, "Where it stands in the record, such as `company.name`."]


@dataclass
class Settings:
    """What the workflow's author sets."""

    url: Annotated[
        str,
        "What is asked, such as `https://crm.example.com/v1/people?email=${contact.email}`.",
        URI,
        bounds(pattern="^https?://"),
    ]
    record: Annotated[
        str,
        "Where the record stands in the answer, such as `results.0`; left out: the answer is it.",
    ] = ""
    fields: Annotated[list[Mapping], "What is taken over to the contact.", bounds(max_items=50)] = (
        field(default_factory=list)
    )
    variable: Annotated[
        str,
        "The variable that gets the whole record: later steps read `$vars.NAME`.",
        bounds(pattern="^[a-z][a-z0-9_]*$", max_length=64),
    ] = "crm"


@dataclass
class Output:
    """What later steps can read."""

    found: Annotated[bool, "Whether the CRM knows the contact."]
    updated: Annotated[list[str], "The contact's fields that were set."]


step = Step(
    name="crm-lookup",
    version="1.0.0",
    title="CRM look-up",
    summary="Finds the contact in a CRM by its REST API, and takes over what is known there.",
    category="integrations",
    icon="📇",
    settings=Settings,
    output=Output,
    branches=[Branch("not-found", "The CRM does not know the contact", otherwise="next")],
    hosts=["*"],
    secrets=[
        Secret(
            "crm-token",
            "The CRM's API token",
            places=["header"],
            summary="Sent as `Authorization: Bearer ...`. Approve only the CRM's own host for this "
            "plugin, and the token can go nowhere else.",
        )
    ],
)


@step.start
def start(run: Invocation, settings: Settings) -> Outcome:
    answer = http.get(
        settings.url,
        headers={
            "accept": "application/json",
            "authorization": f"Bearer {secret('crm-token')}",
        },
    )
    record = at(settings.record, read(answer))
    if not isinstance(record, dict) or not record:
        return Done(Output(found=False, updated=[]), branch="not-found")
    variables.set(settings.variable, record)
    updated = [mapping.field for mapping in settings.fields if take_over(mapping, record)]
    return Done(Output(found=True, updated=updated))


def read(answer: http.Response) -> Any:
    """The JSON of an answer; nothing where the CRM has nothing."""
    if answer.status in (204, 404):
        return None
    if answer.status in (401, 403):
        raise Failure.blocked("auth", "the CRM refuses the token: set the secret `crm-token` anew")
    if answer.status == 429 or answer.status >= 500:
        raise Failure.transient(
            "busy",
            f"the CRM answered {answer.status}",
            retry_after=answer.retry_after(clock.now()),
        )
    if not answer.ok:
        raise Failure.invalid_config("url", f"the CRM answered {answer.status}")
    try:
        return answer.json()
    except ValueError as error:
        raise Failure.permanent("no-json", f"the CRM's answer is no JSON: {error}") from None


def at(path: str, value: Any) -> Any:
    """What stands at a path of names and numbers, such as `results.0`; nothing where it ends."""
    for name in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and re.fullmatch("[0-9]{1,4}", name):
            value = value[int(name)] if int(name) < len(value) else None
        else:
            return None
    return value


def take_over(mapping: Mapping, record: dict[str, Any]) -> bool:
    """Sets one field of the contact, if the record has a value for it that the field takes."""
    value = at(mapping.from_, record)
    if value is None or value == "":
        return False
    try:
        contacts.update(mapping.field, value)
    except CallError as error:
        if error.code != "invalid":
            raise
        log.warn(f"the contact's field `{mapping.field}` is left as it is: {error.message}")
        return False
    return True
