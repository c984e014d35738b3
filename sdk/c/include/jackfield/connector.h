/**
 * A channel connector: speaks one provider's API in both directions.
 *
 * Secrets never come in: write `{{secret:NAME}}` where the value belongs, and the host puts it in
 * at that place.
 */
#ifndef JACKFIELD_CONNECTOR_H
#define JACKFIELD_CONNECTOR_H

#include "descriptor.h"
#include "failure.h"
#include "imports.h"
#include "message.h"

/** A channel: a connector with its settings. */
typedef struct jf_channel {
    const char *id;
    const char *name;
    /** The connector's name. */
    const char *kind;
    /** The declared struct. */
    const void *settings;
} jf_channel;

/** What `connect` did. */
typedef struct jf_connected jf_connected;
/** The webhook is registered; the text is for people. */
jf_connected *jf_registered(const char *instructions);
/** Somebody has to register it by hand, as the text says. */
jf_connected *jf_by_hand(const char *instructions);

/** What the provider said of a message that it took. */
typedef struct jf_receipt {
    /** The provider's id: delivery updates are matched with it. */
    const char *provider_id;
    /** `accepted` (NULL as well), `sent` or `delivered`. */
    const char *status;
    /** More for people and reports; NULL: none. */
    const jf_value *detail;
} jf_receipt;

/** The provider has accepted the message. */
jf_receipt *jf_accepted(const char *provider_id);

/** A request as it came from the provider. */
typedef struct jf_webhook {
    const char *method;
    /** The full public address with the query, as the provider was told it. */
    const char *url;
    /** Names in lower case, in the order received. */
    jf_headers headers;
    /** The raw bytes. */
    jf_bytes body;
} jf_webhook;

/** The part of a URL after `?`, empty when there is none. */
const char *jf_query(const char *url);

/** What to answer the provider, and what its request said. */
typedef struct jf_received jf_received;
/** An answer without a body and without events. */
jf_received *jf_answer(uint16_t status);
/** The request could not be verified: 403, with the reason. */
jf_received *jf_refused(const char *reason);
/** With a header. */
void jf_answer_header(jf_received *received, const char *name, const char *value);
/** With a body of this type. */
void jf_answer_body(jf_received *received, const char *content_type, jf_bytes body);
/** And this is what the request said; at most 1,000. */
void jf_heard(jf_received *received, jf_inbound inbound);

/** What the addresses of a channel are. */
typedef enum jf_address { JF_ADDRESS_PHONE, JF_ADDRESS_EMAIL, JF_ADDRESS_ID } jf_address;
/** What the length of a text is counted in. */
typedef enum jf_unit { JF_CHARACTERS, JF_BYTES, JF_UTF16 } jf_unit;
/** Delivery updates that a provider sends; several are added by `|`. */
typedef enum jf_delivery {
    JF_SENT = 1 << 0,
    JF_DELIVERED = 1 << 1,
    JF_READ = 1 << 2,
    JF_FAILED = 1 << 3
} jf_delivery;

/** A connector: what it says of itself, and what it does. */
typedef struct jf_connector {
    /** Lower-case words with hyphens. */
    const char *name;
    /** Such as `1.0.0`. */
    const char *version;
    const char *title;
    const char *summary;
    /** One emoji, or the name of an icon. */
    const char *icon;
    /** Declared by `JF_SETTINGS`; NULL for a connector without settings. */
    const jf_type *(*settings)(void);
    jf_secret secrets[JF_SECRETS];
    /** What it must reach; `{setting:NAME}` stands for a channel setting. */
    const char *hosts[JF_HOSTS];
    jf_limits limits;
    jf_address address;
    /** The channel setting that says what addresses are instead. */
    const char *address_from;
    /** At least one `jf_content_kind`. */
    unsigned message_types;
    /** The longest text; 0: no limit. */
    struct {
        uint32_t max;
        jf_unit unit;
    } text_limit;
    /** What attachments it takes; zeros: as they come. */
    struct {
        uint64_t max_bytes;
        uint32_t max_count;
        /** Such as `image/png` or `image/...` with a star; none: any. */
        const char *types[24];
    } media;
    /** Seconds after the contact's last message in which free messages are allowed; 0: always. */
    uint32_t window;
    /** The provider has templates of its own. */
    bool templates;
    /** How many buttons, and how long a title may be; zeros: no buttons. */
    struct {
        uint32_t max;
        uint32_t title_max;
    } quick_replies;
    /** The provider honours the idempotency key of `send`. */
    bool idempotency;
    /** Any of `jf_delivery`. */
    unsigned statuses;
    /** Messages a second that the provider takes; 0: left to the host. */
    double rate;
    /** Messages come in through this connector. */
    bool inbound;
    /** STOP, START and HELP in inbound messages opt out and in. */
    bool keywords;

    /** Are the settings and credentials good? Answers with an object for people. Must not send
     *  anything to a contact. */
    const jf_value *(*check)(const jf_channel *channel);
    /** Registers the webhook, or says how to; NULL where nothing comes in. */
    jf_connected *(*connect)(const jf_channel *channel, const char *public_url);
    /** Sends one message. The key is the same for every try of it. */
    jf_receipt *(*send)(const jf_channel *channel, const jf_message *message,
                        const char *idempotency_key);
    /** Reads a provider's request: checks the signature first, then answers with what it said;
     *  NULL where nothing comes in. */
    jf_received *(*receive)(const jf_channel *channel, const jf_webhook *request);
} jf_connector;

#endif
