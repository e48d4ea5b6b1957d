/** Graphs at random. */
import * as fc from 'fast-check';
import { INPUT, OUTPUT, type Step } from '../../src/pipelines/graph.ts';

export type Steps = readonly Step[];

/**
 * Steps that give one to three names each, the last of them OUTPUT besides; each reads some of what others give. Without cycles only of
 * steps before it in an order that is not that of the array.
 */
export function arbitraryGraph({ cycles }: { readonly cycles: boolean }): fc.Arbitrary<Steps> {
  return fc
    .array(fc.record({ outputs: fc.integer({ min: 1, max: 3 }), reads: fc.array(fc.nat(), { maxLength: 4 }) }), {
      minLength: 1,
      maxLength: 12,
    })
    .chain((drawn) => {
      const outputs = drawn.map(({ outputs: count }, index) => Array.from({ length: count }, (_, at) => `n${index}_${at}`));
      const steps = drawn.map(({ reads }, index) => {
        const readable = [INPUT, ...outputs.slice(0, cycles ? outputs.length : index).flat()];
        const inputs = reads.map((read) => readable[read % readable.length] as string);
        const last = index === drawn.length - 1 ? [OUTPUT] : [];
        return { label: `s${index}`, inputs, outputs: [...(outputs[index] as string[]), ...last] };
      });
      return fc.shuffledSubarray(steps, { minLength: steps.length });
    });
}
