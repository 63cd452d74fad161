import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { postgresAccount } from './account.ts';
import { executableBinaries, locatePackage } from './binaries.ts';
import { tryAs } from './run-as.ts';

describe('executableBinaries', () => {
  const account = postgresAccount();
  let folder: string;
  let native: string;
  let copy: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'adit-test-'));
    chmodSync(folder, 0o711);
    native = join(folder, 'checkout', 'native');
    copy = join(folder, 'lib', 'postgresql');
    cpSync((await locatePackage()).native, native, { recursive: true, verbatimSymlinks: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function version(bin: string): string {
    return tryAs(account, join(bin, 'postgres'), '--version').stdout;
  }

  it('copies nothing when they can be executed where they are', async () => {
    expect(await executableBinaries({ native, copy, account })).toBe(join(native, 'bin'));
    expect(readdirSync(folder)).toEqual(['checkout']);
  });

  it("makes a copy when PostgreSQL's user may not enter the checkout, and uses it again", async ({
    skip,
  }) => {
    skip(!account, 'only root runs PostgreSQL as another user');
    chmodSync(join(folder, 'checkout'), 0o700);
    expect(await executableBinaries({ native, copy, account })).toBe(join(copy, 'bin'));
    expect(version(join(copy, 'bin'))).toMatch(/^postgres \(PostgreSQL\) \d+/);
    expect(readdirSync(join(folder, 'lib'))).toEqual(['postgresql']);
    const { ino } = statSync(copy);
    await executableBinaries({ native, copy, account });
    expect(statSync(copy).ino).toBe(ino);
  });

  it('makes a copy with the links that an install without scripts has left out', async () => {
    const links = readdirSync(join(native, 'lib')).filter((name) =>
      lstatSync(join(native, 'lib', name)).isSymbolicLink(),
    );
    expect(links).toContain('libicuuc.so.60');
    for (const link of links) rmSync(join(native, 'lib', link));
    expect(version(join(native, 'bin'))).toBe('');
    expect(await executableBinaries({ native, copy, account })).toBe(join(copy, 'bin'));
    expect(version(join(copy, 'bin'))).toMatch(/^postgres \(PostgreSQL\) \d+/);
  });

  it('replaces a copy that does not work', async () => {
    rmSync(join(native, 'lib', 'libicuuc.so.60'));
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
    expect(await executableBinaries({ native, copy, account })).toBe(join(copy, 'bin'));
    expect(version(join(copy, 'bin'))).toMatch(/^postgres \(PostgreSQL\) \d+/);
  });

  it('says in one sentence that they do not run here, and why', async () => {
    writeFileSync(join(native, 'bin', 'postgres'), '#!/bin/sh\necho "no such C library" >&2; exit 1\n');
    await expect(executableBinaries({ native, copy, account })).rejects.toMatchObject({
      code: 'POSTGRES_UNSUPPORTED',
      message:
        'The embedded PostgreSQL cannot be used, its programs do not run on this machine (no such C library): set DATABASE_URL to a PostgreSQL of yours.',
    });
  });
});
