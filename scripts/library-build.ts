import { defineConfig, type Options } from 'tsup';

/**
 * The tsup configuration all published packages share: ESM for Node 22 and current browsers with bundled declarations.
 *
 * `platform` says where the package runs; `neutral` is for packages that know neither Node nor a browser.
 */
export function libraryBuild(options: {
  entry: string[];
  platform: 'neutral' | 'node' | 'browser';
  /** The entries people import, if not all of them: only these get declarations. */
  declarations?: string[];
  /** Whatever a package needs beyond that. */
  overrides?: Options;
}) {
  return defineConfig({
    entry: options.entry,
    platform: options.platform,
    format: 'esm',
    target: 'es2024',
    sourcemap: true,
    clean: true,
    silent: true,
    // Node's built-ins keep their prefix: `fs` may be anything to the bundlers of those who use the package.
    removeNodeProtocol: false,
    // rollup-plugin-dts wants neither project references nor the condition that leads to the sources of other packages.
    dts: {
      entry: options.declarations ?? options.entry,
      compilerOptions: { composite: false, incremental: false, customConditions: [] },
    },
    ...options.overrides,
    // A neutral platform would look for built-ins on the disk. Which code may use them is checked elsewhere.
    external: [/^node:/, ...(options.overrides?.external ?? [])],
  });
}
