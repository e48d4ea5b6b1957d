/** Who looks after the instances of specialized workers, of which the machine only says that they come and go. */
import type { Fields } from '../protocol/fields.ts';

export interface InstanceHost {
  /** Functions that instances will serve. */
  readonly tasklets: readonly string[];
  /** An instance has come; `dismiss` sends it away. */
  joined(session: number, name: string, fields: Fields, dismiss: (text: string) => void): void;
  /** It is gone. */
  left(session: number): void;
}
