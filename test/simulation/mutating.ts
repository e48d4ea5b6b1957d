/**
 * The simulator with a bug planted in a state machine: the sources, compiled, but for one piece of text. Nothing of it is in the
 * production code.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Simulator from '../../src/simulator/index.ts';

export interface Mutation {
  /** What is broken. */
  readonly name: string;
  /** The world from which on it is looked for; default 1. Some show in few. */
  readonly first?: number;
  /** `grain`: it shows in worlds with resources. */
  readonly worlds?: 'grain';
  readonly file: string;
  /** This text, which is there once, becomes that. */
  readonly from: string;
  readonly to: string;
}

const root = join(import.meta.dirname, '../..');

/** Compiled sources, and a copy of them for each mutant. */
export class Mutants {
  readonly #folder: string;
  #count = 0;

  constructor() {
    // Within node_modules, so that packages are found, and modules are loaded as they are.
    const cache = join(root, 'node_modules/.cache');
    mkdirSync(cache, { recursive: true });
    this.#folder = mkdtempSync(join(cache, 'gristmill-mutants-'));
    const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
    const options = [
      '-p',
      join(root, 'tsconfig.build.json'),
      '--outDir',
      join(this.#folder, 'original'),
      '--declaration',
      'false',
      '--declarationMap',
      'false',
    ];
    const { status, stdout } = spawnSync(process.execPath, [
      compiler,
      ...options,
      '--sourceMap',
      'false',
      '--isolatedDeclarations',
      'false',
    ]);
    if (status !== 0) throw new Error(`the sources do not compile:\n${String(stdout)}`);
  }

  /** The simulator with this bug; without one, as it is. */
  async load(mutation?: Mutation): Promise<typeof Simulator> {
    this.#count += 1;
    const folder = join(this.#folder, String(this.#count));
    cpSync(join(this.#folder, 'original'), folder, { recursive: true });
    if (mutation !== undefined) plant(folder, mutation);
    const simulator = (await import(pathToFileURL(join(folder, 'simulator/index.js')).href)) as typeof Simulator;
    // All is loaded. Some hundred files for each mutant take long to remove together.
    rmSync(folder, { recursive: true });
    return simulator;
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function plant(folder: string, { name, file, from, to }: Mutation): void {
  const path = join(folder, file.replace(/^src\//, '').replace(/\.ts$/, '.js'));
  const text = readFileSync(path, 'utf8');
  const pieces = text.split(from);
  if (pieces.length !== 2) throw new Error(`${name}: expected this once in ${file}, found it ${pieces.length - 1} times: ${from}`);
  writeFileSync(path, pieces.join(to));
}
