/**
 * Messages under the published schemas: what a step puts into the outbox, what a connector gets to
 * send, and what a provider's request said.
 *
 * All are declared structs (record.h): `jf_outgoing_type` and the like give their schema and their
 * reader too. What comes in ignores members that it does not know, so that a connector built today
 * still reads the messages of a later minor version.
 */
#ifndef JACKFIELD_MESSAGE_H
#define JACKFIELD_MESSAGE_H

#include "record.h"

/** A kind of message content; several are added by `|` in a descriptor. */
typedef enum jf_content_kind {
    JF_TEXT = 1 << 0,
    JF_ATTACHMENT = 1 << 1,
    JF_QUICK_REPLY = 1 << 2,
    JF_LOCATION = 1 << 3,
    JF_EMAIL = 1 << 4,
    JF_TEMPLATE = 1 << 5,
    JF_CUSTOM = 1 << 6
} jf_content_kind;

#define JF_ATTACHMENT_FIELDS(FIELD)                                                                \
    FIELD(text, url, "Where the file is fetched from.")                                            \
    FIELD(text, content, "The file itself, in base64, instead of `url`.")                          \
    FIELD(text, kind, "What kind of file it is.", .choices = {"image", "video", "audio", "file"})  \
    FIELD(text, file_name, "The name that the contact sees.")                                      \
    FIELD(text, content_type, "The media type, such as `image/png`.")                              \
    FIELD(text, caption, "A line under the file, where the channel shows one.")
/** A file: an address to fetch it from, or its content. */
JF_RECORD(jf_attachment, JF_ATTACHMENT_FIELDS, .kebab = true, .open = true)

#define JF_REPLY_FIELDS(FIELD)                                                                     \
    FIELD(text, title, "What the contact sees.", .required = true)                                 \
    FIELD(text, payload, "What comes back when it is pressed; left out: the title.")
/** A button. */
JF_RECORD(jf_reply, JF_REPLY_FIELDS, .kebab = true, .open = true)

#define JF_CONTENT_FIELDS(FIELD)                                                                   \
    FIELD(text, type, "What it is.", .required = true,                                             \
          .choices = {"text", "attachment", "quick-reply", "location", "email", "template",        \
                      "custom"})                                                                   \
    FIELD(text, text, "The text; of an attachment or a mail it may be left out.")                  \
    FIELD(records(jf_attachment), attachments, "Files, of an attachment or a mail.")               \
    FIELD(records(jf_reply), replies, "The buttons of a quick reply.")                             \
    FIELD(number, latitude, "Of a location: degrees, north positive.")                             \
    FIELD(number, longitude, "Degrees, east positive.")                                            \
    FIELD(text, name, "Of a location: what is there. Of a template: its name at the provider.")    \
    FIELD(text, address, "Of a location: where it is, for people.")                                \
    FIELD(text, language, "Of a template.")                                                        \
    FIELD(value, variables, "Of a template: an object of what is put in.")                         \
    FIELD(text, subject, "Of a mail, as all that follow but the last.")                            \
    FIELD(text, html, "The body in HTML.")                                                         \
    FIELD(text, from_name, "The sender's name.")                                                   \
    FIELD(text, from_address, "The sender's address.")                                             \
    FIELD(text, reply_to, "Where answers go.")                                                     \
    FIELD(texts, cc, "More recipients.")                                                           \
    FIELD(texts, bcc, "More recipients, unseen by the others.")                                    \
    FIELD(value, payload, "Of `custom`: what the connector understands.")
/** What a message says: `{.type = "text", .text = "Hi"}`. What does not belong to the type stays
 *  zero. */
JF_RECORD(jf_content, JF_CONTENT_FIELDS, .kebab = true, .open = true)

/** The kind of a content; 0 where there is no such type. */
jf_content_kind jf_kind_of(const jf_content *content);

#define JF_UNSUBSCRIBE_FIELDS(FIELD)                                                               \
    FIELD(text, text, "Stands before the link; `Unsubscribe here: ` when left out.")
/** The unsubscribe line of a message. */
JF_RECORD(jf_unsubscribe, JF_UNSUBSCRIBE_FIELDS, .kebab = true)

#define JF_OUTGOING_FIELDS(FIELD)                                                                  \
    FIELD(text, channel, "A channel's name or id, or `last-interacted`.", .required = true)        \
    FIELD(texts, to, "Addresses; left out: the contact's address on that channel.")                \
    FIELD(text, sender, "The name or number shown, where the channel allows it.")                  \
    FIELD(record(jf_content), content, "What it says.", .required = true)                          \
    FIELD(record(jf_unsubscribe), unsubscribe, "Adds the unsubscribe line.")                       \
    FIELD(text, class, "Which rules of consent it obeys.",                                         \
          .choices = {"transactional", "marketing", "internal"})                                   \
    FIELD(text, when_paused, "Where the channel is paused: it waits until it is active, or fails.", \
          .choices = {"wait", "fail"})
