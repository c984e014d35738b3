/** The import `crypto`. */
#include "boundary.h"

jf_bytes jf_crypto_hash(jf_algorithm algorithm, jf_bytes data)
{
    plugin_list_u8_t lowered = JF_LOWER_BYTES(data);
    plugin_list_u8_t digest;
    jackfield_plugin_crypto_hash((jackfield_plugin_crypto_algorithm_t)algorithm, &lowered, &digest);
    return JF_LIFT_BYTES(digest);
}

bool jf_crypto_hmac(jf_algorithm algorithm, const char *secret, jf_bytes data, jf_bytes *mac)
{
    if (!jf_may_call())
        return false;
    plugin_string_t name = jf_lower(secret);
    plugin_list_u8_t lowered = JF_LOWER_BYTES(data);
    plugin_list_u8_t answer;
    jackfield_plugin_crypto_call_error_t error;
    if (!jackfield_plugin_crypto_hmac((jackfield_plugin_crypto_algorithm_t)algorithm, &name,
                                      &lowered, &answer, &error))
        return jf_lift_refusal(&error);
    *mac = JF_LIFT_BYTES(answer);
    return true;
}

bool jf_crypto_verify(jf_algorithm algorithm, const char *secret, jf_bytes data,
                      jf_bytes signature)
{
    if (!jf_may_call())
        return false;
    plugin_string_t name = jf_lower(secret);
    plugin_list_u8_t lowered = JF_LOWER_BYTES(data);
    plugin_list_u8_t candidate = JF_LOWER_BYTES(signature);
    bool good;
    jackfield_plugin_crypto_call_error_t error;
    if (!jackfield_plugin_crypto_verify((jackfield_plugin_crypto_algorithm_t)algorithm, &name,
                                        &lowered, &candidate, &good, &error))
        return jf_lift_refusal(&error);
    return good;
}

bool jf_crypto_sign(const char *algorithm, const char *secret, jf_bytes data, jf_bytes *signature)
{
    if (!jf_may_call())
        return false;
    plugin_string_t by = jf_lower(algorithm);
    plugin_string_t name = jf_lower(secret);
    plugin_list_u8_t lowered = JF_LOWER_BYTES(data);
    plugin_list_u8_t answer;
    jackfield_plugin_crypto_call_error_t error;
    if (!jackfield_plugin_crypto_sign(&by, &name, &lowered, &answer, &error))
        return jf_lift_refusal(&error);
    *signature = JF_LIFT_BYTES(answer);
    return true;
}

bool jf_crypto_equal(const char *secret, jf_bytes candidate)
{
    if (!jf_may_call())
        return false;
    plugin_string_t name = jf_lower(secret);
    plugin_list_u8_t lowered = JF_LOWER_BYTES(candidate);
    bool good;
    jackfield_plugin_crypto_call_error_t error;
    if (!jackfield_plugin_crypto_equal(&name, &lowered, &good, &error))
        return jf_lift_refusal(&error);
    return good;
}
