/** The test host's digests, against known answers. */
#include "tests.h"

static void digests_are_those_of_the_standards(void)
{
    jf_host_new();
    static const char *const of_abc[] = {
        "900150983cd24fb0d6963f7d28e17f72",
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
        "8086072ba1e7cc2358baeca134c825a7",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    };
    for (int algorithm = JF_MD5; algorithm <= JF_SHA512; algorithm++)
        JF_CHECK_TEXT(jf_hex(jf_digest((jf_algorithm)algorithm, jf_bytes_of("abc"))),
                      of_abc[algorithm]);
    JF_CHECK_TEXT(jf_hex(jf_digest(JF_MD5, jf_bytes_of(""))), "d41d8cd98f00b204e9800998ecf8427e");
}

static void macs_are_those_of_rfc_4231(void)
{
    jf_host_new();
    jf_bytes key = jf_bytes_of("Jefe"), data = jf_bytes_of("what do ya want for nothing?");
    JF_CHECK_TEXT(jf_hex(jf_hmac(JF_SHA256, key, data)),
                  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    JF_CHECK_TEXT(jf_hex(jf_hmac(JF_SHA512, key, data)),
                  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
    uint8_t *longer = jf_alloc(131);
    for (size_t i = 0; i < 131; i++)
        longer[i] = 0xaa;
    JF_CHECK_TEXT(
        jf_hex(jf_hmac(JF_SHA256, (jf_bytes){longer, 131},
                       jf_bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"))),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

void digest_tests(void)
{
    JF_TEST(digests_are_those_of_the_standards);
    JF_TEST(macs_are_those_of_rfc_4231);
}
