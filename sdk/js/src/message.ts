/**
 * Messages as programs see them: what a step puts into the outbox, what a connector gets to send,
 * and what a provider's request said. The published schemas (`wit/schemas`) say the same of the JSON
 * that crosses, where the names have hyphens.
 *
 * What must hold: what comes in may have more than these types know, so that a connector built today
 * still reads the messages of a later minor version.
 */

/** What a message says. */
export type Content =
  | TextContent
  | AttachmentContent
  | QuickReplyContent
  | LocationContent
  | EmailContent
  | TemplateContent
  | CustomContent;

/** Plain text. */
export interface TextContent {
  type: 'text';
  text: string;
}

/** One to ten files, with an optional text. */
export interface AttachmentContent {
  type: 'attachment';
  attachments: Attachment[];
  text?: string | undefined;
}

/** A text with buttons. */
export interface QuickReplyContent {
  type: 'quick-reply';
  text: string;
  replies: {
    /** What the contact sees. */
    title: string;
    /** What comes back when it is pressed; left out: the title. */
    payload?: string | undefined;
  }[];
}

/** A place, in degrees, north and east positive. */
export interface LocationContent {
  type: 'location';
  latitude: number;
  longitude: number;
  /** What is there. */
  name?: string | undefined;
  /** Where it is, for people. */
  address?: string | undefined;
}

/** A mail. The channel's settings fill what is left out. */
export interface EmailContent {
  type: 'email';
  subject?: string | undefined;
  html?: string | undefined;
  text?: string | undefined;
  fromName?: string | undefined;
  fromAddress?: string | undefined;
  replyTo?: string | undefined;
  cc?: string[] | undefined;
  bcc?: string[] | undefined;
  attachments?: Attachment[] | undefined;
}

/** A template that the provider keeps. */
export interface TemplateContent {
  type: 'template';
  /** Its name or id at the provider. */
  name: string;
  language?: string | undefined;
  variables?: { [name: string]: unknown } | undefined;
}

/** A payload that the connector understands. */
export interface CustomContent {
  type: 'custom';
  payload: unknown;
}

/** A file: an address to fetch it from, or its content. */
export interface Attachment {
  /** Where the file is fetched from. */
  url?: string | undefined;
  /** The file itself, in base64, instead of `url`. */
  content?: string | undefined;
  /** Left out: `file`, or what the content type says. */
  kind?: 'image' | 'video' | 'audio' | 'file' | undefined;
  /** The name that the contact sees. */
  fileName?: string | undefined;
  /** The media type, such as `image/png`. */
  contentType?: string | undefined;
  /** A line under the file, where the channel shows one. */
  caption?: string | undefined;
}

/** A message as a step puts it into the outbox. */
export interface OutgoingMessage {
  /** A channel's name or id, or `last-interacted`. */
  channel: string;
  /** One address, or several for a mail; left out: the contact's address on that channel. */
  to?: string | string[] | undefined;
  /** The name or number shown as the sender, where the channel allows it. */
  sender?: string | undefined;
  /** What it says. */
  content: Content;
  /** Adds the unsubscribe line; `text` stands before the link. */
  unsubscribe?: { text?: string } | undefined;
  /** Which rules of consent it obeys: opt-outs; these and quiet hours and caps; none (own staff). */
  class?: 'transactional' | 'marketing' | 'internal' | undefined;
  /** Where the channel is paused: it waits until it is active again, or fails. */
  whenPaused?: 'wait' | 'fail' | undefined;
}

/** A message as a connector gets it to send. */
export interface Message {
  /** Our own id: what a provider can echo. */
  id: string;
  /** At least one address. */
  to: string[];
  /** The name or number shown as the sender. */
  sender?: string;
  /** What it says. */
  content: Content;
  /** The public address at which the provider may report on this message. */
  statusUrl?: string;
  /** One-click unsubscribe (RFC 8058) for mail headers. */
  unsubscribeUrl?: string;
  /** Sent by a workflow, not by a person. */
  automated?: boolean;
  /** Earlier provider ids of the same thread. */
  thread?: { id?: string; inReplyTo?: string; references?: string[] };
}

/** How far a message is. */
export type DeliveryStatus = 'sent' | 'delivered' | 'read' | 'failed';

/** Something that a provider's request said. */
export type InboundEvent = InboundMessage | StatusEvent | OtherEvent;

/** A contact wrote; or, as an echo, somebody wrote to a contact outside of Jackfield. */
export interface InboundMessage {
  type: 'message' | 'echo';
  /** The provider's id: a repeated one is dropped. */
  providerId: string;
  /** The other side's address (for an echo: the contact it went to). */
  from: string;
  /** Our own address. */
  to?: string | undefined;
  /** Milliseconds since 1970. */
  at?: number | undefined;
  /** What it says. */
  content: Content;
  /** Of the button that the contact pressed. */
  payload?: string | undefined;
  /** The provider's id of the message that it answers. */
  inReplyTo?: string | undefined;
  /** Where the provider itself has recognised it. */
  keyword?: 'stop' | 'start' | 'help' | undefined;
  /** The advertisement that led to the message. @since 1.1 */
  ad?: Ad | undefined;
  /** What the provider knows of the contact. */
  profile?: Profile | undefined;
  /** The request as it came, for those who need more. */
  raw?: { [name: string]: unknown } | undefined;
}

/** An advertisement. */
export interface Ad {
  /** The provider's id of it. */
  id: string;
  title?: string | undefined;
  /** Where it stood, such as `facebook`. */
  source?: string | undefined;
  url?: string | undefined;
}

/** What a provider knows of a contact. */
export interface Profile {
  firstname?: string | undefined;
  lastname?: string | undefined;
  name?: string | undefined;
  email?: string | undefined;
  phone?: string | undefined;
  language?: string | undefined;
  country?: string | undefined;
  profilePic?: string | undefined;
}

/** What became of a message. */
export interface StatusEvent {
  type: 'status';
  /** The provider's id of the message. */
  providerId?: string | undefined;
  /** Our own id, where the provider echoes it. */
  messageId?: string | undefined;
  /** How far it is. */
  status: DeliveryStatus;
  /** Milliseconds since 1970. */
  at?: number | undefined;
  /** Why it failed; `code` is one of those of `SendError`. */
  error?: { code: string; providerCode?: string | undefined; message: string } | undefined;
}

/** Anything else that a workflow may want to know. */
export interface OtherEvent {
  type: 'other';
  /** A custom event's name. */
  name: string;
  /** The provider's id, if it has one: a repeated one is dropped. */
  providerId?: string | undefined;
  /** Its data. */
  data?: unknown;
}
