import { createRequire } from 'node:module';

type Fflate = ReturnType<typeof import('../data/fflate.ts').fflate>;

let loaded: Fflate | undefined;

/**
 * Deflates and inflates. Loaded when it is first needed, which in most programs is never: it fills its tables when it is
 * loaded, which takes as long as sending some dozen images.
 */
export function fflate(): Fflate {
  loaded ??= createRequire(import.meta.url)('fflate/browser') as Fflate;
  return loaded;
}
