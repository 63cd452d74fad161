import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate and its key, as files and as bytes. */
export interface Identity {
  certFile: string;
  keyFile: string;
  cert: Buffer;
  key: Buffer;
}

/** A folder of certificates, made by openssl for one test. */
export interface Certificates extends AsyncDisposable {
  folder: string;
  /** A new authority that vouches for itself. */
  authority(name: string): Promise<Identity>;
  /** A certificate for localhost and 127.0.0.1, unless other names are given; self-signed without an issuer. */
  issue(
    name: string,
    options?: { issuer?: Identity; names?: string; expired?: boolean; newKey?: string },
  ): Promise<Identity>;
}

const openssl = (args: readonly string[]) => promisify(execFile)('openssl', args);

/** Makes a folder for certificates; dispose of it to remove it. */
export async function createCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'adit-certificates-'));
  const files = (name: string) => ({
    certFile: join(folder, `${name}.pem`),
    keyFile: join(folder, `${name}.key`),
  });
  const read = async (name: string): Promise<Identity> => {
    const { certFile, keyFile } = files(name);
    return { certFile, keyFile, cert: await readFile(certFile), key: await readFile(keyFile) };
  };
  return {
    folder,
    async authority(name) {
      const { certFile, keyFile } = files(name);
      await openssl([
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
        ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'],
        ...['-keyout', keyFile, '-out', certFile],
      ]);
      return read(name);
    },
    async issue(name, { issuer, names = 'DNS:localhost,IP:127.0.0.1', expired, newKey = 'rsa:2048' } = {}) {
      const { certFile, keyFile } = files(name);
      const [request, extensions] = [join(folder, `${name}.csr`), join(folder, `${name}.cnf`)];
      await writeFile(extensions, `basicConstraints=critical,CA:FALSE\nsubjectAltName=${names}\n`);
      await openssl([
        ...['req', '-new', '-newkey', newKey, '-nodes', '-subj', `/O=Test Hospital/CN=${name}`],
        ...['-keyout', keyFile, '-out', request],
      ]);
      await openssl([
        ...['x509', '-req', '-in', request, '-extfile', extensions, '-days', expired ? '-1' : '2'],
        ...(issuer ? ['-CA', issuer.certFile, '-CAkey', issuer.keyFile] : ['-signkey', keyFile]),
        ...['-set_serial', `0x01${randomBytes(8).toString('hex')}`, '-out', certFile],
      ]);
      return read(name);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
