// @ts-check
// node client.js [FOLDER] [ADDRESS]: prints what `find FOLDER -type f -exec sha256sum {} +` prints, in the order of names.
import { readdir, readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'gristmill';

const args = process.argv.slice(2);
const address = args.at(-1)?.includes('://') ? args.pop() : undefined;
const folder = args[0] ?? fileURLToPath(new URL('../../node_modules', import.meta.url));
const maxBytes = 64 * 1024 * 1024; // what a master takes as one payload, unless it is told otherwise

/** Says what is wrong with one file, and goes on with the others. */
function complain(path, problem) {
  console.error(`checksum: ${path}: ${problem}`);
  process.exitCode = 1;
}

/** The regular files of a folder. Symbolic links are not followed. */
async function* walk(folder) {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error) => complain(folder, error.message));
  for (const entry of entries ?? []) {
    const path = `${folder.replace(/\/$/, '')}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isFile()) yield path;
  }
}

/** One job a file. The next file is read when there is credit for it, so only so many are in memory. */
async function* files() {
  for await (const path of walk(folder)) {
    try {
      const { size } = await stat(path);
      if (size > maxBytes) throw new Error(`${size} bytes are too many for one job`);
      yield { payload: await readFile(path), key: path };
    } catch (error) {
      complain(path, /** @type {Error} */ (error).message);
    }
  }
}

/** As sha256sum writes it: a name with a line break or a backslash is escaped, and the line says so by a backslash of its own. */
function line(sum, path) {
  const escaped = path.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `${escaped === path ? '' : '\\'}${sum}  ${escaped}`;
}

const client = new Client({ address: address ?? 'tcp://127.0.0.1:5555' });
for await (const result of client.job('sha256', files(), { ordered: true, settle: true })) {
  const path = String(result.job.key);
  if (result.status === 'fulfilled') console.log(line(result.value, path));
  else complain(path, result.reason.message);
}
await client.close();
