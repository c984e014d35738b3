/** The import `http`. */
#include "boundary.h"

const jf_response *jf_http_fetch(const jf_request *request)
{
    if (!jf_may_call())
        return NULL;
    jf_exchange exchange = jf_exchange_of(request);
    jackfield_plugin_http_request_t lowered = {
        .method = jf_lower(exchange.method),
        .url = jf_lower(request->url),
        .basic_auth = {.is_some = request->basic_auth.username != NULL,
                       .val = {jf_lower(request->basic_auth.username),
                               jf_lower(request->basic_auth.password)}},
        .body = {.is_some = exchange.has_body, .val = JF_LOWER_BYTES(exchange.body)},
        .timeout = {.is_some = request->timeout > 0, .val = request->timeout},
        .max_redirects = {.is_some = request->max_redirects != 0,
                          .val = request->max_redirects < 0 ? 0 : (uint8_t)request->max_redirects},
        .idempotency_header = jf_lower_some(request->idempotency_header),
    };
    JF_LOWER_HEADERS(&lowered.headers, exchange.headers, exchange.header_count);
    jackfield_plugin_http_response_t answer;
    jackfield_plugin_http_call_error_t error;
    if (!jackfield_plugin_http_fetch(&lowered, &answer, &error)) {
        jf_lift_refusal(&error);
        return NULL;
    }
    jf_response *response = jf_alloc(sizeof *response);
    response->status = answer.status;
    JF_LIFT_HEADERS(&response->headers, answer.headers);
    response->body = JF_LIFT_BYTES(answer.body);
    response->url = jf_lift(answer.url);
    return response;
}
