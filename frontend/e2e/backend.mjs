// A whole shop of one's own on this machine: a fresh PostgreSQL, the backend, and the built page in front of both. For
// checks that have to stop the backend, and for measuring; everything is gone at the end.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const frontend = join(root, 'frontend');

/** A port that nobody has at the moment. */
export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** PostgreSQL does not run as root: then it runs as the user postgres. */
function owner() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function programs() {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a)) : [];
  const bin = versions.map((v) => `/usr/lib/postgresql/${v}/bin`).find((b) => existsSync(join(b, 'initdb')));
  if (!bin) throw new Error('no PostgreSQL found: install the package postgresql');
  return bin;
}

/** Waits until an address answers with a success. */
export async function answers(url, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // Not yet.
    }
    if (Date.now() > end) throw new Error(`${url} did not answer within ${seconds} s`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Starts a program that does not outlive this one, however it ends. */
function start(...args) {
  const child = spawn(...args);
  const kill = () => child.kill('SIGTERM');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

async function ended(child) {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/**
 * Serves the built page with the shipped configuration of nginx. Changed is only what has to be outside of a container
 * (port, paths, streams), and that the API is behind it.
 */
async function servePage(dir, api, undo, log) {
  const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((p) => existsSync(p));
  if (!nginx) throw new Error('no nginx found: install the package nginx-light');
  const port = await freePort();
  const page = join(dir, 'page');
  mkdirSync(page);
  const shipped = (name) => readFileSync(join(frontend, 'nginx', name), 'utf8');
  for (const name of ['security.conf', 'backend.conf']) writeFileSync(join(page, name), shipped(name));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((t) => `${t}_temp_path ${page}/${t};`).join('\n');
  const conf = shipped('nginx.conf')
    .replace('listen 80 default_server', `listen 127.0.0.1:${port} default_server`)
    .replace('pid /tmp/nginx.pid', `pid ${page}/nginx.pid`)
    .replace('/dev/stderr', 'stderr')
    .replace('/dev/stdout', join(page, 'access.log'))
    .replace('/usr/share/grocery', join(frontend, 'dist'))
    .replaceAll('/etc/nginx/grocery', page)
    .replace('events {', `${process.getuid() === 0 ? 'user root;\n' : ''}events {`)
    .replace('types {', `${temporary}\ntypes {`)
    .replace('client_max_body_size 1k', 'client_max_body_size 6m')
    .replace(/location ~ \^\/api\(\/\|\$\) \{[^}]*\}/, `location /api/ { proxy_pass ${api}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }`);
  writeFileSync(join(page, 'nginx.conf'), conf);
  const server = start(nginx, ['-p', page, '-c', join(page, 'nginx.conf'), '-g', 'daemon off;'], { stdio: log });
  undo.push(async () => {
    server.kill('SIGTERM');
    await ended(server);
  });
  return port;
}

/**
 * Starts everything and returns where the page is. The page has to be built before (`npm run build`). `backend.stop()`
 * and `backend.start()` make the shop go away and come back, with the same data.
 */
export async function startShop({ env = {}, log = process.env.E2E_LOG ? 'inherit' : 'ignore' } = {}) {
  if (!existsSync(join(frontend, 'dist/index.html'))) throw new Error('the page is not built: run `npm run build` first');
  const dir = mkdtempSync(join(tmpdir(), 'grocery-shop-'));
  const undo = [() => rmSync(dir, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.reverse()) await step();
    undo.length = 0;
  };
  try {
    // The database.
    const bin = programs();
    const as = owner();
    if (as.uid !== undefined) chownSync(dir, as.uid, as.gid);
    chmodSync(dir, 0o755);
    const data = join(dir, 'data');
    const port = await freePort();
    const clean = { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', TZ: 'UTC' };
    execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'grocery', '-E', 'UTF8', '--locale=C.UTF-8', '-A', 'trust', '--no-sync'], { ...as, env: clean, cwd: dir, stdio: 'pipe' });
    const postgres = start(join(bin, 'postgres'), ['-D', data, '-p', String(port), '-k', dir, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'], { ...as, env: clean, cwd: dir, stdio: log });
    undo.push(async () => {
      postgres.kill('SIGINT');
      await ended(postgres);
    });
    for (let tries = 0; ; tries++) {
      try {
        execFileSync(join(bin, 'createdb'), ['-h', dir, '-p', String(port), '-U', 'grocery', 'grocery'], { ...as, env: clean, cwd: dir, stdio: 'pipe' });
        break;
      } catch (error) {
        if (tries === 100 || postgres.exitCode !== null) throw error;
        await new Promise((done) => setTimeout(done, 100));
      }
    }

    // The backend.
    const program = process.env.GROCERY_API || join(dir, 'grocery-api');
    if (!process.env.GROCERY_API) execFileSync('go', ['build', '-o', program, './cmd/grocery-api'], { cwd: root, stdio: 'inherit' });
    const avatars = join(dir, 'avatars');
    mkdirSync(avatars);
    const apiPort = await freePort();
    const url = `http://127.0.0.1:${apiPort}`;
    const secret = randomBytes(32).toString('hex');
    let api;
    const backend = {
      url,
      async start() {
        api = start(program, [], {
          cwd: dir,
          stdio: log,
          env: {
            ...clean,
            GROCERY_ADDR: `127.0.0.1:${apiPort}`,
            DB_HOST: '127.0.0.1',
            DB_PORT: String(port),
            DB_NAME: 'grocery',
            DB_USER: 'grocery',
            DB_PASSWORD: 'any',
            DB_SSLMODE: 'disable',
            JWT_SECRET: secret,
            AVATAR_DIR: avatars,
            PAYMENT_PROVIDER: 'test',
            ...env,
          },
        });
        await answers(`${url}/ready`);
      },
      async stop() {
        api.kill('SIGKILL');
        await ended(api);
      },
    };
    await backend.start();
    undo.push(() => backend.stop());

    // The page, with the API behind it as a load balancer would have it.
    const base = `http://127.0.0.1:${await servePage(dir, url, undo, log)}`;
    await answers(`${base}/api/v1/categories`);
    return {
      base,
      backend,
      sql: (text) => execFileSync(join(bin, 'psql'), ['-h', dir, '-p', String(port), '-U', 'grocery', '-d', 'grocery', '-qAtX', '-v', 'ON_ERROR_STOP=1', '-c', text], { ...as, env: clean, cwd: dir, encoding: 'utf8' }).trim(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
