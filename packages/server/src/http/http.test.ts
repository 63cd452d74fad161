import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contract, createClient, type Operation, type Problem } from '@adit/client';
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createUser, setPassword } from '../accounts/service.ts';
import { type TestDatabase, testPostgres } from '../testing/test-postgres.ts';
import { PASSWORD, startTestServer, type TestServer } from '../testing/test-server.ts';

const postgres = testPostgres();
let database: TestDatabase;
let app: TestServer;
let webFolder: string;

beforeAll(async () => {
  webFolder = mkdtempSync(join(tmpdir(), 'adit-test-'));
  writeFileSync(join(webFolder, 'index.html'), '<!doctype html><title>ADIT</title>');
  mkdirSync(join(webFolder, 'assets'));
  writeFileSync(join(webFolder, 'assets', 'app-1a2b.js'), 'export {};');
  database = await postgres.openDatabase();
  app = await startTestServer(database, { webFolder });
});

afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  await database?.close();
  rmSync(webFolder, { recursive: true, force: true });
});

/** A request as it is, without the client's help. */
async function request(path: string, init: RequestInit = {}) {
  const response = await fetch(new URL(path, app.url), { redirect: 'manual', ...init });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

function problemOf({ headers, text }: { headers: Headers; text: string }): Problem {
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  return JSON.parse(text) as Problem;
}

async function logIn(headers: Record<string, string> = {}): Promise<string> {
  const { status, headers: answered } = await request('api/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ username: 'anna', password: PASSWORD }),
  });
  expect(status).toBe(200);
  return answered.getSetCookie()[0] as string;
}

const cookieOf = (setCookie: string) => setCookie.split(';')[0] as string;

describe('login', () => {
  test('tells who is logged in, until logout', async () => {
    const client = createClient({ baseUrl: app.url });
    await expect(client.whoAmI()).rejects.toMatchObject({ status: 401, code: 'LOGIN_REQUIRED' });
    const user = { username: 'anna', name: 'anna', administrator: false };
    expect(await client.login({ body: { username: 'Anna', password: PASSWORD } })).toEqual(user);
    expect(await client.whoAmI()).toEqual(user);
    await client.logout();
    await expect(client.whoAmI()).rejects.toMatchObject({ status: 401 });
  });

  test('sets a cookie that scripts and other sites cannot use', async () => {
    const cookie = await logIn();
    expect(cookie).toMatch(/^adit\.session=/);
    expect(cookie).toContain('HttpOnly');
    expect(cookie).toContain('SameSite=Lax');
    expect(cookie).not.toContain('Secure'); // plain HTTP on this machine
  });

  test('gives a new session id, so that a planted one is worth nothing', async () => {
    const first = cookieOf(await logIn());
    const second = cookieOf(await logIn({ cookie: first }));
    expect(second).not.toBe(first);
    expect((await request('api/session', { headers: { cookie: first } })).status).toBe(401);
    expect((await request('api/session', { headers: { cookie: second } })).status).toBe(200);
  });

  test('ends at the server, not only in the browser', async () => {
    const cookie = cookieOf(await logIn());
    expect((await request('api/session', { method: 'DELETE', headers: { cookie } })).status).toBe(204);
    expect((await request('api/session', { headers: { cookie } })).status).toBe(401);
  });

  test('does not say whether the name or the password is wrong', async () => {
    const attempts = [
      { username: 'anna', password: 'wrong' },
      { username: 'nobody', password: PASSWORD },
    ];
    const problems = await Promise.all(
      attempts.map((body) => app.stranger.login({ body }).catch((error) => error.problem)),
    );
    expect(problems[0]).toMatchObject({ status: 401, code: 'WRONG_CREDENTIALS' });
    expect(problems[1]).toEqual(problems[0]);
  });

  test('of a user who was disabled is over at once', async () => {
    await createUser(database.db, { username: 'carl', password: PASSWORD });
    const carl = createClient({ baseUrl: app.url });
    await carl.login({ body: { username: 'carl', password: PASSWORD } });
    await sql`update users set disabled_at = now() where username = 'carl'`.execute(database.db);
    await expect(carl.whoAmI()).rejects.toMatchObject({ status: 401 });
    await expect(carl.login({ body: { username: 'carl', password: PASSWORD } })).rejects.toMatchObject({
      code: 'WRONG_CREDENTIALS',
    });
  });

  test('elsewhere is over when the password is changed', async () => {
    await createUser(database.db, { username: 'dora', password: PASSWORD });
    const dora = createClient({ baseUrl: app.url });
    await dora.login({ body: { username: 'dora', password: PASSWORD } });
    await setPassword(database.db, 'dora', 'another one');
    await expect(dora.whoAmI()).rejects.toMatchObject({ status: 401 });
    await dora.login({ body: { username: 'dora', password: 'another one' } });
  });

  test('is refused after too many failures', async () => {
    await using limited = await startTestServer(database);
    const codes: string[] = [];
    for (let attempt = 0; attempt < 22; attempt += 1) {
      await limited.stranger.login({ body: { username: 'anna', password: 'wrong' } }).catch((error) => {
        codes.push(error.code);
      });
    }
    expect(codes.slice(0, 20)).toEqual(Array(20).fill('WRONG_CREDENTIALS'));
    expect(codes.slice(20)).toEqual(['TOO_MANY_ATTEMPTS', 'TOO_MANY_ATTEMPTS']);
    // The right password does not help now, but who is logged in goes on.
    await expect(
      limited.stranger.login({ body: { username: 'anna', password: PASSWORD } }),
    ).rejects.toMatchObject({ status: 429, retryable: true });
    await limited.anna.whoAmI();
  });
});

