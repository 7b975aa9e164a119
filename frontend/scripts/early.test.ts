// @vitest-environment node
import type { Rolldown } from 'vite';
import { expect, it } from 'vitest';
import { filesOf } from './early.mjs';

const chunk = (fileName: string, imports: string[] = [], more = {}) => ({ type: 'chunk', fileName, imports, isEntry: false, facadeModuleId: null, ...more });
const bundle = Object.fromEntries(
  [
    chunk('index.js', ['shared.js'], { isEntry: true }),
    chunk('shared.js'),
    chunk('page.js', ['shared.js', 'goods.js'], { facadeModuleId: '/x/src/app/routes/ProductPage.tsx' }),
    chunk('goods.js', ['deeper.js']),
    chunk('deeper.js'),
    chunk('other.js'),
  ].map((c) => [c.fileName, c]),
) as unknown as Rolldown.OutputBundle;

it('a page that comes later needs its own files and those they import, less what is there from the start', () => {
  expect(filesOf(bundle, '/routes/ProductPage.tsx')).toEqual(['page.js', 'goods.js', 'deeper.js']);
});

it('a page without a file of its own stops the build', () => {
  expect(() => filesOf(bundle, '/routes/Nowhere.tsx')).toThrow('no chunk of its own');
});
