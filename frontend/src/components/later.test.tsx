import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import type { ComponentType } from 'react';
import { beforeEach, expect, it, vi } from 'vitest';
import { server } from '@/testing/server';
import { Guard, later, NotArrived, sendAhead } from './Later';

const Goods = () => <p>Goods</p>;
const broken = () => Promise.reject(new TypeError('Failed to fetch dynamically imported module'));

/** A part that fails so many times before it comes. */
const part = (failures: number) => {
  const load = vi.fn(() => (load.mock.calls.length <= failures ? broken() : Promise.resolve({ default: Goods })));
  return { load, Part: later(load) };
};

function open(Part: ComponentType<object>, at = '/') {
  const shop = (where: string) => (
    <>
      <p>The rest of the page</p>
      <Guard
        at={where}
        fallback={(error, again) => (
          <button type="button" onClick={again}>
            {error instanceof NotArrived ? 'Try again' : 'Broken'}
          </button>
        )}
      >
        <Part />
      </Guard>
    </>
  );
  const { rerender } = render(shop(at));
  return { user: userEvent.setup({ delay: null }), goTo: (where: string) => rerender(shop(where)) };
}

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined); // React tells of every failure that is caught
  server.use(http.head('/', () => HttpResponse.error()));
});

it('comes when it is needed, once', async () => {
  const { load, Part } = part(0);
  expect(load).not.toHaveBeenCalled();
  const { goTo } = open(Part);
  expect(await screen.findByText('Goods')).toBeInTheDocument();
  goTo('/elsewhere');
  expect(screen.getByText('Goods')).toBeInTheDocument();
  expect(load).toHaveBeenCalledTimes(1);
});

it('that does not arrive leaves the rest of the page as it is, and comes when tried again', async () => {
  const { Part } = part(1);
  const { user } = open(Part);
  await user.click(await screen.findByRole('button', { name: 'Try again' }));
  expect(await screen.findByText('Goods')).toBeInTheDocument();
  expect(screen.getByText('The rest of the page')).toBeInTheDocument();
});

it.each([
  ['when the browser is back online', () => window.dispatchEvent(new Event('online'))],
  ['on another page', (goTo: (where: string) => void) => goTo('/elsewhere')],
])('is tried again %s', async (_, happens) => {
  const { Part } = part(1);
  const { goTo } = open(Part);
  await screen.findByRole('button', { name: 'Try again' });
  happens(goTo);
  expect(await screen.findByText('Goods')).toBeInTheDocument();
});

it('is not needed any more when it was sent for ahead; a failure of that is nobody’s trouble', async () => {
  const good = part(0);
  const bad = part(1);
  await sendAhead();
  const calls = good.load.mock.calls.length;
  open(good.Part);
  expect(await screen.findByText('Goods')).toBeInTheDocument();
  expect(good.load).toHaveBeenCalledTimes(calls);
  open(bad.Part);
  await waitFor(() => expect(screen.getAllByText('Goods')).toHaveLength(2));
});

it('does not load the page anew when that was in vain before', async () => {
  let asked = 0;
  server.use(
    http.head('/', () => {
      asked++;
      return new HttpResponse();
    }),
  );
  sessionStorage.setItem('grocery.renewed', 'yes');
  open(part(1).Part);
  expect(await screen.findByRole('button', { name: 'Try again' })).toBeInTheDocument();
  expect(asked).toBe(0);
});

it('that has a fault of its own is told from one that did not arrive', async () => {
  open(
    later(() =>
      Promise.resolve({
        default: (): never => {
          throw new Error('a fault');
        },
      }),
    ),
  );
  expect(await screen.findByRole('button', { name: 'Broken' })).toBeInTheDocument();
});
