/** The resolver that `register.mjs` puts into Node; it runs on a thread of its own. */

const IMPORT = /^jackfield:plugin\/([a-z-]+)@/;

/** Leads the contract's imports to the test host's. */
export function resolve(specifier, context, next) {
  const found = IMPORT.exec(specifier);
  return next(found === null ? specifier : new URL(`imports/${found[1]}.ts`, import.meta.url).href, context);
}
