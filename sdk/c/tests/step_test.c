/** Steps: outcomes, failures, waits, and the descriptor. */
#include "tests.h"

#define SETTINGS(FIELD) FIELD(text, action, "What to do.", .required = true)
JF_SETTINGS(settings, SETTINGS)

#define OUTPUT(FIELD) FIELD(text, seen_by, "Who.")
JF_OUTPUT(output, OUTPUT)

static jf_outcome *start(const jf_run *run, const void *given)
{
    const char *action = ((const settings *)given)->action;
    output seen = {.seen_by = jf_text(jf_get(jf_contact(run), "firstname"), run->step_id)};
    if (jf_equal(action, "done"))
        return jf_done(jf_write(output_type, &seen));
    if (jf_equal(action, "branch"))
        return jf_branch("late", NULL);
    if (jf_equal(action, "goto"))
        return jf_goto("there");
    if (jf_equal(action, "end"))
        return jf_end("enough");
    if (jf_equal(action, "nothing"))
        return NULL;
    if (jf_equal(action, "slow")) {
        jf_failure failure = jf_transient("busy", "wait %d s", 5);
        failure.retry_after = 5000;
        return jf_fail(failure);
    }
    if (jf_equal(action, "refused")) {
        jf_contacts_add_tags(JF_TEXTS("a"));
        return jf_done(NULL);
    }
    if (jf_equal(action, "caught")) {
        if (!jf_contacts_add_tags(JF_TEXTS("a")))
            return jf_branch("late", jf_caught() ? NULL : jf_object());
        return NULL;
    }
    if (jf_equal(action, "after")) {
        uint64_t length = 0;
        jf_clock_duration("nonsense", &length);
        jf_variables_set("x", jf_of(1));
        return jf_done(NULL);
    }
    if (jf_equal(action, "too-many")) {
        jf_outcome *wait = jf_wait(NULL);
        for (int i = 0; i < 17; i++)
            jf_on(wait, (jf_subscription){.event = "x"});
        return wait;
    }
    jf_value *state = jf_object();
    jf_set(state, "asked", 1);
    jf_outcome *wait = jf_wait(state);
    jf_until(wait, jf_clock_now() + 1000);
    jf_on(wait, (jf_subscription){.event = "message.received", .claim = true});
    return wait;
}

static jf_outcome *resume(const jf_run *run, const void *given, const jf_value *state,
                          const jf_wake *wake)
{
    (void)run;
    (void)given;
    if (wake->timer)
        return jf_branch("late", NULL);
    output seen = {.seen_by = jf_format("%s %s %s", wake->name, jf_text(wake->data, ""),
                                        jf_json(jf_get(state, "asked")))};
    return jf_done(jf_write(output_type, &seen));
}

static const jf_step plugin = {
    .name = "try-out",
    .version = "1.0.0",
    .title = "Try out",
    .summary = "Tries everything.",
    .icon = "x",
    .category = JF_LOGIC,
    .settings = settings_type,
    .output = output_type,
    .branches = {{"late", "Too late", "next"}},
    .branches_from = "/branches/*",
    .failures = {{"http-*", "The server answered another status than 2xx"}},
    .waits = true,
    .bounds_loops = true,
    .hosts = {"https://a.example", "https://b.example"},
    .secrets = {{.name = "token",
                 .title = "Token",
                 .summary = "From there.",
                 .optional = true,
                 .hosts = {"https://a.example"},
                 .places = JF_IN_HEADER | JF_IN_HMAC}},
    .limits = {.fuel = 1, .memory = 2, .table_elements = 3, .deadline_ms = 4, .bytes_in = 5,
               .bytes_out = 6, .host_calls = 7, .log_lines = 8, .log_bytes = 9, .output = 10},
    .start = start,
    .resume = resume,
};

static jf_result run(const char *action)
{
    return jf_test_start(&plugin, jf_format("{\"action\":\"%s\"}", action));
}

static void the_descriptor_has_all_that_the_schema_knows(void)
{
    jf_host_new();
    JF_CHECK_JSON(jf_test_describe_step(&plugin), {
        "name": "try-out", "version": "1.0.0", "title": "Try out", "summary": "Tries everything.",
        "icon": "x", "category": "logic",
        "settings": {"type": "object", "required": ["action"], "additionalProperties": false,
                     "properties": {"action": {"type": "string", "description": "What to do."}}},
        "output": {"type": "object", "additionalProperties": false,
                   "properties": {"seen_by": {"type": ["string", "null"], "description": "Who."}}},
        "branches": [{"name": "late", "title": "Too late", "otherwise": "next"}],
        "branches-from": "/branches/*",
        "failures": [{"code": "http-*", "title": "The server answered another status than 2xx"}],
        "waits": true, "bounds-loops": true,
        "hosts": ["https://a.example", "https://b.example"],
        "secrets": [{"name": "token", "title": "Token", "summary": "From there.", "optional": true,
                     "hosts": ["https://a.example"], "places": ["header", "hmac"]}],
        "limits": {"fuel": 1, "memory": 2, "table-elements": 3, "deadline-ms": 4, "bytes-in": 5,
                   "bytes-out": 6, "host-calls": 7, "log-lines": 8, "log-bytes": 9, "output": 10}
    });
}

