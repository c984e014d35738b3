/**
 * Write a Jackfield plugin in C.
 *
 * A plugin is a workflow step or a channel connector, compiled to one WebAssembly component. The
 * contract is `wit/` of the project; this SDK makes it pleasant and adds nothing to it. A plugin
 * defines one constant, `jf_plugin`, a `jf_step` or a `jf_connector`: what it says of itself and
 * the functions that do the work. The bindings behind it are made by `jackfield plugin build`; an
 * author never sees them. README.md beside this folder has whole plugins to read.
 *
 * Four things run through all of it:
 *
 * - **Memory** lasts as long as the activation and is never freed piece by piece: every activation
 *   runs in a fresh sandbox that is thrown away afterwards. (memory.h)
 * - **Texts** are UTF-8 and end with a NUL. A NUL inside a text from outside becomes U+FFFD, so
 *   nothing can hide behind one.
 * - **Failing** is one thing for every kind of function: `return jf_fail(...)` answers NULL and
 *   marks the activation as failed. A host call that is refused marks it in the same way and
 *   answers NULL or false; from then on no further such call reaches the host, until the plugin
 *   takes the refusal by `jf_caught`. So a plugin that looks at nothing does nothing wrong. (failure.h)
 * - **Imports** are functions named after their interface: `jf_http_fetch` is the `fetch` of
 *   `http`. A plugin may call those whose interfaces stand in `needs` of its jackfield.toml.
 *   (imports.h)
 */
#ifndef JACKFIELD_H
#define JACKFIELD_H

#include "jackfield/connector.h"
#include "jackfield/descriptor.h"
#include "jackfield/failure.h"
#include "jackfield/imports.h"
#include "jackfield/json.h"
#include "jackfield/memory.h"
#include "jackfield/message.h"
#include "jackfield/record.h"
#include "jackfield/step.h"

#endif
