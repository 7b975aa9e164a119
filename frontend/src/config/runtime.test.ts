import { expect, it } from 'vitest';
import { backendBase } from './runtime';

const page = { hostname: 'shop.elb.localhost', href: 'http://shop.elb.localhost:8080/basket' };

it.each([
  ['nothing', undefined, ''],
  ['an empty value', ' ', ''],
  ['the page’s own host', 'http://shop.elb.localhost', ''],
  ['the page’s own host on another port', 'http://shop.elb.localhost:5000/', ''],
  ['the page’s own host with another scheme and case', 'https://SHOP.elb.localhost', ''],
  ['a folder of the page’s own host', 'http://shop.elb.localhost/base/', '/base'],
  ['another host', 'https://api.example.com:8443', 'https://api.example.com:8443'],
  ['a folder of another host', 'http://api.example.com/base/', 'http://api.example.com/base'],
  ['what is no address', 'http://', ''],
])('%s as the backend', (_, configured, base) => expect(backendBase(configured, page)).toBe(base));
