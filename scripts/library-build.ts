import { defineConfig, type Options } from 'tsup';

/**
 * The tsup configuration all published packages share: ESM for Node 22 and current browsers with bundled declarations.
 *
 * `platform` says where the package runs; `neutral` is for packages that know neither Node nor a browser.
 */
export function libraryBuild(options: {
  entry: string[];
  platform: 'neutral' | 'node' | 'browser';
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
    // Built-ins keep their prefix, for `fs` is not `node:fs` to the bundlers of those who use the package, and are not
    // looked for on the disk where the platform is none of Node's. Which code may use them is checked elsewhere.
    removeNodeProtocol: false,
    external: [/^node:/],
    // rollup-plugin-dts wants neither project references nor the condition that leads to the sources of other packages.
    dts: { compilerOptions: { composite: false, incremental: false, customConditions: [] } },
    ...options.overrides,
  });
}
