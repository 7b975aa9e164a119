import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, vi } from 'vitest';
import { backendBase } from './runtime';

const page = { hostname: 'shop.elb.localhost', href: 'http://shop.elb.localhost:8080/basket' };

const BASES: [name: string, configured: string | undefined, base: string][] = [
  ['nothing', undefined, ''],
  ['an empty value', ' ', ''],
  ['the page’s own host', 'http://shop.elb.localhost', ''],
  ['the page’s own host on another port', 'http://shop.elb.localhost:5000/', ''],
  ['the page’s own host with another scheme and case', 'https://SHOP.elb.localhost', ''],
  ['a folder of the page’s own host', 'http://shop.elb.localhost/base/', '/base'],
  ['another host', 'https://api.example.com:8443', 'https://api.example.com:8443'],
  ['a folder of another host', 'http://api.example.com/base/', 'http://api.example.com/base'],
  ['what is no address', 'http://', ''],
];

it.each(BASES)('%s as the backend', (_, configured, base) => expect(backendBase(configured, page)).toBe(base));

describe('before the page’s own code', () => {
  const script = readFileSync(resolve(import.meta.dirname, '../../public/early.js'), 'utf8');
  const PRODUCT = { id: 12, image_url: '/products/1f34e.webp' };

  /** Runs early.js as the head of a page would. */
  function open(path: string, { configured, theme, files }: { configured?: string; theme?: string; files?: string } = {}) {
    const asked = vi.fn<(url: string, init: RequestInit) => Promise<Response>>(() => Promise.resolve(Response.json(PRODUCT)));
    const pictures: { src?: string; fetchPriority?: string }[] = [];
    const links: { rel?: string; href?: string }[] = [];
    const style: { colorScheme?: string } = {};
    const window: Pick<Window, '__GROCERY_CONFIG__' | '__GROCERY_EARLY__'> = { __GROCERY_CONFIG__: { backendServer: configured } };
    runInNewContext(script, {
      window,
      URL,
      AbortSignal,
      fetch: asked,
      location: new URL(path, page.href),
      localStorage: { getItem: () => theme ?? null },
      document: { documentElement: { style }, currentScript: { dataset: { files } }, createElement: () => ({}), head: { append: (link: object) => links.push(link) } },
      Image: function () {
        const picture = {};
        pictures.push(picture);
        return picture;
      },
    });
    return { asked, pictures, links, style, window };
  }

  it.each(BASES)('a product is asked for at the same place as later: %s', (_, configured, base) => {
    const { asked, window } = open('/product/12', { configured });
    expect(asked).toHaveBeenCalledTimes(1);
    expect(asked.mock.calls[0]?.[0]).toBe(`${base}/api/v1/products/12`);
    expect(window.__GROCERY_EARLY__?.url).toBe(`${base}/api/v1/products/12`);
  });

  it('the picture and the code of the page are sent for, and the answer is left to be read', async () => {
    const { pictures, links, window } = open('/product/12', { files: '/assets/a.js /assets/b.js' });
    expect(links).toEqual([
      { rel: 'modulepreload', href: '/assets/a.js' },
      { rel: 'modulepreload', href: '/assets/b.js' },
    ]);
    await vi.waitFor(() => expect(pictures).toEqual([{ fetchPriority: 'high', src: PRODUCT.image_url }]));
    const answer = await window.__GROCERY_EARLY__?.answer;
    expect(await answer?.json()).toEqual(PRODUCT);
  });

  it.each(['/', '/basket', '/product/x', '/product/0', '/products/12', '/product/12/more'])('nothing is asked for at %s', (path) => {
    const { asked, links, window } = open(path, { files: '/assets/a.js' });
    expect(asked).not.toHaveBeenCalled();
    expect(links).toEqual([]);
    expect(window.__GROCERY_EARLY__).toBeUndefined();
  });

  it.each([
    ['dark', 'dark'],
    ['light', 'light'],
    ['purple', undefined],
    [undefined, undefined],
  ])('the chosen theme %s is that of the page', (theme, scheme) => expect(open('/', { theme }).style.colorScheme).toBe(scheme));
});
