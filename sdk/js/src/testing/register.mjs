/**
 * Puts the test host in the place of the contract's imports: `node --import
 * @jackfield/plugin/testing/register --test ...`.
 *
 * The modules of the SDK import `jackfield:plugin/http@1.1.0` and the like, which only a component
 * has. Here these names lead to the modules in `imports/`.
 */

import { register } from 'node:module';

register('./resolve.mjs', import.meta.url);
