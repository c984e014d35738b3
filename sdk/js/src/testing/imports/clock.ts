/** The import `clock`, by the test host: its own time, and enough of the formats for tests. */

import type * as contract from 'jackfield:plugin/clock@1.1.0';
import { host, refuse } from '../host.ts';

export const now: typeof contract.now = () => BigInt(host().now);

/** RFC 3339, or a date with or without a time, which is read as UTC. */
export const parse: typeof contract.parse = (text) => {
  const whole = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text.trim());
  const time = Date.parse(`${whole?.[1]}T${whole?.[2] ?? '00:00'}${whole?.[3] ?? 'Z'}`);
  return Number.isNaN(time) ? refuse('invalid', `\`${text}\` is no date and time`) : BigInt(time);
};

const UNITS: { [unit: string]: number } = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

export const duration: typeof contract.duration = (text) => {
  if (!/^(\d+[smhdw])+$/.test(text.trim())) {
    refuse('invalid', `\`${text}\` is no duration such as \`30s\`, \`15m\`, \`2h\`, \`1d\``);
  }
  const parts = [...text.matchAll(/(\d+)([smhdw])/g)];
  return BigInt(parts.reduce((total, [, count, unit]) => total + Number(count) * (UNITS[unit ?? ''] ?? 0), 0));
};

export const nextOpen: typeof contract.nextOpen = (_hours, after) => {
  const at = host().options.nextOpen;
  return at === undefined
    ? refuse('not-found', 'these hours are never open within 365 days')
    : BigInt(Math.max(at, Number(after)));
};
