import { createElementReader, type DicomInstance, HeldBackError, Tags, type Token } from '@adit/core';
import type { AsyncTransformOf, TransformOf } from '../dataset/transform-of.ts';
import { HeaderIdentifiers } from '../identifiers/header-identifiers.ts';
import type { Identifier, IdentifierKind } from '../identifiers/identifier.ts';
import { type Leak, LeakScanner, type ScannedElement, type ScanOptions } from './leak-scanner.ts';
import { type LeakSearch, rememberedLeakSearches } from './leak-search.ts';

export interface LeakGuardOptions extends Pick<ScanOptions, 'pixelData'> {
  /**
   * What counts, of what an original's header names. Default: `name`, `id`, `birth-date` and `uid`; leave `uid` out where a
   * recipe retains UIDs.
   */
  kinds?: readonly IdentifierKind[];
  /** Texts that may be seen though the original has them: a pseudonym, where an object is pseudonymized again. */
  allowed?: readonly string[];
}

const defaultKinds: readonly IdentifierKind[] = ['name', 'id', 'birth-date', 'uid'];

/**
 * Searches every instance that a transform makes for what identifies its original; one in which something is found is held
 * back before its end goes out, so that no destination keeps it. Needs no second reading: the header is looked at as the
 * transform reads it.
 *
 * Dates and times are not looked into, the birth date aside: a recipe may keep or shift them, and then one equals another.
 *
 * Reading `dataset` throws `HeldBackError`, which says in which attribute what kind of identifier is, and which not.
 *
 * @example
 * transfer({ source, sink, selection, transforms: [leakGuard(pseudonymizer.transform)] });
 */
export function leakGuard<Made extends DicomInstance>(
  transform: TransformOf<Made>,
  options: LeakGuardOptions = {},
): AsyncTransformOf<Made> {
  const searches = rememberedLeakSearches();
  const kinds = new Set(options.kinds ?? defaultKinds);
  const guarded = async (original: DicomInstance): Promise<Made> => {
    const allowed = new Set(options.allowed);
    const isSought = ({ kind, text }: Identifier) => kinds.has(kind) && !allowed.has(text);
    const header = new HeaderIdentifiers();
    const instance = await transform({ ...original, dataset: observed(original, header) });
    const search = () => searches(header.all.filter(isSought));
    return { ...instance, dataset: searched(instance, search, options) };
  };
  const { mapUid } = transform;
  return Object.assign(guarded, mapUid === undefined ? {} : { mapUid });
}

/** Collects the identifiers of a header as it is read, up to the pixel data. */
async function* observed(
  { dataset, transferSyntaxUid }: DicomInstance,
  header: HeaderIdentifiers,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = createElementReader({ transferSyntaxUid });
  let isHeader = true;
  for await (const chunk of dataset) {
    if (isHeader) isHeader = takeHeader(reader.push(chunk), header);
    yield chunk;
  }
}

/** Returns whether more of the header may come. */
function takeHeader(tokens: Iterable<Token>, header: HeaderIdentifiers): boolean {
  try {
    for (const token of tokens) {
      const isPixels = token.kind === 'bulk-start' || token.kind === 'fragments-start';
      if (isPixels && token.depth === 0 && token.tag >= Tags.FloatPixelData) return false;
      header.take(token);
    }
    return true;
  } catch (error) {
    if (error instanceof HeldBackError) throw error;
    throw new HeldBackError('It cannot be searched for identifiers: its data set is damaged.', {
      cause: error,
    });
  }
}

async function* searched(
  { dataset, transferSyntaxUid }: DicomInstance,
  search: () => LeakSearch,
  { pixelData = 'search' }: LeakGuardOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = createElementReader({ transferSyntaxUid });
  let scanner: LeakScanner | undefined;
  const scan = (tokens: Iterable<Token>) => {
    scanner ??= new LeakScanner(search(), { pixelData, skip: isDate, maxLeaks: 1 });
    try {
      for (const token of tokens) scanner.take(token);
    } catch (error) {
      throw new HeldBackError('It cannot be searched for identifiers: what was made of it is damaged.', {
        cause: error,
      });
    }
    return scanner;
  };
  for await (const chunk of dataset) {
    check(scan(reader.push(chunk)).leaks);
    yield chunk;
  }
  const last = scan(reader.end());
  last.end();
  check(last.leaks);
}

function check([leak]: readonly Leak[]): void {
  if (leak === undefined) return;
  const { kind, encoding, path } = leak;
  throw new HeldBackError(
    `An identifier of the original (${kind}, ${encoding}) is left in ${path ?? 'its bytes'}.`,
  );
}

function isDate({ tag, vr }: ScannedElement): boolean {
  return (vr === 'DA' || vr === 'TM' || vr === 'DT') && tag !== Tags.PatientBirthDate;
}