static void a_step_without_settings_and_output_describes_itself(void)
{
    static const jf_step bare = {
        .name = "bare", .version = "1.0.0", .title = "Bare", .summary = "Bare.", .start = start};
    jf_host_new();
    const jf_value *descriptor = jf_test_describe_step(&bare);
    JF_CHECK_JSON(jf_get(descriptor, "output"), {"type": "object"});
    JF_CHECK_TEXT(jf_text(jf_get(descriptor, "category"), NULL), "other");
}

static void every_outcome_is_what_it_says(void)
{
    jf_host *host = jf_host_new();
    JF_CHECK_JSON(run("done").output, {"seen_by": "step"});
    host->contact = JF_JSON({"firstname": "Ann"});
    JF_CHECK_JSON(run("done").output, {"seen_by": "Ann"});
    JF_CHECK_TEXT(run("done").branch, "success");
    JF_CHECK_TEXT(run("branch").branch, "late");
    JF_CHECK_TEXT(run("goto").goes_to, "there");
    JF_CHECK_TEXT(run("end").ends, "enough");
    JF_CHECK_FAILED(run("nothing"), "contract");
    JF_CHECK_FAILED(run("too-many"), "contract");
    jf_result slow = run("slow");
    JF_CHECK_FAILED(slow, "busy");
    JF_CHECK(slow.failure.class == JF_TRANSIENT && slow.failure.retry_after == 5000);
    JF_CHECK_TEXT(slow.failure.message, "wait 5 s");
}

static void a_wait_ends_by_its_time_or_by_an_event(void)
{
    const char *settings = JF_JSON({"action": "wait"});
    jf_host_new();
    jf_result wait = jf_test_start(&plugin, settings);
    JF_CHECK(wait.waits && wait.until == 1767225601000);
    JF_CHECK(wait.event_count == 1 && wait.events[0].claim);
    JF_CHECK_JSON(wait.state, {"asked": 1});
    JF_CHECK_TEXT(jf_test_timer(&plugin, settings, &wait).branch, "late");
    JF_CHECK_JSON(jf_test_event(&plugin, settings, &wait, "message.received", "\"Hi\"").output,
                  {"seen_by": "message.received Hi 1"});
}

static void a_refused_call_is_the_failure_unless_it_is_caught(void)
{
    jf_host *host = jf_host_new();
    jf_result refused = run("refused");
    JF_CHECK_FAILED(refused, "not-found");
    JF_CHECK(refused.failure.class == JF_PERMANENT);
    JF_CHECK_TEXT(run("caught").branch, "late");
    JF_CHECK_FAILED(run("after"), "invalid");
    JF_CHECK(jf_count(host->set) == 0); /* nothing was done on top of the refusal */
}

static void a_denied_call_is_blocked_and_names_the_grant(void)
{
    jf_host_new();
    jf_failure failure = jf_failure_of(
        &(jf_call_error){.code = "denied", .message = "no", .grant = "https://a.example"});
    JF_CHECK(failure.class == JF_BLOCKED);
    JF_CHECK_TEXT(failure.message, "no (the grant `https://a.example` would allow it)");
}

static void wrong_settings_name_the_setting(void)
{
    jf_host_new();
    JF_CHECK_FAILED(jf_test_start(&plugin, "{}"), "schema");
    jf_run without = {.step_id = "step"};
    jf_failure failure;
    JF_CHECK(!jf_drive_step(&plugin, &without, "{}", NULL, NULL, NULL, &failure));
    JF_CHECK_TEXT(failure.code, "invalid-config");
    JF_CHECK_TEXT(failure.message, "setting `action`: missing field `action`");
    JF_CHECK(!jf_drive_step(&plugin, &without, "5", NULL, NULL, NULL, &failure));
    JF_CHECK_TEXT(failure.message, "setting `(all)`: expected an object, found 5");
    JF_CHECK(failure.class == JF_INVALID_CONFIG);
}

static void what_the_host_sends_is_read_with_care(void)
{
    jf_host_new();
    jf_run bad = {.step_id = "step", .contact_json = "{"};
    jf_failure failure;
    JF_CHECK(!jf_drive_step(&plugin, &bad, "{\"action\":\"done\"}", NULL, NULL, NULL, &failure));
    JF_CHECK_TEXT(failure.code, "contract");
    jf_wake wake = {.timer = true};
    JF_CHECK(!jf_drive_step(&plugin, &bad, "{\"action\":\"\"}", "no", &wake, NULL, &failure));
    JF_CHECK_TEXT(failure.code, "contract");
    JF_CHECK(!jf_drive_step(&plugin, &bad, "{\"action\":\"\"}", "1", &(jf_wake){0}, "no", &failure));
    JF_CHECK_TEXT(failure.code, "contract");
}

void step_tests(void)
{
    JF_TEST(the_descriptor_has_all_that_the_schema_knows);
    JF_TEST(a_step_without_settings_and_output_describes_itself);
    JF_TEST(every_outcome_is_what_it_says);
    JF_TEST(a_wait_ends_by_its_time_or_by_an_event);
    JF_TEST(a_refused_call_is_the_failure_unless_it_is_caught);
    JF_TEST(a_denied_call_is_blocked_and_names_the_grant);
    JF_TEST(wrong_settings_name_the_setting);
    JF_TEST(what_the_host_sends_is_read_with_care);
}