describe('requests from other sites', () => {
  const body = JSON.stringify({ kind: 'folder', name: 'x', source: false, destination: true, path: '/x' });
  const host = () => new URL(app.url).host;

  test.each<[string, () => Record<string, string>]>([
    ['by Sec-Fetch-Site', () => ({ 'sec-fetch-site': 'cross-site' })],
    ['of the same site but another origin', () => ({ 'sec-fetch-site': 'same-site' })],
    ['by Origin', () => ({ origin: 'https://evil.example' })],
    ['by an Origin on another port', () => ({ origin: 'http://127.0.0.1:1' })],
    ['with an opaque Origin', () => ({ origin: 'null' })],
  ])('that change something are refused: %s', async (_, headers) => {
    const cookie = cookieOf(await logIn());
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const answer = await request('api/nodes/1', {
        method,
        body,
        headers: { cookie, 'content-type': 'application/json', ...headers() },
      });
      expect(problemOf(answer)).toMatchObject({ status: 403, code: 'CROSS_SITE' });
    }
    const login = await request('api/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers() },
      body: JSON.stringify({ username: 'anna', password: PASSWORD }),
    });
    expect(problemOf(login).code).toBe('CROSS_SITE');
    expect(login.headers.getSetCookie()).toEqual([]);
  });

  test.each<[string, () => Record<string, string>]>([
    ['its own page', () => ({ 'sec-fetch-site': 'same-origin', origin: `http://${host()}` })],
    ['its own page in an older browser', () => ({ origin: `http://${host()}` })],
    ['no browser', () => ({})],
  ])('are told from those of %s', async (_, headers) => {
    const cookie = cookieOf(await logIn());
    const answer = await request('api/session', { method: 'DELETE', headers: { cookie, ...headers() } });
    expect(answer.status).toBe(204);
  });

  test('may read nothing: there are no CORS headers', async () => {
    const { headers } = await request('api/health', { headers: { origin: 'https://evil.example' } });
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('every operation', () => {
  const operations = Object.entries<Operation>(contract);
  const pathOf = (operation: Operation) =>
    `api${operation.path.replace('{studyInstanceUid}', '1.2.3').replace(/\{\w+\}/g, '999')}`;
  const send = (operation: Operation, init: RequestInit = {}) =>
    request(pathOf(operation), {
      method: operation.method,
      ...init,
      headers: {
        ...(operation.body ? { 'content-type': 'application/json' } : {}),
        ...(init.headers as Record<string, string>),
      },
    });

  test.each(operations.filter(([, { access }]) => access !== 'public'))(
    '%s needs a login',
    async (_, operation) => {
      const answer = await send(operation, operation.body ? { body: '{}' } : {});
      expect(problemOf(answer)).toMatchObject({ status: 401, code: 'LOGIN_REQUIRED', retryable: false });
    },
  );

  test.each(operations.filter(([, { access }]) => access === 'admin'))(
    '%s is refused to users who are no administrators',
    async (_, operation) => {
      const cookie = cookieOf(await logIn());
      const answer = await send(operation, {
        headers: { cookie },
        ...(operation.body ? { body: '{}' } : {}),
      });
      expect(problemOf(answer)).toMatchObject({ status: 403, code: 'FORBIDDEN' });
    },
  );

  test.each(operations.filter(([, { params }]) => params))(
    '%s refuses a path that names nothing',
    async (name, operation) => {
      const cookie = cookieOf(await logIn());
      const path = `api${operation.path.replace(/\{\w+\}/g, "1'--")}`;
      const answer = await request(path, {
        method: operation.method,
        headers: { cookie, 'content-type': 'application/json' },
        ...(operation.body ? { body: '{}' } : {}),
      });
      const problem = problemOf(answer);
      // Administrators' operations are refused before anything is looked at.
      expect(problem.code, name).toBe(operation.access === 'admin' ? 'FORBIDDEN' : 'INVALID_REQUEST');
      expect(answer.text).not.toContain("1'--");
    },
  );

  test.each(operations.filter(([, { query }]) => query))(
    '%s refuses a query it does not know',
    async (_, operation) => {
      const cookie = cookieOf(await logIn());
      for (const query of ['unknown=1', 'limit=x&limit=2', 'limit=0', 'limit=99999']) {
        const answer = await request(`${pathOf(operation)}?${query}`, { headers: { cookie } });
        expect(problemOf(answer)).toMatchObject({ status: 400, code: 'INVALID_REQUEST' });
      }
    },
  );

  test.each(operations.filter(([, { body }]) => body))(
    '%s refuses a body that is not what it must be',
    async (name, operation) => {
      const cookie = name === 'login' ? '' : cookieOf(await adminCookie());
      const bad: [body: string, code: string, type?: string][] = [
        ['{"a":', 'NOT_JSON'],
        ['', 'INVALID_REQUEST'],
        ['[]', 'INVALID_REQUEST'],
        ['"text"', 'NOT_JSON'],
        ['{"unknown":1}', 'INVALID_REQUEST'],
        ['{"__proto__":{"kind":"folder"}}', 'INVALID_REQUEST'],
        ['a=b', 'UNSUPPORTED_MEDIA_TYPE', 'application/x-www-form-urlencoded'],
        ['{}', 'UNSUPPORTED_MEDIA_TYPE', 'text/plain'],
      ];
      for (const [body, code, type = 'application/json'] of bad) {
        const answer = await send(operation, { body, headers: { cookie, 'content-type': type } });
        expect(problemOf(answer).code, body).toBe(code);
      }
      const large = await send(operation, {
        body: `{"text":"${'x'.repeat(1024 * 1024)}"}`,
        headers: { cookie },
      });
      expect(problemOf(large)).toMatchObject({ status: 413, code: 'TOO_LARGE' });
    },
  );

  async function adminCookie(): Promise<string> {
    const { headers } = await request('api/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'admin', password: PASSWORD }),
    });
    return headers.getSetCookie()[0] as string;
  }
});

describe('errors', () => {
  test('name the fields that are wrong', async () => {
    const error = await app.anna
      .createJob({
        body: {
          kind: 'selective',
          sourceId: '1',
          destinationId: '2',
          studies: [{ studyInstanceUid: '1.2.3' }, { studyInstanceUid: 'x', pseudonym: 'P\\1' }],
        },
      })
      .catch((reason) => reason);
    expect(error).toMatchObject({
      status: 400,
      problem: {
        fields: {
          'studies.1.studyInstanceUid': expect.stringContaining('not a UID'),
          'studies.1.pseudonym': expect.stringContaining('backslash'),
        },
      },
    });
  });

  test('for what does not exist say so, however large the number', async () => {
    for (const jobId of ['999', '9'.repeat(18)]) {
      await expect(app.anna.getJob({ params: { jobId } })).rejects.toMatchObject({ status: 404 });
    }
    const beyond = app.anna.getJob({ params: { jobId: '9'.repeat(19) } });
    await expect(beyond).rejects.toMatchObject({ status: 400 });
  });

  test('below /api are always problem documents', async () => {
    expect(problemOf(await request('api/nothing'))).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(problemOf(await request('api'))).toMatchObject({ status: 404 });
    expect(problemOf(await request('api/health', { method: 'DELETE' }))).toMatchObject({ status: 405 });
    expect(problemOf(await request('api/nodes/%ff/echo', { method: 'POST' })).status).toBe(400);
  });

  test('of the server itself say nothing of what is inside', async () => {
    await using broken = await postgres.openDatabase();
    await using server = await startTestServer(broken);
    await broken.pool.query('alter table nodes rename to was_nodes');
    const error = await server.anna.listNodes().catch((reason) => reason);
    expect(error).toMatchObject({ status: 500, code: 'UNEXPECTED' });
    expect(JSON.stringify(error.problem)).not.toMatch(/nodes|relation|select|\.ts/i);
    // The log has what an administrator needs.
    expect(server.log.join('')).toContain('relation');
  });

  test('without a database are for later', async () => {
    await using gone = await postgres.openDatabase();
    await using server = await startTestServer(gone);
    const name = new URL(gone.connectionString).pathname.slice(1);
    await database.pool.query(`alter database ${name} allow_connections false`);
    await database.pool.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      name,
    ]);
    await expect(server.anna.listNodes()).rejects.toMatchObject({ status: 503, retryable: true });
    await expect(server.stranger.health()).rejects.toMatchObject({ status: 503, retryable: true });
    await database.pool.query(`alter database ${name} allow_connections true`);
    expect(await server.anna.listNodes()).toEqual([]);
  });

  test('do not write what was asked for into the log', async () => {
    const before = app.log.length;
    await expect(
      app.anna
        .searchStudies({
          params: { nodeId: '999' },
          query: { patientName: 'Geheim^Anna' },
        })
        [Symbol.asyncIterator]()
        .next(),
    ).rejects.toMatchObject({ status: 404 });
    expect(app.log.slice(before).join('')).not.toContain('Geheim');
  });
});

