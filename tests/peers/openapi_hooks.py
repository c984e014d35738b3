"""What Schemathesis cannot know about Jackfield: how bodies that are not JSON look.

Loaded by `tests/openapi_fuzz.rs` through `openapi_fuzz.toml`. Workflow documents and components are
made here: some good, most broken in one place, some of them anything at all.
"""

import schemathesis
from hypothesis import strategies as st

GOOD = """name: pause
trigger: {event: pause.wanted}
steps:
  pause: {uses: wait@1, with: {for: 1h}}
"""

BROKEN = [
    "name: pause\nsteps: 7\n",
    "name: pause\ntrigger: {event: A B}\nsteps: {}\n",
    "a: &a [x, x]\nb: [*a, *a]\n",
    "name: [",
    "? [a]\n: b\n",
    "name: pause\nname: pause\n",
    "\ufeff---\n...\n",
    "steps: {pause: {uses: nothing@99, with: {for: 1e999}}}\n",
]


@schemathesis.serializer("application/wasm")
def wasm(ctx, value):
    """Bytes as they are; whatever else was made up for a wrong body, as text."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.serializer("application/yaml")
def yaml(ctx, value):
    """A document as it is written: Schemathesis' own would put the text into quotes."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


documents = st.one_of(
    st.just(GOOD),
    st.sampled_from(BROKEN),
    st.text(max_size=200),
    # One line of the good one, replaced.
    st.tuples(st.integers(0, 3), st.text(max_size=40)).map(
        lambda change: "\n".join(
            change[1] if number == change[0] else line
            for number, line in enumerate(GOOD.splitlines())
        )
    ),
)
schemathesis.openapi.media_type("application/yaml", documents.map(lambda text: text.encode("utf-8", "replace")))

components = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(lambda rest: b"\0asm\x0d\0\x01\0" + rest),
    st.just(b"\0asm\x01\0\0\0"),
)
schemathesis.openapi.media_type("application/wasm", components)
