import { cp } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'tsup';
import { libraryBuild } from '../../scripts/library-build.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Beside the library, the whole application as files a web server can serve as they are: `dist/app`. */
const app = defineConfig({
  entry: { main: 'src/app/main.ts' },
  outDir: 'dist/app',
  platform: 'browser',
  format: 'esm',
  target: 'es2024',
  minify: true,
  splitting: false,
  sourcemap: false,
  silent: true,
  noExternal: [/.*/],
  async onSuccess() {
    for (const file of ['index.html', 'page.css', 'icon.svg'])
      await cp(here(`src/app/${file}`), here(`dist/app/${file}`));
  },
});

const library = libraryBuild({
  entry: ['src/index.ts'],
  platform: 'browser',
  // `dist/app` is not the library's to clean: the two builds run side by side.
  overrides: { clean: ['dist/*.js', 'dist/*.ts', 'dist/*.map'] },
});

export default [library, app].flat();
