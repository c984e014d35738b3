/**
 * A host for tests: runs a plugin in Node as the real host runs its component, JSON in, JSON out.
 *
 * Everything that crosses the boundary is held against the published schemas, so that a plugin that
 * passes its tests speaks the contract: descriptors, settings, outputs, outgoing messages and
 * inbound events. What breaks a schema ends the test with an error that says where.
 *
 * One activation at a time: a test awaits each call before it makes the next.
 */

export { Host, type HostOptions, response, SentRequest } from './host.ts';
export { Plugged } from './plugged.ts';
export { Run } from './run.ts';
