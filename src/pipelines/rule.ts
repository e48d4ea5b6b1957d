/**
 * The rule of three: where a call of a pipeline runs. Pure.
 *
 * Application, pipeline and request may each say whether calls go to workers. Any explicit false: it does not. Else any true: it does.
 * Else it does not. Unset is not false.
 */

/** What one of the three says; undefined: nothing. */
export type Wish = boolean | undefined;

export interface Verdict {
  /** Whether the call goes to a worker. */
  readonly worker: boolean;
  /** Why, for people: `request asked for a worker`. */
  readonly why: string;
}

/** Decides where a call runs. */
export function whereToRun(app: Wish, pipeline: Wish, request: Wish): Verdict {
  const wishes = Object.entries({ app, pipeline, request });
  const who = (wish: boolean): string => listed(wishes.filter(([, said]) => said === wish).map(([name]) => name));
  if (wishes.some(([, said]) => said === false)) return { worker: false, why: `${who(false)} said no to workers` };
  if (wishes.some(([, said]) => said === true)) return { worker: true, why: `${who(true)} asked for a worker` };
  return { worker: false, why: 'nobody asked for a worker' };
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
