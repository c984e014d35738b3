/**
 * The step `iban-check` against the test host, natively: `make test`.
 */
#include <jackfield_testing.h>

extern const jf_step jf_plugin;

static jf_result check(const char *iban)
{
    jf_host_new();
    jf_value *settings = jf_object();
    jf_set(settings, "iban", iban);
    return jf_test_start(&jf_plugin, jf_json(settings));
}

static void is_invalid(const char *iban, const char *reason)
{
    jf_result result = check(iban);
    JF_CHECK_TEXT(result.branch, "invalid");
    JF_CHECK_TEXT(jf_text(jf_get(result.output, "reason"), NULL), reason);
}

static void a_right_number_is_shown_in_all_forms(void)
{
    jf_result result = check("fr14 2004 1010 0505 0001 3m02 606");
    JF_CHECK_TEXT(result.branch, "valid");
    JF_CHECK_JSON(result.output, {
        "country": "FR",
        "iban": "FR1420041010050500013M02606",
        "formatted": "FR14 2004 1010 0505 0001 3M02 606",
        "masked": "FR14 **** **** **** **** ***2 606"
    });
}

/* The examples of the registry, short and long. */
static void numbers_of_many_countries_are_right(void)
{
    static const char *const numbers[] = {
        "AD1200012030200359100100",   "AT611904300234573201",       "BE68539007547034",
        "BR1800360305000010009795493C1", "CH9300762011623852957",   "CZ6508000000192000145399",
        "DE89370400440532013000",     "DK5000400440116243",         "EE382200221020145685",
        "ES9121000418450200051332",   "FI2112345600000785",         "GB29NWBK60161331926819",
        "GR1601101250000000012300695", "HU42117730161111101800000000", "IE29AIBK93115212345678",
        "IT60X0542811101000000123456", "LC55HEMM000100010012001200023015",
        "MT84MALT011000012345MTLCAST001S", "NL91ABNA0417164300",    "NO9386011117947",
        "PL61109010140000071219812874", "PT50000201231234567890154", "SE4550000000058398257466",
        "TR330006100519786457841326", "SA0380000000608010167519", "NL91-ABNA-0417-1643-00",
        "NL91\u00a0ABNA\u00a00417\u00a01643\u00a000",
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        JF_CHECK_TEXT(check(numbers[i]).branch, "valid");
}

static void a_wrong_number_says_what_is_wrong(void)
{
    is_invalid(NULL, "missing");
    is_invalid("  ", "missing");
    is_invalid("DE89 3704_0044", "characters");
    is_invalid("ÀD12", "characters");
    is_invalid("ZZ8937040044", "country");
    is_invalid("8", "country");
    is_invalid("DE8937040044053201300", "length");
    is_invalid("DE893704004405320130001", "length");
    is_invalid("DE0000000000000000000000000000000000000000000000000000", "length");
    is_invalid("DE88370400440532013000", "check-digits");
    is_invalid("DE89370400440532013001", "check-digits");
    is_invalid("DE89370400440532031000", "check-digits"); /* two digits changed places */
    is_invalid("DEA9370400440532013000", "check-digits");
}

static void a_country_that_is_not_accepted_is_invalid(void)
{
    jf_host_new();
    jf_result result = jf_test_start(
        &jf_plugin, JF_JSON({"iban": "DE89370400440532013000", "countries": ["FR", "BE"]}));
    JF_CHECK_TEXT(jf_text(jf_get(result.output, "reason"), NULL), "not-accepted");
    JF_CHECK_TEXT(jf_text(jf_get(result.output, "country"), NULL), "DE");
    result = jf_test_start(&jf_plugin,
                           JF_JSON({"iban": "DE89370400440532013000", "countries": ["FR", "DE"]}));
    JF_CHECK_TEXT(result.branch, "valid");
    JF_CHECK_FAILED(jf_test_start(&jf_plugin, JF_JSON({"iban": "", "countries": ["France"]})),
                    "schema");
}

int main(void)
{
    JF_TEST(a_right_number_is_shown_in_all_forms);
    JF_TEST(numbers_of_many_countries_are_right);
    JF_TEST(a_wrong_number_says_what_is_wrong);
    JF_TEST(a_country_that_is_not_accepted_is_invalid);
    return jf_tested();
}
