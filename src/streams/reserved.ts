/**
 * Names that a worker has by itself: no function can be called so. One list for both sides: the worker refuses to be built with a
 * function of such a name, and a typed client does not offer it.
 */
export const RESERVED_NAMES = [
  'name',
  'address',
  'state',
  'events',
  'start',
  'stop',
  'get',
  'set',
  'delete',
  'status',
  'story',
  'slots',
  'master',
  'constructor',
] as const;

export type ReservedName = (typeof RESERVED_NAMES)[number];
