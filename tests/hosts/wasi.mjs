// Runs a WASI preview 1 program under Node: node wasi.mjs PROGRAM.wasm FOLDER [ARGUMENT ...]
// The program sees FOLDER as /out and nothing else of the host.
import { readFile } from 'node:fs/promises';
import { argv, exit } from 'node:process';
import { WASI } from 'node:wasi';

const [program, folder, ...rest] = argv.slice(2);
const wasi = new WASI({
  version: 'preview1',
  args: ['bootscope', ...rest],
  preopens: { '/out': folder },
  returnOnExit: true,
});
const module = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
exit(wasi.start(instance));
