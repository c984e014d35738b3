/**
 * Writes the examples of the README into `tests/readme/`, where they are compiled and run like any
 * other test: each block of TypeScript whose first line is a comment with a file's name.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const folder = new URL('readme/', import.meta.url);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/^```ts\n(\/\/ ([a-z.]+)\n.*?)^```$/gms)];
for (const [, text, name] of examples) {
  writeFileSync(new URL(name, folder), text);
}
console.log(`${examples.length} examples of the README`);
