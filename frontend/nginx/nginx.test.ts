// @vitest-environment node
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const here = import.meta.dirname;
const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((p) => existsSync(p));

function start(dir: string, backend: string | undefined, ...command: string[]) {
  return spawnSync('/bin/sh', [join(here, 'entrypoint.sh'), ...command], {
    encoding: 'utf8',
    // No PATH: the script may use nothing but the shell.
    env: { PATH: '/nowhere', GROCERY_WWW: dir, GROCERY_NGINX_CONF: dir, ...(backend === undefined ? {} : { REACT_APP_BACKEND_SERVER: backend }) },
  });
}

describe('the start of the container', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'grocery-entrypoint-'));
  });
  afterAll(() => rmSync(dir, { recursive: true }));

  it.each([
    [undefined, '', ''],
    ['', '', ''],
    ['http://shop.example.com', 'http://shop.example.com', 'http://shop.example.com'],
    ['https://shop.example.com:8443/', 'https://shop.example.com:8443', 'https://shop.example.com:8443'],
    ['http://[::1]:5000/base//', 'http://[::1]:5000/base', 'http://[::1]:5000'],
  ])('given %j the browser gets %j and the policy names %j', (given, server, origin) => {
    const run = start(dir, given, '/bin/true');
    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
    expect(readFileSync(join(dir, 'config.js'), 'utf8')).toBe(`window.__GROCERY_CONFIG__ = { backendServer: "${server}" };\n`);
    expect(readFileSync(join(dir, 'backend.conf'), 'utf8')).toBe(`set $backend "${origin}";\n`);
  });

  it.each(['http://x"};alert(1);//', 'http://x;\nreturn 200', 'http://$host', 'javascript:alert(1)', 'shop.example.com', 'http://', 'http:///api', "http://a'b", 'http://a b'])(
    'refuses %j and says what to set',
    (given) => {
      const run = start(dir, given, '/bin/true');
      expect(run.status).toBe(64);
      expect(run.stderr).toContain('set it to http://HOST');
    },
  );

  it('becomes the command it is given and hands on its exit code', () => {
    expect(start(dir, '', '/bin/sh', '-c', 'exit 7').status).toBe(7);
  });
});