describe('headers', () => {
  test('allow the page nothing but its own server', async () => {
    const { headers } = await request('');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('keep answers of the API out of every cache', async () => {
    for (const path of ['api/health', 'api/session', 'api/nothing']) {
      expect((await request(path)).headers.get('cache-control')).toBe('no-store');
    }
  });

  test('make the cookie secure behind a trusted proxy that speaks TLS', async () => {
    await using behind = await startTestServer(database, { trustedProxies: 1 });
    const response = await fetch(new URL('api/session', behind.url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-proto': 'https' },
      body: JSON.stringify({ username: 'anna', password: PASSWORD }),
    });
    expect(response.headers.getSetCookie()[0]).toContain('Secure');
  });
});

describe('the web interface', () => {
  test('has its page under every path of a screen', async () => {
    for (const path of ['', 'jobs', 'jobs/17', 'nodes?tab=1']) {
      const { status, headers, text } = await request(path);
      expect([status, text]).toEqual([200, '<!doctype html><title>ADIT</title>']);
      expect(headers.get('cache-control')).toBe('no-cache');
    }
  });

  test('has its files, kept by browsers for as long as they like', async () => {
    const { status, headers } = await request('assets/app-1a2b.js');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/javascript/);
    expect(headers.get('cache-control')).toContain('immutable');
  });

  test('gives out nothing else', async () => {
    expect((await request('assets/missing.js')).status).toBe(404);
    expect((await request('.env')).status).toBe(404);
    expect((await request('jobs', { method: 'POST' })).status).toBe(404);
    // Paths as they are, for fetch would resolve them.
    for (const path of ['/../package.json', '/assets/..%2f..%2fpackage.json', '/%2e%2e/%2e%2e/etc/passwd']) {
      const answer = await rawAnswer(path);
      expect(answer).toMatch(/^HTTP\/1\.1 (200|400|403|404) /);
      // 200 is the page again, for a path that could be a screen's.
      if (answer.startsWith('HTTP/1.1 200')) expect(answer).toMatch(/<title>ADIT<\/title>$/);
    }
  });

  async function rawAnswer(path: string): Promise<string> {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket.setEncoding('latin1')) text += chunk;
    return text;
  }
});

