import type { FirstOfferedOptions, InstanceSource, Queryable } from '@adit/core';
import { createFolderSource, createZipSource, type SkippedFile } from '@adit/core/node';
import type { DicomWebClient } from '@adit/dicomweb';
import type { DimseClient, Receiver } from '@adit/dimse';
import { openWays } from '../nodes/open-ways.ts';
import { readHeaderFile, readPasswordFile } from './arguments.ts';
import type { Place } from './place.ts';
import { UsageError } from './usage-error.ts';

export interface SourceOptions {
  headerFile?: string;
  fromPasswordFile?: string;
  direct?: boolean;
}

/** Somewhere instances come from, and that can be asked which. */
export interface Source extends InstanceSource, Queryable, AsyncDisposable {
  /** Of files: how many are no part of the source, by the code that says why. */
  readonly skipped?: ReadonlyMap<string, number>;
  /** Of a DIMSE node: has it send to another one. */
  move?: DimseClient['move'];
}

/**
 * Opens a place to take instances from. Throws `UsageError` where it cannot be one.
 *
 * @param receiver of this program, for nodes that send by C-MOVE
 */
export async function openSource(
  place: Place,
  options: SourceOptions & Pick<FirstOfferedOptions, 'onWay'>,
  receiver?: Receiver,
): Promise<Source> {
  switch (place.kind) {
    case 'dimse': {
      const { node, retrieve, dicomWebUrl, text } = place;
      if (retrieve.every((way) => way === 'c-move') && !receiver && !options.direct) {
        throw new UsageError(`${text} is to send by C-MOVE: say where to with --receiver AET:PORT.`);
      }
      const web =
        dicomWebUrl !== undefined && retrieve.includes('wado-rs')
          ? await openDicomWeb(dicomWebUrl, options)
          : undefined;
      return openWays(node, { web, receiver, retrieve, onWay: options.onWay });
    }
    case 'dicomweb':
      return openDicomWeb(place.url, options);
    case 'zip': {
      const { fromPasswordFile } = options;
      const password =
        fromPasswordFile === undefined ? {} : { password: await readPasswordFile(fromPasswordFile) };
      const { skipped, onSkipped } = countSkipped();
      return Object.assign(createZipSource(place.path, { ...password, onSkipped }), { skipped });
    }
    case '7z':
      throw new UsageError('A 7z archive is no source: unpack it into a folder, or use a ZIP file.');
    case 'nifti':
      throw new UsageError('NIfTI files are no source: their DICOM objects cannot be made of them again.');
    case 'folder': {
      const { skipped, onSkipped } = countSkipped();
      const source = createFolderSource(place.path, { onSkipped });
      return Object.assign(source, { skipped, async [Symbol.asyncDispose]() {} });
    }
  }
}

async function openDicomWeb(url: string, { headerFile }: SourceOptions): Promise<DicomWebClient> {
  const { createDicomWebClient } = await import('@adit/dicomweb');
  return createDicomWebClient({ url, ...(headerFile ? { headers: await readHeaderFile(headerFile) } : {}) });
}

function countSkipped() {
  const skipped = new Map<string, number>();
  const onSkipped = ({ code }: SkippedFile) => {
    skipped.set(code, (skipped.get(code) ?? 0) + 1);
  };
  return { skipped, onSkipped };
}