describe('the web server', () => {
  let dir: string;
  let server: ChildProcess;
  let base: string;
  let log = '';

  beforeAll(async () => {
    if (!nginx) throw new Error('no nginx found, so the page’s web server is not tested: install the package nginx-light, or run `make setup`');
    dir = mkdtempSync(join(tmpdir(), 'grocery-nginx-'));
    const www = join(dir, 'www');
    for (const d of ['www/assets', 'www/products', 'www/.hidden']) mkdirSync(join(dir, d), { recursive: true });
    writeFileSync(join(www, 'index.html'), '<!doctype html><title>the page</title>');
    writeFileSync(join(www, 'assets/index-abc123.js'), `// ${'x'.repeat(5000)}`);
    writeFileSync(join(www, 'products/1f34e.webp'), 'RIFF');
    writeFileSync(join(www, '.hidden/secret'), 'secret');
    writeFileSync(join(dir, 'security.conf'), readFileSync(join(here, 'security.conf')));

    const port = await freePort();
    // The shipped file, with nothing changed but what has to be outside of a container: port, paths and streams.
    const conf = readFileSync(join(here, 'nginx.conf'), 'utf8')
      .replace('listen 80 default_server', `listen 127.0.0.1:${port} default_server`)
      .replace('pid /tmp/nginx.pid', `pid ${dir}/nginx.pid`)
      .replace('/dev/stderr', 'stderr')
      .replace('/dev/stdout', join(dir, 'access.log'))
      .replace('/usr/share/grocery', www)
      .replaceAll('/etc/nginx/grocery', dir)
      .replace('events {', `${process.getuid?.() === 0 ? 'user root;\n' : ''}events {`)
      .replace('types {', ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((t) => `${t}_temp_path ${dir}/${t};`).join('\n') + '\ntypes {');
    writeFileSync(join(dir, 'nginx.conf'), conf);

    server = spawn('/bin/sh', [join(here, 'entrypoint.sh'), nginx, '-p', dir, '-c', join(dir, 'nginx.conf'), '-g', 'daemon off;'], {
      env: { PATH: '/nowhere', GROCERY_WWW: www, GROCERY_NGINX_CONF: dir, REACT_APP_BACKEND_SERVER: 'http://backend.example.com:5000/base' },
    });
    server.stdout!.on('data', (b: Buffer) => (log += b.toString()));
    server.stderr!.on('data', (b: Buffer) => (log += b.toString()));
    base = `http://127.0.0.1:${port}`;
    await vi.waitFor(async () => expect(await get('/healthz').then((r) => r.status, () => log)).toBe(200), { timeout: 5000, interval: 20 });
  });
  afterAll(async () => {
    if (!nginx) return;
    server.kill('SIGQUIT');
    if (server.exitCode === null) await once(server, 'exit');
    rmSync(dir, { recursive: true });
  });

  const get = (path: string, init?: RequestInit) => fetch(base + path, init);

  it.each([
    // path, status, media type, what the browser may keep, how the body begins
    ['/', 200, 'text/html; charset=utf-8', 'no-cache', '<!doctype html>'],
    ['/basket?next=1', 200, 'text/html; charset=utf-8', 'no-cache', '<!doctype html>'],
    ['/product/12', 200, 'text/html; charset=utf-8', 'no-cache', '<!doctype html>'],
    ['/config.js', 200, 'text/javascript; charset=utf-8', 'no-store', 'window.__GROCERY_CONFIG__ = { backendServer: "http://backend.example.com:5000/base" };'],
    ['/assets/index-abc123.js', 200, 'text/javascript; charset=utf-8', 'public, max-age=31536000, immutable', '// xxx'],
    ['/products/1f34e.webp', 200, 'image/webp', 'public, max-age=86400', 'RIFF'],
    ['/healthz', 200, 'text/plain; charset=utf-8', 'no-store', 'ok'],
    ['/apiary', 200, 'text/html; charset=utf-8', 'no-cache', '<!doctype html>'],
    ['/api', 404, 'application/json; charset=utf-8', 'no-store', '{"error":'],
    ['/api/products/all_products', 404, 'application/json; charset=utf-8', 'no-store', '{"error":'],
  ])('answers %s with %i %s', async (path, status, type, cache, body) => {
    const response = await get(path);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe(type);
    expect(response.headers.get('cache-control')).toBe(cache);
    expect((await response.text()).slice(0, body.length)).toBe(body);
  });

  it.each(['/assets/gone.js', '/products/gone.webp', '/.hidden/secret', '/.git/config'])('has nothing at %s, and does not send the page for it', async (path) => {
    const response = await get(path);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toMatch(/the page<|secret/);
    expect(response.headers.get('cache-control')).toBe('no-cache');
  });

  it('lets the browser keep a file as long when it has asked whether it changed, or for a part of it', async () => {
    const path = '/assets/index-abc123.js';
    const etag = (await get(path)).headers.get('etag');
    const [same, part] = await Promise.all([get(path, { headers: { 'If-None-Match': etag! } }), get(path, { headers: { Range: 'bytes=0-9' } })]);
    expect([same.status, part.status]).toEqual([304, 206]);
    expect([same, part].map((r) => r.headers.get('cache-control'))).toEqual(Array(2).fill('public, max-age=31536000, immutable'));
  });

  it.each(['/', '/healthz', '/config.js', '/assets/index-abc123.js', '/assets/gone.js', '/api/x'])('sends the security headers with %s', async (path) => {
    const { headers } = await get(path);
    const csp = headers.get('content-security-policy');
    expect(csp).toContain("default-src 'none'");
    expect(csp).toContain("connect-src 'self' http://backend.example.com:5000;");
    expect(csp).toContain("img-src 'self' data: blob: http://backend.example.com:5000;");
    expect(csp).not.toContain('unsafe');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('strict-origin-when-cross-origin');
    expect(headers.get('server')).toBe('nginx');
  });

  it('compresses text', async () => {
    const response = await get('/assets/index-abc123.js', { headers: { 'Accept-Encoding': 'gzip' } });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(response.headers.get('vary')).toBe('Accept-Encoding');
  });

  it.each(['POST', 'PUT', 'DELETE'])('takes no %s', async (method) => {
    expect((await get('/basket', { method })).status).toBe(403);
  });

  it('logs a request as one line of JSON, without what was searched for', async () => {
    await get('/basket?q=chocolate');
    const access = readFileSync(join(dir, 'access.log'), 'utf8');
    const lines = access.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(expect.objectContaining({ method: 'GET', path: '/basket', status: 200 }));
    expect(access).not.toContain('chocolate');
    expect(access).not.toContain('/healthz');
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
