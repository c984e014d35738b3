/**
 * From a project's sources to a component. `jackfield plugin build` writes this file into the
 * project's folder `build`, where the project's packages are found, and runs it in two calls, so that
 * it can look at what the plugin calls before the slow half:
 *
 *     node build.mjs bundle step|connector       makes plugin.js and plugin.imports
 *     node build.mjs componentize step|connector makes plugin.wasm of plugin.js and the world in wit/
 *
 * `esbuild` makes one module of the sources and the npm libraries, and leaves out what is not used;
 * `componentize-js` puts it into a JavaScript engine, runs the module's top level once and keeps the
 * memory as it is then, so that an activation does not parse or set up anything. Both are the
 * project's own dependencies, and are looked up from its folder.
 *
 * The engine is built without Unicode's tables and refuses a module that has `\p{...}` in a pattern,
 * as many libraries do. `regexpu-core`, which Babel uses for the same, writes such patterns out.
 *
 * What must hold: the component imports nothing but the project's world, no WASI: every feature of the
 * engine that would want some is off.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [, , phase, kind] = process.argv;
const folder = dirname(fileURLToPath(import.meta.url));
const project = dirname(folder);
const inBuild = (name) => join(folder, name);

async function bundle() {
  const { build } = await import('esbuild');
  const source = ['src/plugin.ts', 'src/plugin.js'].map((name) => join(project, name)).find(existsSync);
  if (source === undefined) {
    throw new Error(`the project has neither src/plugin.ts nor src/plugin.js`);
  }
  // The contract names the export; a project has one plugin and calls it its default.
  const contents = `export { default as ${kind} } from ${JSON.stringify(source)};`;
  const { metafile } = await build({
    stdin: { contents, resolveDir: project, sourcefile: 'entry.js' },
    outfile: inBuild('plugin.js'),
    bundle: true,
    format: 'esm',
    // Libraries in their form without Node: the sandbox has no files, processes and sockets.
    platform: 'browser',
    target: 'es2022',
    // Its numbers would be the same in every activation. Without it a library that makes keys or ids
    // of them says that there is none.
    banner: { js: 'delete globalThis.crypto;' },
    // Libraries look for these two; there is no process, and the engine refuses to say where it is.
    define: { 'process.env.NODE_ENV': '"production"', 'self.location': 'undefined' },
    external: ['jackfield:*'],
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
  });
  const [output] = Object.values(metafile.outputs);
  const interfaces = output.imports.map(({ path }) => /^jackfield:plugin\/([a-z-]+)@/.exec(path)?.[1] ?? path);
  writeFileSync(inBuild('plugin.imports'), [...new Set(interfaces)].map((name) => `${name}\n`).join(''));
}

/** The code with classes of Unicode written out in the patterns that stand in it. */
async function withoutUnicodeClasses(code) {
  if (!/\\p\{/i.test(code)) {
    return code;
  }
  const { parseSync } = await import('oxc-parser');
  const { default: rewrite } = await import('regexpu-core');
  let result = '';
  let done = 0;
  for (const { regex, start, end } of patterns(parseSync('plugin.js', code).program)) {
    const { pattern, flags } = regex;
    const written = rewrite(pattern, flags, { unicodePropertyEscapes: 'transform' });
    result += `${code.slice(done, start)}/${written}/${flags}`;
    done = end;
  }
  return result + code.slice(done);
}

/** The patterns of a syntax tree that name a class of Unicode, in the order of the text. */
function* patterns(node) {
  if (node?.regex !== undefined && /\\p\{/i.test(node.regex.pattern)) {
    yield node;
  } else if (typeof node === 'object' && node !== null) {
    for (const inner of Object.values(node)) {
      yield* patterns(inner);
    }
  }
}

async function componentize() {
  writeFileSync(inBuild('plugin.js'), await withoutUnicodeClasses(readFileSync(inBuild('plugin.js'), 'utf8')));
  const { componentize: build } = await import('@bytecodealliance/componentize-js');
  const { component } = await build({
    sourcePath: inBuild('plugin.js'),
    witPath: inBuild('wit'),
    worldName: 'plugin',
    disableFeatures: ['http', 'fetch-event', 'random', 'stdio', 'clocks'],
  });
  writeFileSync(inBuild('plugin.wasm'), component);
}

try {
  await { bundle, componentize }[phase]();
} catch (error) {
  // esbuild has printed its errors already, with the lines that they are about.
  if (error.errors === undefined) {
    console.error(error.message);
  }
  process.exitCode = 1;
}
