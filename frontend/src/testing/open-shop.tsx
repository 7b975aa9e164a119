import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { App } from '@/app/App';
import { createQueryClient } from '@/lib/query-client';
import { session } from '@/lib/session';
import { tokenOf } from './shop-api';

/** Opens the page at an address as a shopper would, signed in if asked to. */
export function openShop(path = '/', { signedIn = false } = {}) {
  if (signedIn) session.begin(tokenOf('anna@example.com'));
  window.history.replaceState(null, '', path);
  const user = userEvent.setup();
  render(<App queryClient={createQueryClient(1)} />);
  return user;
}
