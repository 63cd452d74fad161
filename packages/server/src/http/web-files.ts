import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, Router } from 'express';

/**
 * Folder of the built web interface, `dist/app` of @adit/web-components; undefined when it is not installed or not built.
 *
 * The package is found by its files alone: nothing of it runs in the server.
 */
export function findWebFolder(): string | undefined {
  let manifest: string;
  try {
    manifest = fileURLToPath(import.meta.resolve('@adit/web-components/package.json'));
  } catch {
    return undefined;
  }
  const folder = join(dirname(manifest), 'dist', 'app');
  return existsSync(join(folder, 'index.html')) ? folder : undefined;
}

/**
 * Serves the web interface: its files, and its page for every other path without an extension, for the paths of its
 * screens are known to the page alone.
 */
export function webFiles(folder: string): RequestHandler {
  const router = Router();
  router.use(
    express.static(folder, {
      index: false,
      redirect: false,
      setHeaders: (response, path) => {
        // The build puts a hash of the content into the names below assets/.
        const immutable = path.startsWith(join(folder, 'assets'));
        response.set('cache-control', immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    }),
  );
  router.get(/^\/[^.]*$/, (_request, response) => {
    response.sendFile('index.html', { root: folder, headers: { 'cache-control': 'no-cache' } });
  });
  return router;
}