/** A message as a step puts it into the outbox. */
JF_RECORD(jf_outgoing, JF_OUTGOING_FIELDS, .kebab = true)

#define JF_THREAD_FIELDS(FIELD)                                                                    \
    FIELD(text, id, "The thread's own id.")                                                        \
    FIELD(text, in_reply_to, "The message that this one answers or follows.")                      \
    FIELD(texts, references, "All of them, oldest first.")
/** Earlier provider ids of the same thread. */
JF_RECORD(jf_thread, JF_THREAD_FIELDS, .kebab = true, .open = true)

#define JF_MESSAGE_FIELDS(FIELD)                                                                   \
    FIELD(text, id, "Jackfield's own id.", .required = true)                                       \
    FIELD(texts, to, "At least one address.", .required = true)                                    \
    FIELD(text, sender, "The name or number shown as the sender.")                                 \
    FIELD(record(jf_content), content, "What it says.", .required = true)                          \
    FIELD(text, status_url, "Where the provider may report on this message.")                      \
    FIELD(text, unsubscribe_url, "One-click unsubscribe (RFC 8058).")                              \
    FIELD(boolean, automated, "Sent by a workflow, not by a person.")                              \
    FIELD(record(jf_thread), thread, "Earlier messages of the same thread.")
/** A message as a connector gets it to send. */
JF_RECORD(jf_message, JF_MESSAGE_FIELDS, .kebab = true, .open = true)

/** The only recipient; fails with `unsupported` where there are several. */
const char *jf_recipient(const jf_message *message);

#define JF_PROFILE_FIELDS(FIELD)                                                                   \
    FIELD(text, firstname, "")                                                                     \
    FIELD(text, lastname, "")                                                                      \
    FIELD(text, name, "")                                                                          \
    FIELD(text, email, "")                                                                         \
    FIELD(text, phone, "")                                                                         \
    FIELD(text, language, "")                                                                      \
    FIELD(text, country, "")                                                                       \
    FIELD(text, profile_pic, "")
/** What a provider knows of a contact. */
JF_RECORD(jf_profile, JF_PROFILE_FIELDS, .kebab = true)

#define JF_STATUS_ERROR_FIELDS(FIELD)                                                              \
    FIELD(text, code, "One of the codes of `jf_send_code`.", .required = true)                     \
    FIELD(text, provider_code, "The provider's own code.")                                         \
    FIELD(text, message, "For people.", .required = true)
/** Why a message failed after the provider took it. */
JF_RECORD(jf_status_error, JF_STATUS_ERROR_FIELDS, .kebab = true)

#define JF_INBOUND_FIELDS(FIELD)                                                                   \
    FIELD(text, type, "What it is.", .required = true,                                             \
          .choices = {"message", "echo", "status", "other"})                                       \
    FIELD(text, provider_id, "The provider's id; a message that repeats one is dropped.")          \
    FIELD(text, from, "Of a message: the other side's address (of an echo: whom it went to).")     \
    FIELD(text, to, "Our own address.")                                                            \
    FIELD(integer, at, "Milliseconds since 1970.")                                                 \
    FIELD(record(jf_content), content, "What it says.")                                            \
    FIELD(text, payload, "Of the button that the contact pressed.")                                \
    FIELD(text, in_reply_to, "The provider's id of the message that it answers.")                  \
    FIELD(text, keyword, "Where the provider has recognised it.",                                  \
          .choices = {"stop", "start", "help"})                                                    \
    FIELD(record(jf_profile), profile, "What the provider knows of the contact.")                  \
    FIELD(value, raw, "An object: the request as it came.")                                        \
    FIELD(text, message_id, "Of a status: our own id, where the provider echoes it.")              \
    FIELD(text, status, "How far the message is.",                                                 \
          .choices = {"sent", "delivered", "read", "failed"})                                      \
    FIELD(record(jf_status_error), error, "Why it failed.")                                        \
    FIELD(text, name, "Of `other`: a custom event's name.")                                        \
    FIELD(value, data, "Of `other`: its data.")
/** Something that a provider's request said. What does not belong to the type stays zero. */
JF_RECORD(jf_inbound, JF_INBOUND_FIELDS, .kebab = true)

#endif
