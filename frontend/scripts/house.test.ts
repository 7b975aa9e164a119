// @vitest-environment node
// Rules of the house that no compiler holds: the borders inside the page, the numbers it shares with the backend, and a
// lock file that names no address.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import openapiTS, { astToString } from 'openapi-typescript';
import { describe, expect, it } from 'vitest';
import * as shop from '@/config/shop';
import { RULES } from '@/features/checkout/address';

const src = resolve(import.meta.dirname, '../src');
const room = (file: string) => {
  const [top = '', feature = ''] = relative(src, file).split('/');
  return top === 'features' ? { top, feature } : { top, feature: '' };
};

/** What each room may import. */
const MAY: Record<string, string[]> = {
  config: ['config'],
  lib: ['lib', 'config'],
  components: ['components', 'lib', 'config'],
  features: ['features', 'components', 'lib', 'config'],
  app: ['app', 'features', 'components', 'lib', 'config'],
  testing: ['testing', 'app', 'lib', 'config'],
  'main.tsx': ['app', 'components'],
};

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((f) => /\.tsx?$/.test(f) && !/\.test\.tsx?$/.test(f))
  .map((f) => join(src, f));

describe('imports go one way', () => {
  it.each(files.map((f) => [relative(src, f), f]))('%s', (_, file) => {
    const from = room(file);
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(/(?:from|import\(?)\s*'([^']+)'/g)) {
      if (!target.startsWith('.') && !target.startsWith('@/')) continue;
      const to = room(target.startsWith('@/') ? join(src, target.slice(2)) : resolve(dirname(file), target));
      expect(MAY[from.top], `${from.top} imports ${target}`).toContain(to.top);
      if (from.top === 'features' && to.top === 'features') expect(to.feature, `feature ${from.feature} imports ${target}`).toBe(from.feature);
    }
  });
});

describe('the page tells the backend’s rules', () => {
  const folder = resolve(src, '../../backend');
  const backend = readdirSync(folder)
    .filter((f) => f.endsWith('.go'))
    .map((f) => readFileSync(join(folder, f), 'utf8'))
    .join('\n');
  it.each([
    ['DeliveryFee', shop.DELIVERY_FEE],
    ['FreeDelivery', shop.FREE_DELIVERY_FROM],
    ['MaxQuantity', shop.MAX_QUANTITY],
    ['AdultAge', shop.ADULT_AGE],
    ['MinPasswordLength', shop.MIN_PASSWORD_LENGTH],
    ['MaxUsernameLength', shop.MAX_USERNAME_LENGTH],
    ['MaxCommentLength', shop.MAX_COMMENT_LENGTH],
    ['MaxQueryLength', shop.MAX_QUERY_LENGTH],
  ])('%s', (constant, value) => {
    expect(new RegExp(`\\b${constant}\\b[ \\w]*=\\s*(\\d+)`).exec(backend)?.[1]).toBe(String(value));
  });
});

describe('the page asks for an address as the backend takes it', () => {
  const backend = readFileSync(resolve(src, '../../backend/address.go'), 'utf8');

  it.each(Object.entries(RULES))('%s', (field, { maxLength }) => {
    expect(new RegExp(`\\{"${field}", &a\\.\\w+, (\\d+), `).exec(backend)?.[1]).toBe(String(maxLength));
  });

  it.each([
    ['postal_code', /only\(s, isAlphanumeric, "([^"]+)"\)/],
    ['phone', /only\(s, isDigit, "([^"]+)"\)/],
  ] as const)('the characters of a %s', (field, others) => {
    const allowed = others.exec(backend)?.[1];
    const pattern = new RegExp(`^(?:${RULES[field].pattern})$`, 'v');
    const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    const taken = ascii.filter((c) => pattern.test(`1${c}`) && !/[A-Za-z0-9]/.test(c));
    expect(taken.sort()).toEqual([...(allowed ?? '')].sort());
  });
});

it('knows the API as it is described now; otherwise: npm run types', async () => {
  const described = astToString(await openapiTS(new URL('../../backend/api/openapi.yaml', import.meta.url)));
  expect(readFileSync(join(src, 'lib/api-schema.ts'), 'utf8').endsWith(described)).toBe(true);
});

it('locks versions and hashes, not addresses', () => {
  const lock = readFileSync(resolve(src, '../package-lock.json'), 'utf8');
  expect(lock).not.toContain('"resolved"');
  expect(lock).toContain('"integrity"');
});
