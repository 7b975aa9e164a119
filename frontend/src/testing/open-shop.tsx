import { render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { App } from '@/app/App';
import { createQueryClient } from '@/lib/query-client';
import { session } from '@/lib/session';
import type { ShopAPI } from './shop-api';

/** Opens the page at an address as a shopper would; with an API, signed in there. */
export function openShop(path = '/', signedInAt?: ShopAPI) {
  if (signedInAt) session.begin(signedInAt.session());
  window.history.replaceState(null, '', path);
  const user = userEvent.setup({ delay: null });
  const { unmount } = render(<App queryClient={createQueryClient(1)} />);
  return Object.assign(user, { unmount });
}
