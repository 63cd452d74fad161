import { SopClass, textOf } from '@adit/core';
import { syntheticStudy } from '@adit/core/synthetic';
import { expect, test } from 'vitest';
import { createDimseClient } from './dimse-client.ts';
import { createDimseSink } from './dimse-sink.ts';
import { echo } from './echo.ts';
import { listen } from './scp/listen.ts';
import { createCertificates } from './testing/certificates.ts';
import { startOrthanc } from './testing/orthanc.ts';

test('Orthanc over TLS, certificates on both sides, in both roles', async () => {
  await using certificates = await createCertificates();
  const authority = await certificates.authority('Test CA');
  const theirs = await certificates.issue('orthanc', { issuer: authority });
  const ours = await certificates.issue('adit', { issuer: authority });
  const tls = { ca: authority.cert, cert: ours.cert, key: ours.key };

  const received: string[] = [];
  await using server = await listen({
    aeTitle: 'ADIT',
    host: '127.0.0.1',
    port: 0,
    tls,
    handlers: {
      store: async ({ sopInstanceUid, dataset }) => {
        for await (const _ of dataset);
        received.push(sopInstanceUid);
        return 0;
      },
    },
  });
  await using orthanc = await startOrthanc(
    {
      DicomTlsEnabled: true,
      DicomTlsCertificate: theirs.certFile,
      DicomTlsPrivateKey: theirs.keyFile,
      DicomTlsTrustedCertificates: authority.certFile,
      DicomTlsRemoteCertificateRequired: true,
      DicomModalities: { adit: { AET: 'ADIT', Host: 'localhost', Port: server.port, UseDicomTls: true } },
    },
    tls,
  );

  expect((await echo(orthanc.node)).tls?.certificate?.subject).toBe('O=Test Hospital, CN=orthanc');
  await expect(echo({ ...orthanc.node, tls: { ca: authority.cert } })).rejects.toMatchObject({
    code: 'UNREACHABLE',
    message: expect.stringContaining('a certificate of the calling side is required'),
  });

  const study = syntheticStudy({ series: [{ kind: 'CT', instances: 3, rows: 64 }] });
  const uids = study.map(({ sopInstanceUid }) => sopInstanceUid).sort();
  await using sink = createDimseSink(orthanc.node);
  for (const instance of study) expect((await sink.store(instance)).state).toBe('stored');
  const selection = { studyInstanceUid: textOf(study[0]!.attributes, 'StudyInstanceUID')! };

  await using client = createDimseClient(orthanc.node);
  const found: string[] = [];
  for await (const instance of client.retrieve(selection, { sopClassUids: [SopClass.CtImageStorage] })) {
    for await (const _ of instance.dataset);
    found.push(instance.sopInstanceUid);
  }
  expect(found.sort()).toEqual(uids);

  const moved = client.move(selection, { destination: 'ADIT' });
  let end = await moved.next();
  while (!end.done) end = await moved.next();
  expect(end.value).toMatchObject({ completed: uids.length });
  expect(received.sort()).toEqual(uids);
});
