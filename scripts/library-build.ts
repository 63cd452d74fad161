import { defineConfig, type Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/**
 * Has built-ins of Node taken as they are, not imported. An import has Node read every export of the module, also
 * those which load other modules first or open the terminal: with `node:fs`, `node:process` and `node:child_process` a command
 * took 30 ms longer to start.
 */
const plainBuiltins: Plugin = {
  name: 'plain-builtins',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({
      path,
      namespace: 'builtin',
      sideEffects: false,
    }));
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) =>
        /^[a-z]\w*$/i.test(name),
      );
      // Pure, so that what is not used is left out.
      const contents = [
        `const builtin = /* @__PURE__ */ process.getBuiltinModule(${JSON.stringify(path)});`,
        'export default builtin;',
        ...names
          .filter((name) => name !== 'default')
          .map(
            (name) =>
              `const $${name} = /* @__PURE__ */ (() => builtin.${name})(); export { $${name} as ${name} };`,
          ),
      ].join('\n');
      return { contents };
    });
  },
};

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
    esbuildPlugins: [plainBuiltins],
    ...options.overrides,
  });
}
