/**
 * The step `iban-check`: is a bank account number right? For direct debits and refunds that are
 * asked for in a message: a mistyped number is seen while the contact is still there to correct it.
 *
 *     uses: iban-check@1
 *     with: {iban: $steps.ask.answer, countries: [FR, BE]}
 *     branches: {invalid: ask-again}
 */
#include "iban.h"

#include <jackfield.h>

#define SETTINGS(FIELD)                                                                            \
    FIELD(text, iban, "The number, such as `$contact.iban` or `$steps.ask.answer`; spaces and "    \
                      "small letters are fine.")                                                   \
    FIELD(texts, countries,                                                                        \
          "Only numbers of these countries are taken, such as `FR`; left out: of all.",            \
          .schema = JF_JSON({"items": {"type": "string", "pattern": "^[A-Z]{2}$"}}))
JF_SETTINGS(settings, SETTINGS)

#define OUTPUT(FIELD)                                                                              \
    FIELD(text, reason, "Why it is invalid.",                                                      \
          .choices = {"missing", "characters", "country", "length", "check-digits",                \
                      "not-accepted"})                                                             \
    FIELD(text, country, "The country's code, such as `FR`.")                                      \
    FIELD(text, iban, "The number without spaces, in capital letters.")                            \
    FIELD(text, formatted, "The number in groups of four, as on paper.")                           \
    FIELD(text, masked, "The same with stars but for the first and the last four characters.")
JF_OUTPUT(output, OUTPUT)

static const char *reason_of(iban_mistake mistake)
{
    static const char *const reasons[] = {NULL,      "missing", "characters",
                                          "country", "length",  "check-digits"};
    return reasons[mistake];
}

static bool is_accepted(const char *country, const jf_texts *countries)
{
    for (size_t i = 0; i < countries->count; i++)
        if (jf_equal(countries->items[i], country))
            return true;
    return !countries->count;
}

static jf_outcome *start(const jf_run *run, const void *given)
{
    (void)run;
    const settings *settings = given;
    iban number;
    iban_mistake mistake = iban_read(settings->iban, &number);
    output found = {.reason = reason_of(mistake)};
    /* Up to here a text of whoever wrote it; what is shown is never longer than the standard. */
    if (mistake == IBAN_GOOD || mistake == IBAN_CHECK_DIGITS)
        found.country = jf_text_of(number.text, 2);
    if (mistake == IBAN_GOOD && !is_accepted(found.country, &settings->countries))
        found.reason = "not-accepted";
    if (mistake == IBAN_GOOD) {
        found.iban = number.text;
        found.formatted = iban_shown(&number, false);
        found.masked = iban_shown(&number, true);
    }
    return jf_branch(found.reason ? "invalid" : "valid", jf_write(output_type, &found));
}

const jf_step jf_plugin = {
    .name = "iban-check",
    .version = "1.0.0",
    .title = "Check an IBAN",
    .summary = "Says whether a bank account number is right: its country, length and check digits.",
    .icon = "🏦",
    .category = JF_LOGIC,
    .settings = settings_type,
    .output = output_type,
    .branches = {{"valid", "The number is right", "next"},
                 {"invalid", "It is not, or not accepted", "fail"}},
    .start = start,
};
