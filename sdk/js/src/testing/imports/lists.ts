/** The import `lists`, by the test host: which lists the contact is on. */

import type * as contract from 'jackfield:plugin/lists@1.1.0';
import { host, refuse, someContact } from '../host.ts';

export const add: typeof contract.add = (list) => {
  known(list);
  const { onLists } = host();
  const isNew = !onLists.has(list);
  onLists.add(list);
  return isNew;
};

export const remove: typeof contract.remove = (list) => {
  known(list);
  return host().onLists.delete(list);
};

function known(list: string): void {
  someContact();
  const { lists } = host().options;
  if (lists?.includes(list) === false) {
    refuse('not-found', `there is no list \`${list}\`; there are: ${lists.join(', ')}`);
  }
}