describe('whatever texts are sent', () => {
  /** Texts that have broken something somewhere. */
  const nasty = fc.oneof(
    fc.constantFrom(
      '\u0000',
      'a\u0000b',
      '\ud800',
      "'; drop table users; --",
      '%00',
      '\r\nSet-Cookie: x=1',
      '\u202e',
    ),
    fc.string({ unit: 'binary', maxLength: 100 }),
  );
  const never500 = async (ask: () => Promise<unknown>) => {
    const status = await ask().then(
      () => 200,
      (error) => error.status,
    );
    expect(status).toBeLessThan(500);
  };
  const many = { numRuns: 60 };

  test('nodes are added or refused', () =>
    fc.assert(
      fc.asyncProperty(
        nasty,
        fc.constantFrom('name', 'host', 'aeTitle', 'path', 'url', 'authorization'),
        (text, field) => {
          const common = { name: `Node ${Math.random()}`, source: false, destination: false };
          const settings = {
            name: { kind: 'dimse', ...common, aeTitle: 'A', host: 'h', port: 1 },
            host: { kind: 'dimse', ...common, aeTitle: 'A', host: 'h', port: 1 },
            aeTitle: { kind: 'dimse', ...common, aeTitle: 'A', host: 'h', port: 1 },
            path: { kind: 'folder', ...common, path: '/x' },
            url: { kind: 'dicomweb', ...common, url: 'http://h/' },
            authorization: { kind: 'dicomweb', ...common, url: 'http://h/' },
          }[field];
          return never500(() => app.admin.createNode({ body: { ...settings, [field]: text } as never }));
        },
      ),
      many,
    ));

  test('logins succeed or fail', () =>
    fc.assert(
      fc.asyncProperty(nasty, nasty, (username, password) =>
        never500(() => app.stranger.login({ body: { username, password } })),
      ),
      { numRuns: 15 },
    ));

  test('jobs and searches are refused in order', async () => {
    const node = { kind: 'dimse', aeTitle: 'X', host: '127.0.0.1', port: 9, destination: true } as const;
    const { id: sourceId } = await app.admin.createNode({ body: { ...node, name: 'Away', source: true } });
    const { id: destinationId } = await app.admin.createNode({
      body: { ...node, name: 'Gone', source: false },
    });
    await fc.assert(
      fc.asyncProperty(nasty, async (text) => {
        for (const field of ['studyInstanceUid', 'patientId', 'pseudonym']) {
          const studies = [{ studyInstanceUid: '1.2.3', [field]: text }];
          await never500(() =>
            app.anna.createJob({ body: { kind: 'selective', sourceId, destinationId, studies } }),
          );
        }
      }),
      { numRuns: 30 },
    );
    const { jobs } = await app.anna.listJobs({ query: { limit: 200 } });
    for (const { id } of jobs) await app.anna.cancelJob({ params: { jobId: id } }).catch(() => {});
  });
});

test('health and the OpenAPI document need no login', async () => {
  expect(await app.stranger.health()).toEqual({ ok: true, version: expect.any(String) });
  const document = await app.stranger.openapi();
  expect(document).toMatchObject({
    openapi: '3.1.0',
    paths: { '/jobs': { post: { operationId: 'createJob' } } },
  });
});
