import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as core from '@adit/core';
import { decodeDataset, encodeDataset, SopClass, TransferSyntax, textOf } from '@adit/core';
import * as synthetic from '@adit/core/synthetic';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ArchiveScp, createArchiveScp } from './archive/create-archive-scp.ts';
import { decodeCommandSet } from './command-set.ts';
import * as dimse from './index.ts';
import type { DimseNode } from './node.ts';
import { type ScriptedPeer, scriptedServer } from './testing/scripted-peer.ts';

/*
 * The examples in the comments of this package, run as they stand. They find in scope: what the packages export, `node` (an
 * archive with a CT study, which may send to the AE title OTHER), `studyInstanceUid`, and a `folder` with nothing in it but the certificate of an authority, `ca.pem`.
 */

interface Example {
  /** What is declared below the comment. */
  name: string;
  code: string;
}

async function findExamples(): Promise<Example[]> {
  const names = await readdir(import.meta.dirname, { recursive: true });
  const sources = names.filter((name) => name.endsWith('.ts') && !/\.test\.ts$|^testing/.test(name)).sort();
  const examples: Example[] = [];
  for (const source of sources) {
    const text = await readFile(join(import.meta.dirname, source), 'utf8');
    const comments =
      /\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\s*(?:export )?(?:async )?(?:function\*? |class |const )?(\w+)/g;
    for (const [, comment = '', name = ''] of text.matchAll(comments)) {
      const [, example] = /@example\n([\s\S]*?)(?=\n\s*\* @|$)/.exec(comment) ?? [];
      if (example !== undefined) examples.push({ name, code: example.replace(/^\s*\* ?/gm, '') });
    }
  }
  return examples;
}

let folder: string;
let pacs: ArchiveScp;
let other: ArchiveScp;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adit-examples-'));
  other = await createArchiveScp({ folder: join(folder, 'other'), aeTitle: 'OTHER' });
  const peers = [{ aeTitle: 'OTHER', host: '127.0.0.1', port: other.port }];
  pacs = await createArchiveScp({ folder: join(folder, 'pacs'), aeTitle: 'PACS', peers });
});
afterAll(async () => {
  await pacs?.close();
  await other?.close();
  await rm(folder, { recursive: true });
});

/** Takes requests for storage commitment, and knows of no instance. */
async function commitToNothing(script: ScriptedPeer): Promise<void> {
  await script.accept();
  const { command, dataset } = await script.receiveMessage();
  script.sendMessage(1, {
    commandField: 0x8130,
    messageIdBeingRespondedTo: decodeCommandSet(command).messageId!,
    status: 0,
  });
  const transferSyntaxUid = TransferSyntax.ExplicitVrLittleEndian;
  const { '00081195': transaction } = decodeDataset(dataset, { transferSyntaxUid });
  script.sendMessage(
    1,
    {
      commandField: 0x0100,
      messageId: 1,
      affectedSopClassUid: SopClass.StorageCommitmentPushModel,
      affectedSopInstanceUid: '1.2.840.10008.1.20.1.1',
      eventTypeId: 2,
    },
    encodeDataset({ '00081195': transaction! }, { transferSyntaxUid }),
  );
  await script.receiveMessage();
  await script.expect('A-RELEASE-RQ');
  script.send({ type: 'A-RELEASE-RP' });
}

/** Every example in a function of its own, in one program. */
function programOf(examples: readonly Example[], node: DimseNode, committing: DimseNode): string {
  const scope = (module: object, name: string) => `const { ${Object.keys(module).join(', ')} } = ${name};`;
  const bodies = examples.map(({ name, code }) => {
    const asked = /storageCommitment|CommitmentReports/i.test(name) ? committing : node;
    return `await run(${JSON.stringify(name)}, ${JSON.stringify(asked)}, async (node, folder) => {\n${code}\n});`;
  });
  return `
    import { mkdtemp, writeFile } from 'node:fs/promises';
    import { rootCertificates } from 'node:tls';
    import * as core from '@adit/core';
    import * as synthetic from '@adit/core/synthetic';
    import * as dimse from '@adit/dimse';
    ${scope(core, 'core')}
    ${scope(synthetic, 'synthetic')}
    ${scope(dimse, 'dimse')}
    const studyInstanceUid = process.env.STUDY_INSTANCE_UID;
    async function run(name, node, example) {
      try {
        const folder = await mkdtemp(process.env.EXAMPLES_FOLDER + '/example-');
        await writeFile(folder + '/ca.pem', rootCertificates[0]);
        await example(node, folder);
        console.log('ran', name);
      } catch (error) {
        console.log('failed', name, error);
      }
    }
    ${bodies.join('\n')}
  `;
}

test('every function and class that is exported has an example, and the examples run', async () => {
  const examples = await findExamples();
  const names = examples.map(({ name }) => name);
  const missing = Object.entries(dimse).filter(
    ([name, one]) => typeof one === 'function' && !names.includes(name),
  );
  expect(missing.map(([name]) => name)).toEqual([]);
  expect(names).toEqual(expect.arrayContaining(['cFind', 'cGet', 'cMove', 'cStore', 'move']));

  const study = synthetic.syntheticStudy({ series: [{ kind: 'CT', instances: 3, rows: 32 }] });
  for (const instance of study) await pacs.archive.store(instance);
  await using committing = await scriptedServer(commitToNothing);
  const node = { aeTitle: 'PACS', host: '127.0.0.1', port: pacs.port };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--conditions=@adit/source',
      '--input-type=module-typescript',
      '--eval',
      programOf(examples, node, committing.node),
    ],
    {
      cwd: new URL('..', import.meta.url),
      env: {
        ...process.env,
        EXAMPLES_FOLDER: folder,
        STUDY_INSTANCE_UID: textOf(study[0]!.attributes, 'StudyInstanceUID')!,
      },
    },
  );
  expect(stdout).not.toMatch(/^failed/m);
  expect(stdout.match(/^ran \w+$/gm)).toEqual(names.map((name) => `ran ${name}`));
  // The moves of two examples have arrived.
  expect(other.archive.size).toBe(3);
});
