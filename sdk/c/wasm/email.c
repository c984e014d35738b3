/** The import `email`. */
#include "boundary.h"

static jackfield_plugin_email_server_t lower_server(const jf_mail_server *server)
{
    return (jackfield_plugin_email_server_t){
        .host = jf_lower(server->host),
        .port = server->port,
        .tls = (jackfield_plugin_email_tls_t)server->tls,
        .auth = {.is_some = server->username != NULL,
                 .val = {jf_lower(server->username), jf_lower(server->password)}},
        .timeout = {.is_some = server->timeout > 0, .val = server->timeout},
    };
}

static jackfield_plugin_email_mail_t lower_mail(const jf_mail *mail)
{
    jackfield_plugin_email_mail_t lowered = {
        .from = jf_lower(mail->from),
        .reply_to = jf_lower_some(mail->reply_to),
        .subject = jf_lower(mail->subject),
        .text = jf_lower_some(mail->text),
        .html = jf_lower_some(mail->html),
        .message_id = jf_lower_some(mail->message_id),
        .in_reply_to = jf_lower_some(mail->in_reply_to),
    };
    JF_LOWER_TEXTS(&lowered.to, mail->to);
    JF_LOWER_TEXTS(&lowered.cc, mail->cc);
    JF_LOWER_TEXTS(&lowered.bcc, mail->bcc);
    JF_LOWER_TEXTS(&lowered.references, mail->references);
    JF_LOWER_HEADERS(&lowered.headers, mail->headers.items, mail->headers.count);
    lowered.attachments.ptr = jf_alloc(mail->file_count * sizeof *lowered.attachments.ptr);
    lowered.attachments.len = mail->file_count;
    for (size_t i = 0; i < mail->file_count; i++)
        lowered.attachments.ptr[i] = (jackfield_plugin_email_attachment_t){
            .name = jf_lower(mail->files[i].name),
            .content_type = jf_lower(mail->files[i].content_type),
            .content = JF_LOWER_BYTES(mail->files[i].content),
        };
    return lowered;
}

const jf_mail_accepted *jf_email_send(const jf_mail_server *server, const jf_mail *mail)
{
    if (!jf_may_call())
        return NULL;
    jackfield_plugin_email_server_t lowered_server = lower_server(server);
    jackfield_plugin_email_mail_t lowered_mail = lower_mail(mail);
    jackfield_plugin_email_accepted_t answer;
    jackfield_plugin_email_call_error_t error;
    if (!jackfield_plugin_email_send(&lowered_server, &lowered_mail, &answer, &error)) {
        jf_lift_refusal(&error);
        return NULL;
    }
    jf_mail_accepted *accepted = jf_alloc(sizeof *accepted);
    accepted->message_id = jf_lift(answer.message_id);
    accepted->response = jf_lift(answer.response);
    jf_rejection *rejected = jf_alloc(answer.rejected.len * sizeof *rejected);
    for (size_t i = 0; i < answer.rejected.len; i++) {
        const jackfield_plugin_email_rejection_t *one = &answer.rejected.ptr[i];
        rejected[i] = (jf_rejection){
            .address = jf_lift(one->address),
            .code = one->code,
            .enhanced = one->enhanced.is_some ? jf_lift(one->enhanced.val) : NULL,
            .text = jf_lift(one->text),
        };
    }
    accepted->rejected = rejected;
    accepted->rejected_count = answer.rejected.len;
    return accepted;
}

const char *jf_email_check(const jf_mail_server *server)
{
    if (!jf_may_call())
        return NULL;
    jackfield_plugin_email_server_t lowered = lower_server(server);
    plugin_string_t greeting;
    jackfield_plugin_email_call_error_t error;
    if (jackfield_plugin_email_check(&lowered, &greeting, &error))
        return jf_lift(greeting);
    jf_lift_refusal(&error);
    return NULL;
}
