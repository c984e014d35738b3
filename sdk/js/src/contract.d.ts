/**
 * The contract's imports as the tool-chain gives them to JavaScript: the functions of `wit/imports.wit`
 * with camel-case names, `u64` as `bigint`, `option` as `undefined`, `result` as a value or an
 * exception whose `payload` is the error. Only the modules beside this file call them.
 */

declare module 'jackfield:plugin/log@1.1.0' {
  export function write(level: 'debug' | 'info' | 'warn' | 'error', message: string): void;
}

declare module 'jackfield:plugin/clock@1.1.0' {
  export function now(): bigint;
  export function parse(text: string): bigint;
  export function duration(text: string): bigint;
  export function nextOpen(hours: string, after: bigint): bigint;
}

declare module 'jackfield:plugin/random@1.1.0' {
  export function bytes(length: number): Uint8Array;
}

declare module 'jackfield:plugin/http@1.1.0' {
  export interface Credentials {
    username: string;
    password: string;
  }
  export interface Request {
    method: string;
    url: string;
    headers: [string, string][];
    basicAuth: Credentials | undefined;
    body: Uint8Array | undefined;
    timeout: number | undefined;
    maxRedirects: number | undefined;
    idempotencyHeader: string | undefined;
  }
  export interface Response {
    status: number;
    headers: [string, string][];
    body: Uint8Array;
    url: string;
  }
  export function fetch(request: Request): Response;
}

declare module 'jackfield:plugin/email@1.1.0' {
  export interface Server {
    host: string;
    port: number;
    tls: 'implicit' | 'starttls' | 'none';
    auth: { username: string; password: string } | undefined;
    timeout: number | undefined;
  }
  export interface Attachment {
    name: string;
    contentType: string;
    content: Uint8Array;
  }
  export interface Mail {
    from: string;
    to: string[];
    cc: string[];
    bcc: string[];
    replyTo: string | undefined;
    subject: string;
    text: string | undefined;
    html: string | undefined;
    attachments: Attachment[];
    messageId: string | undefined;
    inReplyTo: string | undefined;
    references: string[];
    headers: [string, string][];
  }
  export interface Rejection {
    address: string;
    code: number;
    enhanced: string | undefined;
    text: string;
  }
  export interface Accepted {
    messageId: string;
    response: string;
    rejected: Rejection[];
  }
  export function send(server: Server, mail: Mail): Accepted;
  export function check(server: Server): string;
}

declare module 'jackfield:plugin/crypto@1.1.0' {
  export type Algorithm = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512';
  export function hash(algorithm: Algorithm, data: Uint8Array): Uint8Array;
  export function hmac(algorithm: Algorithm, secret: string, data: Uint8Array): Uint8Array;
  export function verify(algorithm: Algorithm, secret: string, data: Uint8Array, signature: Uint8Array): boolean;
  export function equal(secret: string, candidate: Uint8Array): boolean;
  export function sign(algorithm: string, secret: string, data: Uint8Array): Uint8Array;
}

declare module 'jackfield:plugin/templates@1.1.0' {
  export function render(name: string, values: string | undefined): string;
}

declare module 'jackfield:plugin/conditions@1.1.0' {
  export function evaluate(condition: string): boolean;
}

declare module 'jackfield:plugin/variables@1.1.0' {
  export function get(path: string): string | undefined;
  export function set(name: string, value: string): void;
}

declare module 'jackfield:plugin/contacts@1.1.0' {
  export type Operation = 'set' | 'clear' | 'append' | 'increment';
  export function get(): string | undefined;
  export function update(field: string, operation: Operation, value: string): string;
  export function addTags(tags: string[]): void;
  export function retag(change: string): string;
  export function optOut(request: string): string;
}

declare module 'jackfield:plugin/messages@1.1.0' {
  export function channel(name: string): string;
  export function send(message: string): string;
}

declare module 'jackfield:plugin/conversations@1.1.0' {
  export function get(): string | undefined;
  export function open(): string;
  export function close(note: string | undefined): string;
  export function comment(text: string): string;
  export function assign(request: string): string;
  export function leaveQueue(id: string): boolean;
}

declare module 'jackfield:plugin/lists@1.1.0' {
  export function add(list: string): boolean;
  export function remove(list: string): boolean;
}

declare module 'jackfield:plugin/tables@1.1.0' {
  export function append(table: string, row: string): string;
}

declare module 'jackfield:plugin/files@1.1.0' {
  export function read(name: string): Uint8Array;
}

declare module 'jackfield:plugin/workflows@1.1.0' {
  export function start(workflow: string, options: string): string;
}
