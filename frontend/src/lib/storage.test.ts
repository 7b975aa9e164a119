import { expect, it, vi } from 'vitest';
import { storage } from './storage';

it('keeps what the browser takes', () => {
  storage.set('a', '1');
  expect(localStorage.getItem('a')).toBe('1');
  localStorage.setItem('a', '2');
  expect(storage.get('a')).toBe('2');
  storage.set('a', null);
  expect(storage.get('a')).toBeNull();
});

it('remembers what a full disk does not take, until it does', () => {
  localStorage.setItem('a', 'old');
  const full = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
    throw new DOMException('Full.', 'QuotaExceededError');
  });
  storage.set('a', 'new');
  expect(storage.get('a')).toBe('new');
  full.mockRestore();
  storage.set('a', 'newer');
  expect(localStorage.getItem('a')).toBe('newer');
  storage.set('a', null);
  expect(storage.get('a')).toBeNull();
});
